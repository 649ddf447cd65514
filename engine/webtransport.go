// SPDX-License-Identifier: MIT

package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// errStream is what a peer does wrong on a WebTransport stream (E7.4).
var errStream = errors.New("engine: webtransport: empty packet, or larger than the limit")

// ServeWebTransport handles a request that begins a WebTransport session. HTTP/3 is not
// of this module: accept answers the request and returns the first bidirectional stream
// that the client opens, whose Close ends the whole WebTransport session; package
// webtransport has one. Config.Transports must name WebTransport, or the request is
// refused before accept is called. Both have Config.UpgradeTimeout (E7.2) as the limit:
// accept through the context of its request, and then the first packet. That is an open
// packet, with the id of a session that is to be upgraded if there is one (E7.5). What
// is refused then is closed without a word, for the protocol has none.
//
// ServeWebTransport returns when the stream has been taken over or closed.
//
// JS differs: E6.9, E7.8. The request is known: it passes the middlewares, and
// CheckOrigin, AllowRequest and GenerateID get it.
func (srv *Server) ServeWebTransport(w http.ResponseWriter, r *http.Request, accept func(*http.Request) (net.Conn, error)) {
	a := &acceptor{accept}
	defer a.release()
	srv.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), acceptKey{}, a)))
}

// acceptor is the accept of ServeWebTransport. It is used by one goroutine.
type acceptor struct {
	// accept is nil after the request: the context of the session keeps the acceptor for
	// long, and must not keep more.
	accept func(*http.Request) (net.Conn, error)
}

func (a *acceptor) release() { a.accept = nil }

// acceptKey is the key of the context's value that is the *acceptor.
type acceptKey struct{}

// serveStream handles a request of ServeWebTransport that has passed the middlewares.
func (srv *Server) serveStream(r *http.Request, accept func(*http.Request) (net.Conn, error)) *RequestError {
	switch {
	case srv.isClosed(): // for upgrades too: what they ask for comes after accept
		return unavailable(nameClosed)
	case !slices.Contains(srv.cfg.Transports, WebTransport):
		return refuse(CodeTransportUnknown, "transport", WebTransport)
	case !validHeader(r.Header.Get("Origin")):
		e := badRequest(nameInvalidOrigin)
		e.Context["origin"] = r.Header.Get("Origin")
		return e
	case r.Header.Get("Origin") != "" && !srv.cfg.CheckOrigin(r):
		return refuse(CodeForbidden, "origin", r.Header.Get("Origin"))
	}
	ctx, cancel := context.WithTimeout(r.Context(), srv.cfg.UpgradeTimeout)
	defer cancel()
	conn, err := accept(r.WithContext(ctx))
	if err != nil {
		srv.tell(r, &RequestError{Code: CodeBadRequest, Message: CodeBadRequest.message(), Context: map[string]any{"name": nameHandshake}, Err: err})
		return nil // accept has answered
	}
	taken := false // false after a panic of AllowRequest or another
	defer func() {
		if !taken {
			_ = conn.Close()
		}
	}()
	until, _ := ctx.Deadline()
	e := srv.openOrUpgrade(conn, r, until)
	if taken = e == nil; !taken {
		srv.tell(r, e)
	}
	return nil
}

// openOrUpgrade does what the first packet of a stream asks for. It leaves the connection
// to the caller if it returns an error.
func (srv *Server) openOrUpgrade(conn net.Conn, r *http.Request, until time.Time) *RequestError {
	sid, early, err := readOpening(conn, until)
	switch {
	case err != nil:
		e := badRequest(nameHandshake)
		e.Err = err
		return e
	case sid != "":
		return srv.upgradeStream(conn, sid, early)
	}
	return srv.openStream(conn, r, early)
}

// openStream opens a session.
func (srv *Server) openStream(conn net.Conn, r *http.Request, early []byte) *RequestError {
	h, e := srv.admit(nil, r, "EIO=4", WebTransport) // E7.5: always revision 4
	if e != nil {
		return e
	}
	var d *duplex
	s, e := srv.newSession(r, h, func(s *Session) transport {
		d = newWebTransport(s)
		return d
	})
	if e != nil {
		return e
	}
	if !d.attach(conn) {
		return nil
	}
	s.Release()
	if !srv.start(d, early) {
		s.abort(ReasonForcedClose, nil)
		d.stream.close()
	}
	return nil
}

// upgradeStream makes a stream the candidate of a session that polls.
func (srv *Server) upgradeStream(conn net.Conn, sid string, early []byte) *RequestError {
	s := srv.Session(sid)
	if s == nil {
		return refuse(CodeSessionUnknown, "sid", sid)
	}
	d := newWebTransport(s)
	d.attach(conn)
	if srv.cfg.DisableUpgrades || !s.beginUpgrade(d) { // E7.6
		return badRequest(nameMismatch)
	}
	if !srv.start(d, early) {
		d.stream.close()
		s.probeFailed(d)
	}
	return nil
}

// maxOpening limits the first packet of a stream: an id is all it may hold.
const maxOpening = 1024

// readOpening reads the first packet of a stream (E7.5). early is what came with it.
func readOpening(conn net.Conn, until time.Time) (sid string, early []byte, err error) {
	_ = conn.SetDeadline(until)
	defer func() { _ = conn.SetDeadline(time.Time{}) }()
	var data []byte
	buf := make([]byte, maxOpening+wire.MaxStreamHeader)
	for {
		size, n, isBinary := wire.ParseStreamHeader(data)
		switch {
		case size > 0 && (isBinary || n <= 0 || n > maxOpening):
			return "", nil, errStream
		case size > 0 && len(data) >= size+int(n):
			p, err := wire.Parse(data[size:size+int(n)], false)
			if err != nil || p.Type != wire.Open {
				return "", nil, errors.Join(errHandshake, err)
			}
			var opening struct {
				SID string `json:"sid"`
			}
			if len(p.Data) > 0 {
				if err := json.Unmarshal(p.Data, &opening); err != nil {
					return "", nil, err
				}
				if opening.SID == "" {
					return "", nil, errHandshake
				}
			}
			return opening.SID, data[size+int(n):], nil
		}
		read, err := conn.Read(buf)
		data = append(data, buf[:read]...)
		if err != nil && (read == 0 || !errors.Is(err, io.EOF)) {
			return "", nil, err
		}
	}
}

// maxPacket is the longest packet that the official server takes, whatever its limit is:
// the largest integer that it can count to (E7.4).
const maxPacket = 1<<53 - 1

// growStep is the most memory that is taken for a packet on the word of its header.
const growStep = 64 << 10

// webTransport is the framing of a WebTransport stream: a header before each packet.
type webTransport struct {
	*duplex
	head     [wire.MaxStreamHeader]byte // of an incomplete header
	headLen  int
	inPacket bool
	binary   bool
	left     int64 // bytes of the packet still to come
	packet   []byte
}

func newWebTransport(s *Session) *duplex {
	d := &duplex{session: s}
	d.framing = &webTransport{duplex: d}
	return d
}

func (w *webTransport) name() string { return WebTransport }

func (w *webTransport) feed(p []byte) bool {
	for len(p) > 0 {
		if !w.inPacket {
			used, ok := w.header(p)
			p = p[used:]
			switch {
			case !ok:
				return true // incomplete
			case w.left <= 0 || w.left > min(w.session.server.cfg.MaxPayloadBytes, maxPacket):
				w.fail(ReasonParseError, websocket.CloseNone, errStream)
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
func (w *webTransport) header(p []byte) (used int, ok bool) {
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

func (w *webTransport) encode(batch []*Message) []*Message {
	out := make([]*Message, 0, len(batch))
	for _, m := range batch {
		if m.frame {
			continue
		}
		framed := &Message{attachments: make([]attachment, 0, 1+len(m.attachments))}
		if m.buf != nil {
			text := m.packet()
			framed.attachments = append(framed.attachments, attachment{wire.AppendStreamHeader(nil, len(text), false), text})
		}
		for _, a := range m.attachments {
			data, isBinary := a.data, true
			if len(data) == 0 { // a packet of no bytes is an error (E7.4): as base64 it has one
				data, isBinary = wire.AppendBase64(nil, wire.Packet{Type: wire.Message, Binary: true}), false
			}
			framed.attachments = append(framed.attachments, attachment{wire.AppendStreamHeader(nil, len(data), isBinary), data})
		}
		out = append(out, framed)
	}
	return out
}

// goodbye returns nil: the end of the WebTransport session says it all (E7.7).
func (w *webTransport) goodbye(websocket.Code) *Message { return nil }
