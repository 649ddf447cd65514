// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/internal/websocket"
)

// ServeHTTP handles one request of the protocol: a handshake, a poll, a POST, or a
// WebSocket's opening. Middlewares come first; then the checks, in the order of the
// official server (E1.6). The path is not looked at (E1.2): mount the server where its
// clients look for it.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if headerBytes(r) > srv.cfg.MaxHeaderBytes {
		srv.refuse(w, r, limited(nameHeader, "Request header too large", http.StatusRequestHeaderFieldsTooLarge))
		return
	}
	if srv.first.next.Load() != nil && websocket.IsUpgrade(r) {
		b := newSwitchWriter(w)
		defer b.release()
		w, r = b, r.WithContext(context.WithValue(r.Context(), switchKey{}, b))
	}
	srv.first.ServeHTTP(w, r)
}

// serve handles a request that has passed the middlewares.
func (srv *Server) serve(w http.ResponseWriter, r *http.Request) {
	if accept, ok := r.Context().Value(acceptKey{}).(func(*http.Request) (net.Conn, error)); ok {
		if e := srv.serveStream(w, r, accept); e != nil {
			srv.refuse(w, r, e)
		}
		return
	}
	q := r.URL.Query()
	name := last(q, "transport")
	upgrade := websocket.IsUpgrade(r)
	var e *RequestError
	switch sid := last(q, "sid"); {
	case !srv.allows(name):
		e = refuse(CodeTransportUnknown, "transport", name)
	case !validHeader(r.Header.Get("Origin")):
		e = badRequest(nameInvalidOrigin)
		e.Context["origin"] = r.Header.Get("Origin")
	case sid != "": // an empty one is none
		e = srv.serveSession(w, r, sid, name, upgrade)
	default:
		e = srv.serveHandshake(w, r, q, name, upgrade)
	}
	if e != nil {
		srv.refuse(w, r, e)
	}
}

// serveSession handles a request of an existing session.
func (srv *Server) serveSession(w http.ResponseWriter, r *http.Request, sid, name string, upgrade bool) *RequestError {
	s := srv.Session(sid)
	if s == nil {
		return refuse(CodeSessionUnknown, "sid", sid)
	}
	if upgrade {
		return srv.serveUpgrade(w, r, s, name)
	}
	s.mu.Lock()
	current := s.transport
	s.mu.Unlock()
	t, polls := current.(*polling)
	if !polls || name != Polling {
		return mismatch(name, current.name())
	}
	switch r.Method {
	case http.MethodGet:
		t.servePoll(w, r, false)
	case http.MethodPost:
		t.servePost(w, r)
	default:
		// JS differs: B10, the official server answers 500.
		w.Header().Set("Allow", "GET, POST")
		e := refuse(CodeBadHandshakeMethod, "method", r.Method)
		e.status = http.StatusMethodNotAllowed
		return e
	}
	return nil
}

// mismatch refuses a request of a transport that is not the session's (E1.9).
func mismatch(name, current string) *RequestError {
	e := badRequest(nameMismatch)
	e.Context["transport"], e.Context["previousTransport"] = name, current
	return e
}

// serveHandshake opens a session.
func (srv *Server) serveHandshake(w http.ResponseWriter, r *http.Request, q url.Values, name string, upgrade bool) *RequestError {
	switch {
	case !mayOpen(r):
		return refuse(CodeBadHandshakeMethod, "method", r.Method)
	case name == WebSocket && !upgrade:
		return badRequest(nameHandshake)
	case name == Polling && upgrade:
		// JS differs: E5.11, the official server switches protocols and then closes.
		return badRequest(nameHandshake)
	case r.Header.Get("Origin") != "" && !srv.cfg.CheckOrigin(r):
		return refuse(CodeForbidden, "origin", r.Header.Get("Origin"))
	}
	h, e := srv.admit(w, r, q, name)
	if e != nil {
		return e
	}
	if name == WebSocket {
		return srv.openWebSocket(w, r, h)
	}
	var t *polling
	s, e := srv.newSession(r, h, func(s *Session) transport {
		t = newPolling(s, q)
		return t
	})
	if e != nil {
		return e
	}
	opened := false
	defer s.endUnless(&opened)
	s.Release()
	t.servePoll(w, r, true)
	opened = true
	return nil
}

// handshake is what is known of a session before it is made.
type handshake struct {
	id       string
	revision int // of the protocol
	base64   bool
}

// admit asks the functions of the configuration, within Config.HandshakeTimeout.
func (srv *Server) admit(w http.ResponseWriter, r *http.Request, q url.Values, name string) (h handshake, e *RequestError) {
	parent := r.Context()
	expired := func() bool { return false }
	if srv.cfg.AllowRequest != nil || srv.cfg.GenerateID != nil {
		ctx, cancel := context.WithTimeout(parent, srv.cfg.HandshakeTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		expired = func() bool { return ctx.Err() != nil && parent.Err() == nil }
	}
	if srv.cfg.AllowRequest != nil {
		err := srv.cfg.AllowRequest(r)
		if expired() {
			return h, handshakeTimeout(err)
		}
		if err != nil {
			e = refuse(CodeForbidden, "message", err.Error())
			e.Message, e.Err = err.Error(), err
			return h, e
		}
	}
	h.revision, h.base64 = 4, last(q, "b64") != ""
	if last(q, "EIO") != "4" { // E1.5: anything else means revision 3
		h.revision = 3
		if !srv.cfg.AllowEIO3 {
			return h, refuse(CodeUnsupportedVersion, "protocol", 3)
		}
	}
	if name == WebSocket {
		if e = checkUpgrade(w, r); e != nil {
			return h, e
		}
	}
	if srv.cfg.GenerateID == nil {
		h.id = NewID()
		return h, nil
	}
	id, err := srv.cfg.GenerateID(r)
	if expired() {
		return h, handshakeTimeout(err)
	}
	if err != nil {
		e = badRequest(nameGenerateID)
		e.Context["error"], e.Err = err, err
	}
	h.id = id
	return h, e
}

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
	up, err := srv.switchProtocols(w, r)
	if err != nil {
		s.abort(ReasonTransportError, err)
		return nil // it was answered
	}
	if !socket.attachUpgrade(up) {
		return nil
	}
	s.Release()
	if opened = srv.start(socket, up.Early); !opened {
		s.abort(ReasonForcedClose, nil)
		_ = up.Conn.Close()
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
	up, err := srv.switchProtocols(w, r)
	if err != nil {
		return nil // it was answered
	}
	socket := newWebSocket(s)
	socket.attachUpgrade(up)
	switch {
	case !s.beginUpgrade(socket):
		// E9.8: the client sees a WebSocket that closes.
		_ = up.Conn.SetWriteDeadline(time.Now().Add(probeCloseTimeout))
		_, _ = up.Conn.Write(emptyCloseFrame.buf)
		_ = up.Conn.Close()
	case !srv.start(socket, up.Early):
		_ = up.Conn.Close()
		s.probeFailed(socket)
	}
	up.Wait()
	return nil
}

// switchProtocols makes the connection of a request a WebSocket. If it fails, the request
// was answered.
func (srv *Server) switchProtocols(w http.ResponseWriter, r *http.Request) (*websocket.Upgrade, error) {
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
	return websocket.Accept(w, r, w.Header(), srv.deflate, srv.cfg.HandshakeTimeout)
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

// refuse answers a request in the format of its kind: JSON for polling (E2.6), plain
// text and status 400 for a WebSocket (E2.7).
func (srv *Server) refuse(w http.ResponseWriter, r *http.Request, e *RequestError) {
	srv.tell(r, e)
	status := e.status
	h := w.Header()
	var body string
	if websocket.IsUpgrade(r) {
		if r.ProtoMajor < 2 { // over HTTP/2 it would end all streams of the connection
			h.Set("Connection", "close")
		}
		h.Set("Content-Type", "text/html")
		body = e.Message
	} else {
		h.Set("Content-Type", "application/json")
		body = `{"code":` + strconv.Itoa(int(e.Code)) + `,"message":` + quote(e.Message) + `}`
		if status == 0 && e.Code == CodeForbidden {
			status = http.StatusForbidden
		}
	}
	if status == 0 {
		status = http.StatusBadRequest
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// tell tells the log and Config.OnRequestError of a refused request.
func (srv *Server) tell(r *http.Request, e *RequestError) {
	srv.cfg.Logger.Debug("request refused", "code", int(e.Code), "context", e.logged(), "err", e.Err, "remote", r.RemoteAddr)
	if srv.cfg.OnRequestError != nil {
		srv.cfg.OnRequestError(r, e)
	}
}

// last returns the last value of a query parameter (E1.4).
func last(q url.Values, key string) string {
	if v := q[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func quote(text string) string {
	quoted, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd"))
	return string(quoted)
}
