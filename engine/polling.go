// SPDX-License-Identifier: MIT

package engine

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sio-go/sio/engine/wire"
)

// polling carries a session over HTTP requests: the server's packets answer a GET
// that waits for them, the client's come in POSTs. At most one of each may be under
// way. See "Engine.IO Protocol", "HTTP long-polling". Guarded by Session.mu.
type polling struct {
	session *Session
	get     *poll // pending GET, or nil
	posting bool
	body    *http.ResponseController // of the POST whose body is being read, or nil
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

// write answers the pending GET. The close packet never travels with messages: a
// client acts on it at once, and would lose those before it.
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
func (t *polling) close(polite bool, _ closeCode) {
	if t.body != nil {
		_ = t.body.SetReadDeadline(past)
	}
	if polite {
		t.answer(closePacketBatch)
	} else {
		t.answer(noopPacketBatch)
	}
}

// servePoll handles a GET of an open session, and the handshake request (E1.18).
func (t *polling) servePoll(w http.ResponseWriter, r *http.Request) {
	s := t.session
	p := &poll{answer: make(chan answer, 1)}
	s.mu.Lock()
	if e := t.goneLocked(); e != nil {
		s.mu.Unlock()
		s.server.refuse(w, r, e)
		return
	}
	if t.get != nil {
		s.endLocked(ReasonTransportError, errOverlapGET, true, closeNone)
		s.unlockAndTell()
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	t.get = p
	switch {
	case s.state == stateClosing && len(s.outbox.queue) == 0:
		t.answer(goodbyeBatch) // E3.19
		s.endLocked(ReasonForcedClose, nil, true, closeNone)
	case s.state == stateClosing || s.outbox.holds == 0 || !s.outbox.timing:
		s.flushLocked() // if held, either the timer runs or what is queued has waited long enough
	}
	s.unlockAndTell()

	select {
	case a := <-p.answer:
		t.respond(w, a)
	case <-r.Context().Done():
		s.mu.Lock()
		pending := t.get == p
		if pending {
			t.get = nil
			s.endLocked(ReasonTransportError, errPollGone, true, closeNone)
		}
		s.unlockAndTell()
		if !pending { // it was answered at the same moment
			t.respond(w, <-p.answer)
		}
	}
}

// goneLocked refuses a request that found the session on this transport, which has
// ended or was replaced since.
func (t *polling) goneLocked() *RequestError {
	switch s := t.session; {
	case s.state == stateClosed:
		return refuse(CodeSessionUnknown, "session closed")
	case s.transport != transport(t):
		return refuse(CodeBadRequest, "TRANSPORT_MISMATCH: session upgraded")
	}
	return nil
}

// abort ends the session because of a request, unless it has left polling behind.
func (t *polling) abort(err error) {
	s := t.session
	s.mu.Lock()
	if s.transport == transport(t) {
		s.endLocked(ReasonTransportError, err, true, closeNone)
	}
	s.unlockAndTell()
}

// respond writes the response. A client that does not read it has as long as for a pong.
func (t *polling) respond(w http.ResponseWriter, a answer) {
	size := 0
	for _, m := range a.batch {
		size += m.size
	}
	body := make([]byte, 0, size)
	for _, m := range a.batch {
		body = m.appendPayload(body)
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	// An error means that the client has gone, or the writer knows no deadlines: the next
	// request or the heartbeat tells.
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(t.session.server.cfg.PingTimeout))
	_, _ = w.Write(body)
	_ = rc.Flush()
	_ = rc.SetWriteDeadline(time.Time{}) // the connection may serve other requests
	if a.written {
		t.session.written(a.batch)
	}
}

// servePost handles a POST of an open session.
func (t *polling) servePost(w http.ResponseWriter, r *http.Request) {
	s := t.session
	if strings.EqualFold(r.Header.Get("Content-Type"), "application/octet-stream") {
		w.WriteHeader(http.StatusBadRequest) // E3.9
		t.abort(errContentType)
		return
	}
	s.mu.Lock()
	if e := t.goneLocked(); e != nil {
		s.mu.Unlock()
		s.server.refuse(w, r, e)
		return
	}
	if t.posting {
		s.endLocked(ReasonTransportError, errOverlapPOST, true, closeNone)
		s.unlockAndTell()
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	t.posting = true
	t.body = http.NewResponseController(w)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		t.posting = false
		s.mu.Unlock()
	}()

	body, status := t.readBody(w, r)
	s.mu.Lock()
	t.body = nil
	s.mu.Unlock()
	if status != 0 {
		// B18: what is left of the body is not read, so the connection cannot be used again.
		w.Header().Set("Connection", "close")
		w.WriteHeader(status)
		return
	}
	if body == nil || !t.receive(body) {
		// E3.20: the session has ended meanwhile.
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.waitResumed()
	h := w.Header()
	h.Set("Content-Type", "text/html")
	h.Set("Content-Length", "2")
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok")
}

// readBody reads the body within the limit. A status other than 0 refuses the
// request; a nil body means that the client has gone.
func (t *polling) readBody(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	s := t.session
	limit := s.server.cfg.MaxPayloadBytes
	if r.ContentLength > limit {
		return nil, http.StatusRequestEntityTooLarge // E3.10: the session stays open
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		t.abort(errPostGone)
		return nil, 0
	case body == nil:
		body = []byte{}
	}
	return body, 0
}

// receive hands the packets of a payload to the session. It reports false if polling
// is no longer the session's transport. A malformed payload ends the session, but its
// request is answered "ok" like any other (top-25 no. 6).
func (t *polling) receive(body []byte) bool {
	s := t.session
	if !s.beginReceive(t) {
		return false
	}
	defer s.endReceive()
	for p, err := range wire.ParsePayload(body) {
		if err != nil {
			s.abort(ReasonParseError, err)
			break
		}
		if !s.receive(p) {
			break
		}
	}
	return true
}
