// SPDX-License-Identifier: MIT

package engine

import (
	"net/http"

	"github.com/sio-go/sio/internal/websocket"
)

// openWebSocket opens a session over WebSocket.
func (srv *Server) openWebSocket(w http.ResponseWriter, r *http.Request, h handshake) *RequestError {
	// The session is made before the protocol is switched, so that it can be refused with
	// a status; its connection follows.
	var socket *duplex
	s, e := srv.newSession(r, h, func(s *Session) transport {
		socket = newWebSocket(s)
		return socket
	})
	if e != nil {
		return e
	}
	opened := false
	defer s.endUnless(&opened)
	s.addHeaders(w.Header(), r, true)
	opening := s.takeOpening()
	up, err := srv.switchProtocols(w, r, socket.opening(opening))
	if err != nil {
		s.abort(ReasonTransportError, err)
		srv.tell(r, &RequestError{Code: CodeBadRequest, Message: CodeBadRequest.message(), Context: map[string]any{"name": nameHandshake}, Err: err})
		return nil // it was answered
	}
	if !socket.attachUpgrade(up) {
		return nil
	}
	s.written(opening)
	s.Release()
	if opened = srv.start(socket, up.Early); !opened {
		s.abort(ReasonForcedClose, nil)
		socket.stream.close()
	}
	up.Wait()
	return nil
}

// attachUpgrade is attach with what was negotiated.
func (d *duplex) attachUpgrade(up *websocket.Upgrade) bool {
	if w, ok := d.framing.(*webSocket); ok {
		w.compress(up.Params)
	}
	return d.attach(up.Conn)
}

// endUnless is to be deferred by what opens a session: a panic in a function of the user
// on the way ends the session.
func (s *Session) endUnless(opened *bool) {
	if !*opened {
		s.abort(ReasonTransportError, errHandshake)
	}
}

// serveUpgrade opens a second connection for a session that polls.
func (srv *Server) serveUpgrade(w http.ResponseWriter, r *http.Request, s *Session, name string) *RequestError {
	if name != WebSocket || srv.cfg.DisableUpgrades {
		return mismatch(name, s.Transport())
	}
	if e := checkUpgrade(w, r); e != nil {
		return e
	}
	s.addHeaders(w.Header(), r, false)
	up, err := srv.switchProtocols(w, r, nil)
	if err != nil {
		return nil // it was answered
	}
	socket := newWebSocket(s)
	socket.attachUpgrade(up)
	switch {
	case !s.beginUpgrade(socket):
		socket.sayGoodbye() // E9.8: the client sees a WebSocket that closes
		socket.stream.close()
	case !srv.start(socket, up.Early):
		socket.stream.close()
		s.probeFailed(socket)
	}
	up.Wait()
	return nil
}

// takeOpening takes the open packet, and the one of Config.InitialPacket, out of the outbox of a session
// that is held and has no connection yet: they leave with the response.
func (s *Session) takeOpening() []*Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 1
	if s.server.cfg.InitialPacket != nil {
		n = 2
	}
	if s.state != stateOpen || len(s.outbox.queue) < n {
		return nil
	}
	s.outbox.writing = true
	return s.outbox.take(n)
}

// opening returns the frames of a batch.
func (d *duplex) opening(batch []*Message) (frames []byte) {
	each(d.framing.encode(batch), func(piece []byte) { frames = append(frames, piece...) })
	return frames
}

// switchProtocols makes the connection of a request a WebSocket. first leaves with the
// response. If it fails, the request was answered.
func (srv *Server) switchProtocols(w http.ResponseWriter, r *http.Request, first []byte) (*websocket.Upgrade, error) {
	if b, ok := r.Context().Value(switchKey{}).(*switchWriter); ok {
		status := http.StatusSwitchingProtocols
		if r.ProtoMajor > 1 {
			status = http.StatusOK
		}
		if !b.announce(w, status) {
			return nil, errHandshake
		}
		w = b
	}
	return websocket.AcceptWith(w, r, w.Header(), srv.deflate, srv.cfg.HandshakeTimeout, first)
}

// mayOpen reports whether the method of a request is one that opens a session: GET, or
// CONNECT for a WebSocket over HTTP/2 (RFC 8441).
func mayOpen(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodConnect && r.ProtoMajor > 1 && websocket.IsUpgrade(r)
}

// checkUpgrade refuses a WebSocket handshake before the protocol is switched.
func checkUpgrade(w http.ResponseWriter, r *http.Request) *RequestError {
	if !mayOpen(r) {
		return refuse(CodeBadHandshakeMethod, "method", r.Method)
	}
	if err := websocket.Check(w.Header(), r); err != nil {
		e := badRequest(nameHandshake)
		e.Message, e.Err = err.Error(), err
		return e
	}
	return nil
}
