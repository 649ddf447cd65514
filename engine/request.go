// SPDX-License-Identifier: MIT

package engine

import (
	"bufio"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobwas/ws"
)

// ServeHTTP handles one request of the protocol: a handshake, a poll, a POST, or a
// WebSocket's opening. The checks come in the order of the official server (E1.6).
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name := last(q, "transport")
	upgrade := isUpgrade(r)
	var e *RequestError
	switch sid := last(q, "sid"); {
	case !srv.allows(name):
		e = refuse(CodeTransportUnknown, "transport "+strconv.Quote(name))
	case !validHeader(r.Header.Get("Origin")):
		e = refuse(CodeBadRequest, "INVALID_ORIGIN")
	case sid != "": // an empty one is none
		e = srv.serveSession(w, r, sid, name, upgrade)
	default:
		e = srv.serveHandshake(w, r, last(q, "EIO"), name, upgrade)
	}
	if e != nil {
		srv.refuse(w, r, e)
	}
}

// serveSession handles a request of an existing session.
func (srv *Server) serveSession(w http.ResponseWriter, r *http.Request, sid, name string, upgrade bool) *RequestError {
	s := srv.Session(sid)
	if s == nil {
		return refuse(CodeSessionUnknown, "sid unknown")
	}
	if upgrade {
		return srv.serveUpgrade(w, r, s, name)
	}
	s.mu.Lock()
	current := s.transport
	s.mu.Unlock()
	t, polls := current.(*polling)
	if !polls || name != Polling {
		return refuse(CodeBadRequest, "TRANSPORT_MISMATCH: "+name+" instead of "+current.name())
	}
	switch r.Method {
	case http.MethodGet:
		t.servePoll(w, r)
	case http.MethodPost:
		t.servePost(w, r)
	default:
		// JS differs: B10, the official server answers 500.
		w.Header().Set("Allow", "GET, POST")
		e := refuse(CodeBadHandshakeMethod, r.Method)
		e.status = http.StatusMethodNotAllowed
		return e
	}
	return nil
}

// serveHandshake opens a session.
func (srv *Server) serveHandshake(w http.ResponseWriter, r *http.Request, revision, name string, upgrade bool) *RequestError {
	switch {
	case r.Method != http.MethodGet:
		return refuse(CodeBadHandshakeMethod, r.Method)
	case name == WebSocket && !upgrade:
		return refuse(CodeBadRequest, "TRANSPORT_HANDSHAKE_ERROR")
	case name == Polling && upgrade:
		// JS differs: E5.11, the official server switches protocols and then closes.
		return refuse(CodeBadRequest, "TRANSPORT_HANDSHAKE_ERROR")
	case r.Header.Get("Origin") != "" && !srv.cfg.CheckOrigin(r):
		return refuse(CodeForbidden, "origin "+strconv.Quote(r.Header.Get("Origin"))+" not allowed")
	}
	if srv.cfg.AllowRequest != nil {
		if err := srv.cfg.AllowRequest(r); err != nil {
			return &RequestError{Code: CodeForbidden, Message: err.Error(), Detail: "AllowRequest", Err: err}
		}
	}
	if revision != "4" { // E1.5: anything else means revision 3
		return refuse(CodeUnsupportedVersion, "EIO="+strconv.Quote(revision)+", want 4: the client is older than Socket.IO 3")
	}
	if name == WebSocket {
		return srv.openWebSocket(w, r)
	}
	var t *polling
	s, e := srv.newSession(r, func(s *Session) transport {
		t = &polling{session: s}
		return t
	})
	if e != nil {
		return e
	}
	s.Release()
	t.servePoll(w, r)
	return nil
}

// openWebSocket opens a session over WebSocket.
func (srv *Server) openWebSocket(w http.ResponseWriter, r *http.Request) *RequestError {
	if e := checkUpgrade(w, r); e != nil {
		return e
	}
	// The session is made before the protocol is switched, so that it can be refused with
	// a status; its connection follows.
	var socket *webSocket
	s, e := srv.newSession(r, func(s *Session) transport {
		socket = newWebSocket(s)
		return socket
	})
	if e != nil {
		return e
	}
	conn, early, err := switchProtocols(w, r)
	if err != nil {
		s.abort(ReasonTransportError, err)
		return nil // the upgrader has answered
	}
	if !socket.attach(conn) {
		return nil
	}
	s.Release()
	if !srv.start(socket, early) {
		s.abort(ReasonForcedClose, nil)
		_ = conn.Close()
	}
	return nil
}

// serveUpgrade opens a second connection for a session that polls.
func (srv *Server) serveUpgrade(w http.ResponseWriter, r *http.Request, s *Session, name string) *RequestError {
	if name != WebSocket || srv.cfg.DisableUpgrades {
		return refuse(CodeBadRequest, "TRANSPORT_MISMATCH")
	}
	if e := checkUpgrade(w, r); e != nil {
		return e
	}
	conn, early, err := switchProtocols(w, r)
	if err != nil {
		return nil
	}
	socket := newWebSocket(s)
	socket.attach(conn)
	if !s.beginUpgrade(socket) {
		// E9.8: the client sees a WebSocket that closes.
		_, _ = conn.Write(emptyCloseFrame.buf)
		_ = conn.Close()
		return nil
	}
	if !srv.start(socket, early) {
		_ = conn.Close()
		s.probeFailed(socket)
	}
	return nil
}

// switchProtocols answers 101 and takes the connection over. early is what the client
// sent before it had the answer.
func switchProtocols(w http.ResponseWriter, r *http.Request) (conn net.Conn, early []byte, err error) {
	first := true
	upgrader := ws.HTTPUpgrader{Protocol: func(string) bool { // E5.7: the first one offered
		take := first
		first = false
		return take
	}}
	conn, rw, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, nil, err
	}
	return conn, buffered(rw.Reader), nil
}

// buffered copies what a reader holds, so that the reader can be let go.
func buffered(r *bufio.Reader) []byte {
	p, _ := r.Peek(r.Buffered())
	return append([]byte(nil), p...)
}

// checkUpgrade refuses a handshake that RFC 6455, section 4.2.1, forbids, before the
// protocol is switched.
func checkUpgrade(w http.ResponseWriter, r *http.Request) *RequestError {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet:
		return refuse(CodeBadHandshakeMethod, r.Method)
	case err != nil || len(key) != 16:
		e := refuse(CodeBadRequest, "Sec-WebSocket-Key")
		e.Message = "Missing or invalid Sec-WebSocket-Key header"
		return e
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13")
		e := refuse(CodeBadRequest, "Sec-WebSocket-Version")
		e.Message = "Missing or invalid Sec-WebSocket-Version header"
		return e
	}
	return nil
}

// refuse answers a request in the format of its kind: JSON for polling (E2.6), plain
// text and status 400 for a WebSocket (E2.7).
func (srv *Server) refuse(w http.ResponseWriter, r *http.Request, e *RequestError) {
	srv.cfg.Logger.Debug("request refused", "code", int(e.Code), "detail", e.Detail, "err", e.Err, "remote", r.RemoteAddr)
	if srv.cfg.OnRequestError != nil {
		srv.cfg.OnRequestError(r, e)
	}
	status := e.status
	h := w.Header()
	var body string
	if isUpgrade(r) {
		h.Set("Connection", "close")
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

func isUpgrade(r *http.Request) bool {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return false
	}
	for _, value := range r.Header["Connection"] {
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return true
			}
		}
	}
	return false
}

// validHeader reports whether a header value has no control characters (E1.8).
func validHeader(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// sameHost is the default of Config.CheckOrigin.
func sameHost(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
