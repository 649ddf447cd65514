// SPDX-License-Identifier: MIT

package engine

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sio-go/sio/internal/websocket"

	"github.com/sio-go/sio/engine/wire"
)

// Causes of a session's end because of a POST.
var (
	errPostSlow       = errors.New("engine: data request took too long")
	errPayloadPackets = errors.New("engine: too many packets in one payload")
)

// servePost handles a POST of an open session.
func (t *polling) servePost(w http.ResponseWriter, r *http.Request) {
	s := t.session
	boundRest(w, r)
	binary := strings.EqualFold(r.Header.Get("Content-Type"), "application/octet-stream")
	s.mu.Lock()
	if e := t.goneLocked(); e != nil {
		s.mu.Unlock()
		s.server.refuse(w, r, e)
		return
	}
	var cause error
	switch {
	case t.posting:
		cause = errOverlapPOST // E3.5
	case binary && (s.revision != 3 || t.callback != ""):
		cause = errContentType // E3.9
	}
	if cause != nil {
		s.endLocked(ReasonTransportError, cause, true, websocket.CloseNone)
		s.unlockAndTell()
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	t.posting = true
	t.body = http.NewResponseController(w)
	// No later than the heartbeat would end a session that is not paused.
	_ = t.body.SetReadDeadline(time.Now().Add(s.server.cfg.PingInterval + s.server.cfg.PingTimeout))
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		t.posting = false
		s.mu.Unlock()
	}()

	body, err := readBody(w, r, s.server.cfg.MaxPayloadBytes)
	s.mu.Lock()
	if err == nil {
		_ = t.body.SetReadDeadline(time.Time{})
	}
	t.body = nil // from now on, close leaves the request alone
	s.mu.Unlock()
	if err != nil || !t.receive(body, binary) {
		t.refusePost(w, r, err)
		return
	}
	s.waitResumed()
	t.setHeaders(w.Header(), r, "text/html", 2, false)
	_, _ = io.WriteString(w, "ok")
}

// refusePost answers a POST whose body could not be read, or whose session has ended
// meanwhile. JS differs: E3.20, the official server destroys the connection without an
// answer. What is left of the body is not read, so that the connection
// cannot be used again (B18).
func (t *polling) refusePost(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadRequest
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
	case errors.As(err, &tooLarge):
		boundRest(w, r)
		status = http.StatusRequestEntityTooLarge // E3.10: the session stays open
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.abort(errPostSlow)
	default:
		t.abort(errPostGone) // E3.7
	}
	if r.ProtoMajor < 2 { // over HTTP/2 it would end all streams, and this one ends anyway
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(status)
}

// readBody reads the body of a request. A *http.MaxBytesError means that it is larger
// than the limit, or says so.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	// A length that is only announced must not take much memory. One that is right lets
	// the body fit, for its end comes with its last byte.
	const most = 32 << 10
	length := r.ContentLength
	if length < 0 {
		length = 512
	}
	body := make([]byte, 0, min(length, most))
	in := http.MaxBytesReader(w, r.Body, limit)
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}

// receive hands the packets of a payload to the session. It reports false if polling
// is no longer the session's transport. A malformed payload ends the session, but its
// request is answered "ok" like any other (top-25 no. 6), and so does one of too many
// packets.
func (t *polling) receive(body []byte, binary bool) bool {
	s := t.session
	if !s.beginReceive(t) {
		return false
	}
	defer s.endReceive()
	s.meterBytes(len(body))
	left := s.server.cfg.MaxPayloadPackets
	for p, err := range t.parse(body, binary) {
		if err != nil {
			s.abort(ReasonParseError, err)
			break
		}
		if p.Type == wire.Message && len(p.Data) < len(body)/4 {
			p.Data = bytes.Clone(p.Data) // else a small message would keep a large body
		}
		if left--; left < 0 {
			s.abort(ReasonTransportError, errPayloadPackets)
			break
		}
		if !s.receive(p) {
			break
		}
	}
	return true
}
