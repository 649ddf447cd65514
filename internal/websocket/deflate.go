// SPDX-License-Identifier: MIT

package websocket

import (
	"bytes"
	"errors"
	"io"
	"math"
	"sync"

	"github.com/gobwas/ws"
	"github.com/klauspost/compress/flate"
)

// Params are what was negotiated for the compression of one connection, seen from this
// side. They are not changed.
type Params struct {
	OutTakeover bool // what this side sends refers to earlier messages
	InTakeover  bool // what the peer sends does
	OutBits     int  // base-2 logarithm of the window of what this side sends
	Threshold   int  // size of a message from which on it is compressed, in bytes
	Level       int  // of compress/flate
}

// maxBits is the base-2 logarithm of the largest window.
const maxBits = 15

// tail ends a flushed block, and is left out (RFC 7692, section 7.2.1).
const tail = "\x00\x00\xff\xff"

// Shared reports whether the frames of two connections with these parameters are
// interchangeable, so that a broadcast is compressed once.
func (p *Params) Shared() bool { return p != nil && !p.OutTakeover && p.OutBits == maxBits }

// Deflater compresses what one connection sends. It holds a window at most, and that only
// with takeover. It is not safe for concurrent use.
type Deflater struct {
	params *Params
	window window
}

// NewDeflater returns the Deflater of a connection.
func NewDeflater(p *Params) *Deflater { return &Deflater{params: p} }

// AppendFrame appends a whole frame, header and payload, and returns the extended buffer.
// The payload is compressed if it has the size for that and, without takeover, gets
// smaller by it.
func (d *Deflater) AppendFrame(dst []byte, op ws.OpCode, payload []byte) []byte {
	payload, compressed := d.pack(payload)
	return append(AppendHeader(dst, op, len(payload), compressed), payload...)
}

// pack returns what a frame carries of a payload, and whether that is compressed.
func (d *Deflater) pack(payload []byte) (packed []byte, compressed bool) {
	p := d.params
	if len(payload) < p.Threshold {
		return payload, false
	}
	packed = deflate(p, d.window.bytes, payload)
	if !p.OutTakeover && len(packed) >= len(payload) {
		return payload, false
	}
	if p.OutTakeover { // later messages will refer to this one, even if it gets no smaller
		d.window.add(payload)
	}
	return packed, true
}

// window holds the last bytes of what one side has sent in compressed messages.
type window struct{ bytes []byte }

const windowSize = 1 << maxBits

// add appends what was sent.
func (w *window) add(p []byte) {
	if len(p) >= windowSize {
		w.bytes = append(w.bytes[:0], p[len(p)-windowSize:]...)
		return
	}
	if drop := len(w.bytes) + len(p) - windowSize; drop > 0 {
		w.bytes = w.bytes[:copy(w.bytes, w.bytes[drop:])]
	}
	w.bytes = append(w.bytes, p...)
}

// packer is a compressor and where it writes to.
type packer struct {
	writer *flate.Writer
	out    bytes.Buffer
}

// packers are borrowed for one message: a compressor takes some hundred kilobytes. There
// is a pool for each level, and below the full window, where there are no levels, for each size.
var packers [maxBits + flate.BestCompression + 1]sync.Pool

func borrow(p *Params) (*packer, *sync.Pool) {
	pool := &packers[p.OutBits]
	if p.OutBits == maxBits {
		pool = &packers[maxBits+p.Level]
	}
	if k, ok := pool.Get().(*packer); ok {
		return k, pool
	}
	k := new(packer)
	if p.OutBits == maxBits {
		k.writer, _ = flate.NewWriter(&k.out, p.Level) // the level has been checked
	} else {
		k.writer, _ = flate.NewWriterWindow(&k.out, 1<<p.OutBits)
	}
	return k, pool
}

// smallMessage is the size below which the fast levels do not even look for matches,
// though a window may well have them.
const smallMessage = 256

// deflate compresses a message. The result is memory of its own.
func deflate(p *Params, dict, payload []byte) []byte {
	k, pool := borrow(p)
	defer pool.Put(k)
	k.out.Reset()
	if len(payload) < smallMessage && p.OutBits == maxBits {
		_ = flate.StatelessDeflate(&k.out, payload, false, dict)
	} else {
		k.writer.ResetDict(&k.out, dict)
		_, _ = k.writer.Write(payload) // a bytes.Buffer takes everything
		_ = k.writer.Flush()
	}
	packed := bytes.Clone(bytes.TrimSuffix(k.out.Bytes(), []byte(tail)))
	if k.out.Cap() > 1<<20 {
		k.out = bytes.Buffer{}
	}
	return packed
}

// inflater decompresses what one connection receives. It holds a window at most, and that
// only with takeover.
type inflater struct{ window window }

// unpacker is a decompressor and what it reads from.
type unpacker struct {
	reader io.Reader
	in     bytes.Reader
	first  []byte // memory for small messages, and for the beginning of larger ones
}

// unpackers are borrowed for one message.
var unpackers = sync.Pool{New: func() any {
	u := &unpacker{first: make([]byte, 0, growStep)}
	u.reader = flate.NewReader(&u.in)
	return u
}}

// lastBlock ends the data: the tail that the sender has left out, and a final empty block.
const lastBlock = tail + "\x01\x00\x00\xff\xff"

// maxFinals limits the final blocks within one message, which are allowed (RFC 7692,
// section 7.2.3.4) and rare: after each the decompressor starts again.
const maxFinals = 16

// inflate decompresses a message of which the result has at most maxBytes, into memory of
// its own. Until that is known, no more is taken than maxBytes and a constant. The error
// is ErrTooBig or ErrDeflate.
func (f *inflater) inflate(data []byte, maxBytes int64, p *Params) ([]byte, error) {
	maxBytes = min(maxBytes, math.MaxInt64-1) // one more tells that there is too much
	if len(data) == 0 {                       // some compressors make this of nothing, instead of section 7.2.3.6
		return []byte{}, nil
	}
	u := unpackers.Get().(*unpacker)
	defer func() {
		u.in.Reset(nil)
		unpackers.Put(u)
	}()
	u.in.Reset(append(data, lastBlock...))
	out := pieces{last: u.first}
	history := f.window.bytes
	for range maxFinals {
		if u.reader.(flate.Resetter).Reset(&u.in, history) != nil {
			return nil, ErrDeflate
		}
		if err := u.read(&out, maxBytes); err != nil {
			return nil, err
		}
		if n := u.in.Len(); n == 0 || n == len(lastBlock) { // or the data has a final block at its end
			whole := out.join()
			if p.InTakeover {
				f.window.add(whole)
			}
			return whole, nil
		}
		w := window{bytes.Clone(f.window.bytes)}
		out.each(w.add)
		history = w.bytes
	}
	return nil, ErrDeflate
}

// read adds what can be decompressed until a final block.
func (u *unpacker) read(out *pieces, maxBytes int64) error {
	for {
		n, err := u.reader.Read(out.room(maxBytes))
		out.wrote(n)
		switch {
		case out.size > maxBytes:
			return ErrTooBig
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return ErrDeflate
		}
	}
}

// pieces are the parts of a message of unknown size. Growing costs no copies, and no
// memory beyond the limit.
type pieces struct {
	full [][]byte
	last []byte
	size int64
}

// room returns memory to write to, of one byte more than is allowed, which tells that
// there is too much.
func (p *pieces) room(maxBytes int64) []byte {
	if len(p.last) == cap(p.last) {
		p.full = append(p.full, p.last)
		p.last = make([]byte, 0, min(p.size, maxBytes+1-p.size))
	}
	free := p.last[len(p.last):cap(p.last)]
	return free[:min(int64(len(free)), maxBytes+1-p.size)]
}

// wrote adds the first n bytes of what room has returned.
func (p *pieces) wrote(n int) {
	p.last = p.last[:len(p.last)+n]
	p.size += int64(n)
}

// each calls f with the pieces in order.
func (p *pieces) each(f func([]byte)) {
	for _, piece := range p.full {
		f(piece)
	}
	f(p.last)
}

// join returns all pieces as one, in memory of its own.
func (p *pieces) join() []byte {
	whole := make([]byte, 0, p.size)
	p.each(func(piece []byte) { whole = append(whole, piece...) })
	return whole
}
