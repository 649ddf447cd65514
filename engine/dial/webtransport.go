// SPDX-License-Identifier: MIT

package dial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// stream is the framing of a WebTransport stream: a header before each packet (E7.3).
type stream struct {
	*duplex
	head     [wire.MaxStreamHeader]byte // of an incomplete header
	headLen  int
	inPacket bool
	binary   bool
	left     int64 // bytes of the packet still to come
	packet   []byte
}

func (w *stream) name() string { return engine.WebTransport }

// connectStream opens a WebTransport session and its stream (C4.30).
func (d *Dialer) connectStream(ctx context.Context) (*duplex, error) {
	u := d.url
	u.Scheme = "https" // there is nothing else, whatever the URL of the server says
	r, err := d.newRequest(ctx, engine.WebTransport, http.MethodConnect, &u, nil)
	if err != nil {
		return nil, err
	}
	if f := d.cfg.OnRequest; f != nil {
		f(engine.WebTransport, r)
	}
	// What net/http does for the other transports.
	if user := r.URL.User; user != nil && r.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		r.SetBasicAuth(user.Username(), password)
	}
	r.URL.User = nil
	if jar := d.cfg.Jar; jar != nil {
		for _, c := range jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
	}
	conn, err := d.cfg.DialWebTransport(ctx, r.URL.String(), r.Header)
	if err != nil {
		e := d.fail(engine.WebTransport, r.Method, err)
		if refused, ok := errors.AsType[*Error](err); ok {
			e.Status, e.Code, e.Message, e.Err = refused.Status, refused.Code, refused.Message, refused.Err
		}
		return nil, e
	}
	w := &stream{duplex: &duplex{dialer: d, conn: conn}}
	w.framing = w
	return w.duplex, nil
}

// begin returns the first packet: a new session, or which one upgrades (E7.5).
func (w *stream) begin(sid string) []byte {
	open := item{kind: wire.Open}
	if sid != "" {
		open.data, _ = json.Marshal(struct {
			SID string `json:"sid"`
		}{sid}) // it came as JSON, so it can go as JSON
	}
	return w.appendItem(nil, &open)
}

// growStep is the most memory that is taken for a packet on the word of its header.
const growStep = 64 << 10

// parse takes any pieces of packets (E7.4).
func (w *stream) parse(p []byte) bool {
	for len(p) > 0 {
		if !w.inPacket {
			used, ok := w.header(p)
			p = p[used:]
			if !ok {
				return true // incomplete
			}
			if err := w.check(); err != nil {
				w.end(engine.ReasonTransportError, err, websocket.CloseNone)
				return false
			}
			w.inPacket, w.packet = true, make([]byte, 0, min(w.left, growStep))
		}
		n := min(int64(len(p)), w.left)
		w.packet = append(w.packet, p[:n]...)
		w.left -= n
		p = p[n:]
		if w.left > 0 {
			return true
		}
		data := w.packet
		w.inPacket, w.packet = false, nil
		if !w.binary && !utf8.Valid(data) {
			data = bytes.ToValidUTF8(data, []byte("\ufffd")) // as the official decoder does
		}
		if !w.message(data, w.binary) {
			return false
		}
	}
	return true
}

// header reads a header from what is kept in head and from p. It returns how many bytes
// of p it used, and false if the header is still incomplete.
func (w *stream) header(p []byte) (used int, ok bool) {
	kept := w.headLen
	used = copy(w.head[kept:], p)
	size, n, isBinary := wire.ParseStreamHeader(w.head[:kept+used])
	if size == 0 {
		w.headLen = kept + used
		return used, false
	}
	w.headLen, w.left, w.binary = 0, n, isBinary
	return size - kept, true
}

// check checks the length that a header tells.
func (w *stream) check() error {
	switch {
	case w.left == 0:
		return errEmpty
	case w.left < 0 || w.left > w.dialer.cfg.MaxPayloadBytes:
		return fmt.Errorf("%w: a packet of %d bytes", ErrTooLarge, uint64(w.left))
	}
	return nil
}

// appendItem appends a packet and its header.
func (w *stream) appendItem(buf []byte, i *item) []byte {
	switch {
	case i.binary && len(i.data) == 0:
		// JS differs: C4.30, a packet of no bytes is an error (E7.4), and the official client
		// sends it. The same as base64, in a text, is none.
		text := wire.AppendBase64(nil, wire.Packet{Type: i.kind, Binary: true})
		return append(wire.AppendStreamHeader(buf, len(text), false), text...)
	case i.binary:
		return append(wire.AppendStreamHeader(buf, len(i.data), true), i.data...)
	}
	buf = append(wire.AppendStreamHeader(buf, 1+len(i.data), false), digits[i.kind])
	return append(buf, i.data...)
}

// sayGoodbye ends the stream: the server reads what was written, and closes the session.
//
// JS differs: C4.30, the official client closes the session, and what it has just sent may
// get lost.
func (w *stream) sayGoodbye(websocket.Code) {
	if half, ok := w.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	w.hangUp()
}

// closedBy returns what the end of a stream means.
func (w *stream) closedBy(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrServerClosed
	}
	return err
}
