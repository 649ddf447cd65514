// SPDX-License-Identifier: MIT

package envelope

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// ErrBinary is the error of putting binary data into JSON.
var ErrBinary = errors.New("envelope: binary data does not fit into JSON")

var errSize = errors.New("envelope: message of 2 GiB or more")

// Writer writes a message, in JSON or in MessagePack: its methods do not tell the difference.
// The caller is to write as many members or elements as he has promised, each member a Key
// and a value. The zero value writes JSON.
type Writer struct {
	buf    []byte
	packed bool
	open   []byte // closing brackets of JSON
	err    error
}

// NewWriter returns a Writer that appends to dst.
func NewWriter(dst []byte, packed bool) *Writer { return &Writer{buf: dst, packed: packed} }

// Bytes returns what was written, and the first error.
func (w *Writer) Bytes() ([]byte, error) {
	if w.err == nil && len(w.buf) > math.MaxInt32 {
		w.err = errSize
	}
	return w.buf, w.err
}

// value begins a value of JSON.
func (w *Writer) value() {
	if len(w.open) == 0 {
		return
	}
	switch w.buf[len(w.buf)-1] {
	case '{', '[', ':':
	default:
		w.buf = append(w.buf, ',')
	}
}

// Object begins an object with n members. End must follow behind them.
func (w *Writer) Object(n int) { w.begin(n, '{', '}') }

// Array begins an array with n elements. End must follow behind them.
func (w *Writer) Array(n int) { w.begin(n, '[', ']') }

func (w *Writer) begin(n int, open, end byte) {
	switch {
	case !w.packed:
		w.value()
		w.buf = append(w.buf, open)
		w.open = append(w.open, end)
	case open == '{':
		w.buf = msgp.AppendMapHeader(w.buf, uint32(n))
	default:
		w.buf = msgp.AppendArrayHeader(w.buf, uint32(n))
	}
}

// End ends what was begun last.
func (w *Writer) End() {
	if w.packed {
		return
	}
	last := len(w.open) - 1
	w.buf = append(w.buf, w.open[last])
	w.open = w.open[:last]
}

// Key writes the name of a member.
func (w *Writer) Key(name string) {
	w.String(name)
	if !w.packed {
		w.buf = append(w.buf, ':')
	}
}

// String writes a string. What is not UTF-8 becomes U+FFFD.
func (w *Writer) String(s string) {
	if w.packed {
		if !utf8.ValidString(s) {
			s = strings.ToValidUTF8(s, "\uFFFD")
		}
		w.buf = msgp.AppendString(w.buf, s)
		return
	}
	w.value()
	w.buf, _ = jsontext.AppendQuote(w.buf, s) // the error tells of invalid UTF-8
}

// Int writes an integer.
func (w *Writer) Int(n int64) {
	switch {
	case !w.packed:
		w.value()
		w.buf = strconv.AppendInt(w.buf, n, 10)
	case n >= 0:
		w.buf = msgp.AppendUint64(w.buf, uint64(n))
	default:
		w.buf = msgp.AppendInt64(w.buf, n)
	}
}

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	if w.packed {
		w.buf = msgp.AppendBool(w.buf, v)
		return
	}
	w.value()
	w.buf = strconv.AppendBool(w.buf, v)
}

// Null writes null.
func (w *Writer) Null() {
	if w.packed {
		w.buf = msgp.AppendNil(w.buf)
		return
	}
	w.value()
	w.buf = append(w.buf, "null"...)
}

// Strings writes an array of strings.
func (w *Writer) Strings(list []string) {
	w.Array(len(list))
	for _, s := range list {
		w.String(s)
	}
	w.End()
}

// Arg writes the i-th argument; null if there is no such argument.
func (w *Writer) Arg(args packet.Args, i int) {
	raw, ok := args.Raw(i)
	if !ok {
		w.Null()
		return
	}
	switch {
	case w.packed:
		w.keep(msgpack.AppendArg(w.buf, args, i))
		return
	case len(args.Attachments()) > 0:
		w.fail(ErrBinary)
	}
	w.value()
	if !utf8.Valid(raw) {
		raw = []byte(strings.ToValidUTF8(string(raw), "\uFFFD"))
	}
	w.buf = append(w.buf, raw...)
}

// Args writes an array of all arguments.
func (w *Writer) Args(args packet.Args) {
	if w.packed {
		w.keep(msgpack.AppendArgs(w.buf, args))
		return
	}
	w.Array(args.Len())
	for i := range args.Len() {
		w.Arg(args, i)
	}
	w.End()
}

func (w *Writer) keep(buf []byte, err error) {
	w.buf = buf
	w.fail(err)
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Options writes the "opts" of requests and broadcasts, with the flags if there are any.
//
// Official receivers drop what they keep of a broadcast with acknowledgements after
// flags.timeout, at once if there is none (A2.6, top-25 #19).
func (w *Writer) Options(o adapter.Options) {
	w.Object(3)
	w.Key("rooms")
	w.Strings(o.Rooms)
	w.Key("except")
	w.Strings(o.Except)
	w.Key("flags")
	w.Flags(o)
	w.End()
}

// Flags writes the flags alone.
func (w *Writer) Flags(o adapter.Options) {
	n := 0
	for _, on := range []bool{o.Volatile, o.Plain, o.Timeout > 0, o.Single} {
		if on {
			n++
		}
	}
	w.Object(n)
	if o.Volatile {
		w.Key("volatile")
		w.Bool(true)
	}
	if o.Plain {
		w.Key("compress")
		w.Bool(false)
	}
	if o.Timeout > 0 {
		w.Key("timeout")
		w.Int(max(1, o.Timeout.Milliseconds()))
	}
	if o.Single {
		w.Key("expectSingleResponse")
		w.Bool(true)
	}
	w.End()
}

// Packet writes the packet of a Broadcast. Unless nsp is "", it names the namespace, as
// the classic Redis adapter has it.
func (w *Writer) Packet(args packet.Args, nsp string) {
	n := 2
	if nsp != "" {
		n++
	}
	w.Object(n)
	w.Key("type")
	w.Int(int64(packet.Event))
	w.Key("data")
	w.Args(args)
	if nsp != "" {
		w.Key("nsp")
		w.String(nsp)
	}
	w.End()
}

// Sockets writes the sockets of a FetchSocketsResponse.
func (w *Writer) Sockets(list []adapter.Socket) {
	w.Array(len(list))
	for i := range list {
		s := &list[i]
		w.Object(4)
		w.Key("id")
		w.String(s.ID)
		w.Key("handshake")
		w.object(s.Handshake)
		w.Key("rooms")
		w.Strings(s.Rooms)
		w.Key("data")
		w.object(s.Data)
		w.End()
	}
	w.End()
}

// object writes an argument, or an empty object in its place.
func (w *Writer) object(args packet.Args) {
	if args.Len() == 0 {
		w.Object(0)
		w.End()
		return
	}
	w.Arg(args, 0)
}
