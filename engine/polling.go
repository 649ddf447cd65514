// SPDX-License-Identifier: MIT

package engine

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sio-go/sio/internal/websocket"
)

// polling carries a session over HTTP requests: the server's packets answer a GET
// that waits for them, the client's come in POSTs. At most one of each may be under
// way. See "Engine.IO Protocol", "HTTP long-polling". Guarded by Session.mu.
type polling struct {
	session  *Session
	callback string // how a JSONP response begins; "" without JSONP
	get      *poll  // pending GET, or nil
	posting  bool
	body     *http.ResponseController // of the POST whose body is being read, or nil
}

// newPolling returns the transport of a new session whose handshake had the given
// query. What it says of JSONP holds for the whole session (E4.2).
func newPolling(s *Session, q query) *polling {
	return &polling{session: s, callback: jsonpCallback(q)}
}

// poll is a GET that waits. Its channel has room for the one answer it gets.
type poll struct{ answer chan answer }

// answer is what a GET is answered with.
type answer struct {
	batch   []*Message
	written bool // the outbox waits for Session.written
}

func (t *polling) name() string { return Polling }

// ready reports whether a GET is pending.
func (t *polling) ready() bool { return t.get != nil }

// write answers the pending GET. JS differs: E3.19, the close packet never travels with
// messages: a client acts on it at once, and would lose those before it.
//
// The batch counts as queued until its response was written, so that the limits of the
// outbox hold for a client that sends GETs and does not read the responses.
func (t *polling) write(batch []*Message) (done bool) {
	t.get.answer <- answer{batch, true}
	t.get = nil
	return false
}

// answer answers a pending GET with packets that were not queued.
func (t *polling) answer(batch []*Message) {
	if t.get != nil {
		t.get.answer <- answer{batch: batch}
		t.get = nil
	}
}

// close answers a pending GET: with the close packet if this side ends the session or
// has replaced the transport (E3.4, E3.18), with a noop if the client did (E3.22). A
// body that is still to come is not waited for (E3.20).
func (t *polling) close(polite bool, _ websocket.Code) {
	if t.body != nil {
		_ = t.body.SetReadDeadline(past)
	}
	if polite {
		t.answer(closePacketBatch)
	} else {
		t.answer(noopPacketBatch)
	}
}

// servePoll handles a GET of an open session, and, if opening, the handshake (E1.18).
func (t *polling) servePoll(w http.ResponseWriter, r *http.Request, opening bool) {
	s := t.session
	p := &poll{answer: make(chan answer, 1)}
	boundRest(w, r)
	s.mu.Lock()
	if e := t.goneLocked(); e != nil {
		s.mu.Unlock()
		s.server.refuse(w, r, e)
		return
	}
	if t.get != nil {
		s.endLocked(ReasonTransportError, errOverlapGET, true, websocket.CloseNone)
		s.unlockAndTell()
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	t.get = p
	switch {
	case s.state == stateClosing && !s.outbox.waitingToLeave():
		t.answer(goodbyeBatch) // E3.19
		s.endLocked(ReasonForcedClose, nil, true, websocket.CloseNone)
	case s.state == stateClosing || s.outbox.holds == 0 || s.outbox.hold == nil:
		s.flushLocked() // if held, either the timer runs or what is queued has waited long enough
	}
	s.unlockAndTell()

	select {
	case a := <-p.answer:
		t.respond(w, r, a, opening)
	case <-r.Context().Done():
		s.mu.Lock()
		pending := t.get == p
		if pending {
			t.get = nil
			s.endLocked(ReasonTransportError, errPollGone, true, websocket.CloseNone)
		}
		s.unlockAndTell()
		if !pending { // it was answered at the same moment
			t.respond(w, r, <-p.answer, opening)
		}
	}
}

// goneLocked refuses a request that found the session on this transport, which has
// ended or was replaced since.
func (t *polling) goneLocked() *RequestError {
	switch s := t.session; {
	case s.state == stateClosed:
		return refuse(CodeSessionUnknown, "sid", s.id)
	case s.transport != transport(t):
		return mismatch(Polling, s.transport.name())
	}
	return nil
}

// abort ends the session because of a request, unless it has left polling behind.
func (t *polling) abort(err error) {
	s := t.session
	s.mu.Lock()
	if s.transport == transport(t) {
		s.endLocked(ReasonTransportError, err, true, websocket.CloseNone)
	}
	s.unlockAndTell()
}

// boundRest bounds the time in which what is left of the body of a request may come:
// net/http reads some of it before it answers, or uses the connection again.
func boundRest(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerTimeout))
	}
}

// respond writes the response. A client that does not read it has as long as for a
// pong, or for the handshake.
func (t *polling) respond(w http.ResponseWriter, r *http.Request, a answer, opening bool) {
	if a.written {
		defer t.session.written(a.batch)
	}
	b := responseBodies.Get().(*responseBody)
	contentType, encoding := t.encode(b, a.batch, r)
	h := w.Header()
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	t.setHeaders(h, r, contentType, len(b.text), opening)
	timeout := t.session.server.cfg.PingTimeout
	if opening {
		timeout = t.session.server.cfg.HandshakeTimeout
	}
	// An error means that the client has gone, or the writer knows no deadlines: the next
	// request or the heartbeat tells.
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(timeout))
	_, err := w.Write(b.text)
	if err == nil {
		err = rc.Flush()
	}
	_ = rc.SetWriteDeadline(time.Time{}) // the connection may serve other requests
	if err == nil {
		b.release() // net/http may still write the text of an HTTP/2 stream that failed
	}
}

// setHeaders sets the header of a response that is no refusal (E3.2, E3.3).
func (t *polling) setHeaders(h http.Header, r *http.Request, contentType string, length int, opening bool) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Cache-Control", "no-store")
	if agent := r.UserAgent(); strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/") {
		h.Set("X-XSS-Protection", "0") // E3.15
	}
	t.session.addHeaders(h, r, opening)
}
