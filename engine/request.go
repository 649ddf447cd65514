// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"net/http"
	"strconv"
	"strings"

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
		ctx := newSwitchContext(r.Context(), b)
		defer ctx.release()
		w, r = b, r.WithContext(ctx)
	}
	srv.first.ServeHTTP(w, r)
}

// serve handles a request that has passed the middlewares.
func (srv *Server) serve(w http.ResponseWriter, r *http.Request) {
	if a, ok := r.Context().Value(acceptKey{}).(*acceptor); ok && a.accept != nil {
		if e := srv.serveStream(r, a.accept); e != nil {
			srv.refuse(w, r, e)
		}
		return
	}
	q := query(r.URL.RawQuery)
	name := q.last("transport")
	upgrade := websocket.IsUpgrade(r)
	var e *RequestError
	switch sid := q.last("sid"); {
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
func (srv *Server) serveHandshake(w http.ResponseWriter, r *http.Request, q query, name string, upgrade bool) *RequestError {
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
	case name == Polling && !srv.cfg.AllowJSONP && jsonpCallback(q) != "":
		// JS differs: E4.1, the official server always allows it.
		return refuse(CodeForbidden, "name", nameJSONP)
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
	revision uint8 // of the protocol
	base64   bool
	addr     string // of Flood.Addr
}

// admit asks the functions of the configuration, within Config.HandshakeTimeout.
func (srv *Server) admit(w http.ResponseWriter, r *http.Request, q query, name string) (h handshake, e *RequestError) {
	if l := srv.limiter; l != nil {
		if h.addr = l.cfg.Addr(r); !l.addrs.admit(h.addr, l.wakes.Now(), l.addrOpens) {
			return h, tooMany()
		}
	}
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
	h.revision, h.base64 = 4, q.last("b64") != ""
	if q.last("EIO") != "4" { // E1.5: anything else means revision 3
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

// refuse answers a request in the format of its kind: JSON for polling (E2.6), plain
// text and status 400 for a WebSocket (E2.7).
func (srv *Server) refuse(w http.ResponseWriter, r *http.Request, e *RequestError) {
	srv.tell(r, e)
	boundRest(w, r)
	status := e.status
	h := w.Header()
	var body string
	if r.Header.Get("Upgrade") != "" && r.ProtoMajor < 2 {
		// A proxy may take the connection for a tunnel: what comes next must not be read as
		// a request. (Over HTTP/2 it would end all streams of the connection.)
		h.Set("Connection", "close")
	}
	if websocket.IsUpgrade(r) {
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

func quote(text string) string {
	quoted, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd"))
	return string(quoted)
}
