// SPDX-License-Identifier: MIT

package sio

import (
	"errors"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// textHint is the room made for the text of a packet: with the frame's header it
// fills an allocation of 128 bytes, enough for most.
const textHint = 117

// errCodec is the error of a Codec that breaks its contract.
var errCodec = errors.New("sio: the Codec returned neither the buffer it was given nor one binary message")

// encode returns the wire form of a packet. The default codec is called directly: an
// interface would have the packet and its arguments escape to the heap.
func (srv *Server) encode(p *packet.Packet) (*engine.Message, error) {
	if p.Type == packet.ConnectError {
		return srv.encodeRefusal(*p)
	}
	var m *engine.Message
	var err error
	if srv.cfg.Codec != nil {
		m, err = encodeCustom(srv.cfg.Codec, *p)
	} else {
		m, err = encodeDefault(p)
	}
	if err == nil && p.Type == packet.Disconnect { // a client that is not told comes back
		m.BeyondLimits()
	}
	return m, err
}

// encodeOnce is encode for an event or an acknowledgement that is sent once.
func (srv *Server) encodeOnce(p *packet.Packet) (*engine.Message, error) {
	if srv.cfg.Codec != nil {
		return encodeCustom(srv.cfg.Codec, *p)
	}
	m := engine.NewDraft(roomFor(p))
	text, attachments, err := packet.Append(m.Buffer(), p)
	if err != nil {
		m.Discard()
		return nil, err
	}
	return m.Finish(text, attachments), nil
}

func encodeDefault(p *packet.Packet) (*engine.Message, error) {
	text, attachments, err := packet.Append(engine.NewBuffer(roomFor(p)), p)
	if err != nil {
		return nil, err
	}
	return engine.NewMessage(text, attachments), nil
}

// roomFor returns the room made for the text of p, so that what is long, and known to be,
// need not be moved while it grows.
func roomFor(p *packet.Packet) int {
	n := 0
	for _, arg := range p.Args {
		switch arg := arg.(type) {
		case string:
			n += len(arg) + 3
		case packet.Raw:
			n += len(arg) + 1
		case packet.Args:
			for i := range arg.Len() {
				raw, _ := arg.Raw(i)
				n += len(raw) + 1
			}
		}
	}
	if n < textHint/2 {
		return textHint
	}
	return textHint + n
}

// encodeShared is encode for an Event that goes to other servers too, with its Args.
func (ns *Namespace) encodeShared(p *packet.Packet) (m *engine.Message, args Args, err error) {
	p.Namespace = ns.name
	codec := ns.server.cfg.Codec
	var text []byte
	var attachments [][]byte
	if codec == nil {
		// The arguments are the rest of the text: they are not encoded twice.
		if text, attachments, err = packet.Append(engine.NewBuffer(roomFor(p)), p); err == nil {
			m = engine.NewMessage(text, attachments)
			text = text[listStart(text, p, len(attachments)):]
		}
	} else if m, err = encodeCustom(codec, *p); err == nil {
		text, attachments, err = ns.server.appendPayload(p)
	}
	if err == nil {
		args, err = packet.NewArgs(slices.Clip(text), attachments, unlimited)
	}
	return m, args, err
}

// unlimited is for what this program has encoded.
var unlimited = packet.Limits{Attachments: -1, Depth: 1 << 20}

// appendPayload is packet.AppendPayload with the options of the Codec, if it has any.
func (srv *Server) appendPayload(p *packet.Packet) (json []byte, attachments [][]byte, err error) {
	if c, ok := srv.cfg.Codec.(payloader); ok {
		return appendCustom(c, *p)
	}
	return packet.AppendPayload(nil, p)
}

// appendCustom takes a copy of the packet, which escapes.
func appendCustom(c payloader, p packet.Packet) (json []byte, attachments [][]byte, err error) {
	return c.AppendPayload(nil, &p)
}

// adopt gives Args of another server the options of the Codec, if it has any.
func (srv *Server) adopt(args Args) Args {
	c, ok := srv.cfg.Codec.(interface {
		NewArgs(list []byte, attachments [][]byte, l packet.Limits) (Args, error)
	})
	if !ok {
		return args
	}
	list, attachments, err := packet.AppendPayload(nil, &packet.Packet{Type: packet.Ack, HasID: true, Args: []any{args}})
	if err != nil {
		return args
	}
	if adopted, err := c.NewArgs(list, attachments, unlimited); err == nil {
		return adopted
	}
	return args
}

// payloader is a Codec that has its own way to encode arguments as JSON.
type payloader interface {
	AppendPayload(dst []byte, p *packet.Packet) (json []byte, attachments [][]byte, err error)
}

// listStart returns where the arguments begin in a text of packet.Append.
func listStart(text []byte, p *packet.Packet, attachments int) int {
	i := len(engine.NewBuffer(0)) + 1
	digits := func() {
		for text[i]-'0' < 10 {
			i++
		}
	}
	if attachments > 0 {
		digits()
		i++ // the dash
	}
	if p.Namespace != "/" {
		i += len(p.Namespace) + 1
	}
	digits() // the id
	return i
}

// encodeRefusal encodes what a middleware refuses a client with. The middleware has
// returned, so that nobody else would recover if a method of its data panics.
func (srv *Server) encodeRefusal(p packet.Packet) (m *engine.Message, err error) {
	panicked := guard(func() error {
		if srv.cfg.Codec != nil {
			m, err = encodeCustom(srv.cfg.Codec, p)
		} else {
			m, err = encodeDefault(&p)
		}
		return nil
	})
	if panicked != nil {
		return nil, panicked
	}
	return m, err
}

// encodeCustom takes a copy of the packet, which escapes.
func encodeCustom(codec packet.Codec, p packet.Packet) (*engine.Message, error) {
	if p.Type == packet.Connect && len(p.Args) > 0 {
		// The payload is our own: options for the JSON of the user's values are not for it.
		payload, err := json.Marshal(p.Args[0])
		if err != nil {
			return nil, err
		}
		p.Args = []any{packet.Raw(payload)}
	}
	buf := engine.NewBuffer(textHint)
	text, attachments, err := codec.Append(buf, &p)
	switch {
	case err != nil:
		return nil, err
	case text == nil && len(attachments) == 1:
		return engine.NewBinary(attachments[0]), nil
	case len(text) <= len(buf): // nothing, or no room for the frame's header
		return nil, errCodec
	}
	return engine.NewMessage(text, attachments), nil
}

// decode takes the next message.
func (c *conn) decode(data []byte, binary bool) (p packet.Received, complete bool, err error) {
	switch d := c.decoder.(type) {
	case *packet.Decoder: // a direct call: the packet does not escape
		return d.Add(data, binary)
	case nil:
		d = c.newDecoder()
		if c.server.cfg.Codec != nil || binary || len(data) == 0 || data[0] != '0'+byte(packet.Connect) {
			c.decoder = d
		}
		return d.Add(data, binary) // a CONNECT is all that many clients ever send
	default:
		return d.Add(data, binary)
	}
}

func (c *conn) newDecoder() packet.MessageDecoder {
	limits := packet.Limits{Attachments: c.server.cfg.MaxAttachments, Depth: c.server.cfg.MaxDepth}
	if codec := c.server.cfg.Codec; codec != nil {
		return codec.NewDecoder(limits)
	}
	return &packet.Decoder{Limits: limits}
}

// resetDecoder drops a packet that is not complete.
func (c *conn) resetDecoder() {
	if c.decoder != nil {
		c.decoder.Reset()
	}
}

// mute closes the connection because the Codec cannot encode a refusal, so that the
// client would wait forever.
func (c *conn) mute(nsp string, err error) {
	c.logRefusal(nsp, err)
	c.session.Close()
}

// refuseCustom answers a client of Socket.IO 2 that uses the server's Codec (P4.4). A
// Codec may send objects and strings only: then the message takes the place of the data.
func (c *conn) refuseCustom(p *packet.Packet, answer []byte, message string) {
	if _, ok := c.server.cfg.Codec.(packet.JSON); ok { // its format is the default
		if text, _, err := packet.Append(engine.NewBuffer(textHint), p); err == nil {
			_ = c.session.Send(engine.NewMessage(append(text, answer...), nil), engine.SendOptions{}) // the client may have gone
		}
		return
	}
	p.Args = []any{packet.Raw(answer)}
	m, err := c.server.encode(p)
	if err != nil {
		p.Args = []any{message}
		if m, err = c.server.encode(p); err != nil {
			c.mute(p.Namespace, err)
			return
		}
	}
	_ = c.session.Send(m, engine.SendOptions{}) // the client may have gone
}
