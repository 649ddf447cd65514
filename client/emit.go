// SPDX-License-Identifier: MIT

package client

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/packet"
)

// outPacket is an event that waits for a connection or for its acknowledgement.
type outPacket struct {
	event       string
	args        []any
	text        []byte
	attachments [][]byte
	opt         dial.SendOptions
	id          uint64 // of the acknowledgement

	waiting bool // in Socket.buffer

	// Of Socket.retries.
	tries  int
	flying bool        // sent, and not answered
	done   chan answer // nil: nobody waits
	timer  *timer
}

func (p *outPacket) size() int {
	n := len(p.text)
	for _, a := range p.attachments {
		n += len(a)
	}
	return n
}

// size is about the size of an event in bytes.
func size(event string, args Args) int {
	n := len(event)
	for i := range args.Len() {
		raw, _ := args.Raw(i)
		n += len(raw)
	}
	for _, a := range args.Attachments() {
		n += len(a)
	}
	return n
}

// Emit sends an event to the server. It never blocks. While the socket is not connected,
// the event waits, within Config.BufferPackets and BufferBytes, beyond which it returns
// ErrBufferFull and forgets it. It returns an error, and sends nothing, if an argument
// cannot be encoded or the event's name is reserved (*packet.ReservedError), and ErrClosed
// after Close. A nil error does not mean that the server has got the event: unless
// SocketConfig.Retries is set, what was sent when the connection breaks may be lost.
//
// A []byte at any depth of an argument travels as a binary attachment.
func (s *Socket) Emit(event string, args ...any) error {
	return s.emit(event, args, dial.SendOptions{})
}

// Send is Emit of the event "message" (C3.21).
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// Sender sends the events of a socket in another way. It is a value: safe to share.
type Sender struct {
	s   *Socket
	opt dial.SendOptions
}

// Volatile returns a Sender for events that may be lost. See Socket.Volatile.
func (e Sender) Volatile() Sender { e.opt.Volatile = true; return e }

// Compress returns a Sender for events that are, or are not, compressed.
func (e Sender) Compress(on bool) Sender { e.opt.NoCompression = !on; return e }

// Emit sends an event. See Socket.Emit.
func (e Sender) Emit(event string, args ...any) error { return e.s.emit(event, args, e.opt) }

// EmitWithAck sends an event and waits for the answer. See Socket.EmitWithAck.
func (e Sender) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return e.s.emitWithAck(ctx, event, args, e.opt)
}

func (s *Socket) emit(event string, args []any, opt dial.SendOptions) error {
	if s.cfg.Retries > 0 && !opt.Volatile {
		_, err := s.queueRetry(event, args, opt, nil)
		return err
	}
	text, attachments, err := s.encode(packet.Packet{Type: packet.Event, Event: event, Args: args})
	if err != nil {
		return err
	}
	p := &outPacket{event: event, args: args, text: text, attachments: attachments, opt: opt}
	s.manager.mu.Lock()
	left, err := s.put(p)
	s.manager.mu.Unlock()
	if left {
		s.sent(event, args)
	}
	return err
}

// put sends a packet, or keeps it until the socket is connected (C3.11). It reports whether
// it was sent. Manager.mu is held.
func (s *Socket) put(p *outPacket) (left bool, err error) {
	m := s.manager
	if m.closed {
		return false, ErrClosed
	}
	if s.connected && !s.link.session.Overdue() {
		s.flush()
		switch {
		case p.opt.Volatile && !s.link.session.Writable():
			return false, nil
		case len(s.buffer) == 0: // else it would come before what waits
			opt := p.opt
			opt.Volatile = false // decided above
			err := s.link.session.Send(p.text, p.attachments, opt)
			if !errors.Is(err, engine.ErrClosed) {
				return err == nil, sendError(err)
			} // the connection has ended a moment ago
		}
	}
	// JS differs: C3.12, the official client keeps volatile events while the server has not
	// accepted the socket yet.
	if p.opt.Volatile {
		return false, nil
	}
	n := p.size()
	if len(s.buffer) >= m.cfg.BufferPackets || len(s.buffer) > 0 && s.buffered+n > m.cfg.BufferBytes {
		return false, ErrBufferFull
	}
	s.buffer = append(s.buffer, p)
	s.buffered += n
	p.waiting = true
	return false, nil
}

// flush sends what has waited. Manager.mu is held.
func (s *Socket) flush() {
	for len(s.buffer) > 0 {
		p := s.buffer[0]
		if err := s.link.session.Send(p.text, p.attachments, p.opt); err != nil {
			if errors.Is(err, engine.ErrQueueFull) {
				s.flushSoon()
			}
			return // ended: with the next connection
		}
		p.waiting = false
		s.buffered -= p.size()
		s.buffer[0] = nil
		s.buffer = s.buffer[1:]
		s.pushSent(p)
	}
	s.buffer = nil
}

// flushSoon flushes again when the outbox may have room. Manager.mu is held.
func (s *Socket) flushSoon() {
	if s.flushing {
		return
	}
	s.flushing = true
	s.manager.later(func() {
		s.flushing = false
		if s.connected {
			s.flush()
			s.drain()
		}
	})
}

// unbuffer forgets a packet that waits. Manager.mu is held.
func (s *Socket) unbuffer(p *outPacket) {
	if i := slices.Index(s.buffer, p); i >= 0 {
		s.buffer = slices.Delete(s.buffer, i, i+1)
		s.buffered -= p.size()
		p.waiting = false
	}
}

// sendError maps an error of a session to one of this package.
func sendError(err error) error {
	switch {
	case errors.Is(err, engine.ErrClosed):
		return ErrClosed
	case errors.Is(err, engine.ErrQueueFull):
		return ErrBufferFull
	}
	return err
}

var errCodec = errors.New("client: the Codec returned neither a text nor one binary message")

// encode returns the messages of a packet: a text and its attachments, or, with a Codec, one
// that is binary.
func (s *Socket) encode(p packet.Packet) (text []byte, attachments [][]byte, err error) {
	p.Namespace = s.namespace
	codec := s.manager.cfg.Codec
	if codec == nil {
		return packet.Append(nil, &p)
	}
	text, attachments, err = codec.Append(nil, &p)
	if err == nil && len(text) == 0 && len(attachments) != 1 {
		err = errCodec
	}
	return text, attachments, err
}

// connectPacket returns the CONNECT packet (C3.3). Manager.mu is not held.
func (s *Socket) connectPacket(ctx context.Context) (text []byte, attachments [][]byte, err error) {
	auth := s.cfg.Auth
	if f := s.cfg.AuthFunc; f != nil {
		if auth, err = f(ctx); err != nil {
			return nil, nil, err
		}
	}
	p := packet.Packet{Type: packet.Connect}
	s.manager.mu.Lock()
	pid, offset := s.pid, s.offset
	s.manager.mu.Unlock()
	switch {
	case pid != "":
		object, err := withPid(pid, offset, auth)
		if err != nil {
			return nil, nil, err
		}
		p.Args = []any{packet.Raw(object)}
	case auth != nil:
		p.Args = []any{auth}
	}
	return s.encode(p)
}

var errAuth = errors.New("client: Auth is not a JSON object")

// withPid returns auth, an object, with the members pid and offset, unless it has them.
func withPid(pid, offset string, auth any) ([]byte, error) {
	object := jsontext.Value("{}")
	if auth != nil {
		text, err := json.Marshal(auth)
		if err != nil {
			return nil, err
		}
		object = text
	}
	var members map[string]jsontext.Value
	if object.Kind() != '{' || json.Unmarshal(object, &members) != nil {
		return nil, errAuth
	}
	var b bytes.Buffer
	b.WriteByte('{')
	add := func(name, value string) {
		if _, has := members[name]; has || value == "" {
			return
		}
		text, _ := jsontext.AppendQuote(nil, value) // pid and offset were valid text when they came
		b.WriteString(strconv.Quote(name) + ":")
		b.Write(text)
		b.WriteByte(',')
	}
	add("pid", pid)
	add("offset", offset)
	rest := bytes.TrimSpace(object)[1:]
	if bytes.Equal(bytes.TrimSpace(rest), []byte("}")) {
		return append(bytes.TrimSuffix(b.Bytes(), []byte(",")), '}'), nil
	}
	return append(b.Bytes(), rest...), nil
}
