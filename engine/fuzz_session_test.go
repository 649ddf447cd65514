// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// The times of FuzzSession.
const (
	fuzzInterval = 10 * time.Second
	fuzzTimeout  = 5 * time.Second
	fuzzUpgrade  = 4 * time.Second
)

// FuzzSession lets the input choose what a client, a server and the time do to one session:
// two bytes are a step. A model says what each side must see: see walk.
func FuzzSession(f *testing.F) {
	for _, seed := range sessionSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		synctest.Test(t, func(t *testing.T) { walkSession(t, steps) })
	})
}

// walk is a session, its client, and the model of both.
type walk struct {
	*host

	r      *receiver
	sid    string
	ended  bool            // the model's session has
	closes bool            // or is closing: it waits for a GET
	why    []engine.Reason // for one of these
	polls  bool
	at     time.Time // what the heartbeat does next
	owes   bool      // it waits for a pong
	probes *peer     // a WebSocket that is not the transport yet, or nil
	until  time.Time // it is closed
	orphan *peer     // it, when the session has ended
	socket *peer     // the transport, or nil

	up, received int // messages of the client that the receiver must get, and has got
	down, pings  int // messages and pings of the server

	get    chan answer // a GET that was not answered when the last step ended, or nil
	cancel context.CancelFunc
	said   // what GETs have brought
}

// said is what came to the client.
type said struct {
	messages []string
	pings    int
	closed   int // close packets, close frames
	probed   int
}

func (s *said) packet(p string) error {
	switch {
	case strings.HasPrefix(p, "4"):
		s.messages = append(s.messages, p[1:])
	case p == "2":
		s.pings++
	case p == "1":
		s.closed++
	case p == "3probe":
		s.probed++
	case p != "6":
		return fmt.Errorf("packet %q", p)
	}
	return nil
}

// peer is a WebSocket of the client, and what has come by it.
type peer struct {
	*socket

	mu   sync.Mutex
	got  said
	done bool // the connection has ended
}

func newPeer(c *socket) *peer {
	w := &peer{socket: c}
	go func() {
		for {
			f, err := c.read()
			w.mu.Lock()
			switch {
			case err != nil:
				w.done = true
			case f.Header.OpCode == ws.OpClose:
				w.got.closed++
				_, _ = c.conn.Write(closeAnswer)
			default:
				if err := w.got.packet(string(f.Payload)); err != nil && !strings.HasPrefix(string(f.Payload), "0{") {
					c.t.Error(err)
				}
			}
			w.mu.Unlock()
			if err != nil {
				_ = c.conn.Close()
				return
			}
		}
	}()
	return w
}

func (w *peer) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done
}

// put writes frames. The server may have closed the connection.
func (w *peer) put(packets ...string) {
	var all []byte
	for _, p := range packets {
		all = append(all, text(p)...)
	}
	_, _ = w.conn.Write(all)
}

func walkSession(t *testing.T, steps []byte) {
	h := serve(t, engine.Config{
		PingInterval: fuzzInterval, PingTimeout: fuzzTimeout, UpgradeTimeout: fuzzUpgrade, MaxPayloadBytes: 100,
	}, nil)
	w := &walk{host: h}
	if len(steps) > 0 && steps[0]&1 == 1 {
		w.socket = newPeer(h.socket(direct))
		w.r = h.receiver()
		w.sid = w.r.session.ID()
	} else {
		w.sid, w.r = h.poll()
		w.polls = true
	}
	w.at = time.Now().Add(fuzzInterval)
	for i := 1; i+1 < min(len(steps), 200); i += 2 {
		step := sessionSteps[int(steps[i])%len(sessionSteps)]
		step.do(w, int(steps[i+1]))
		if w.settle(); t.Failed() {
			t.Fatalf("after step %d, %s %d", i/2, step.name, steps[i+1])
		}
	}
	w.finish()
}

// settle lets everything happen, and compares.
func (w *walk) settle() {
	synctest.Wait()
	if len(w.get) > 0 {
		w.took(<-w.get)
		w.get = nil
		w.cancel()
	}
	select {
	case <-w.r.ended:
		assert.True(w.t, w.ended && slices.Contains(w.why, w.r.reason), "ended for %q (%v), want %t %q", w.r.reason, w.r.err, w.ended, w.why)
	default:
		assert.True(w.t, !w.ended, "has not ended, want %q", w.why)
	}
	if w.t.Failed() {
		return
	}
	for n := len(w.r.got); n > 0; n-- {
		m := <-w.r.got
		assert.Equal(w.t, m.data, fmt.Sprint(w.received))
		w.received++
	}
	assert.Equal(w.t, w.received, w.up)
	all := w.heard()
	for i, m := range all.messages {
		assert.Equal(w.t, m, fmt.Sprint(i))
	}
	reads := w.socket != nil || w.get != nil
	if !w.ended && reads { // nothing waits for who reads
		assert.Equal(w.t, len(all.messages), w.down)
		assert.Equal(w.t, all.pings, w.pings)
		assert.Equal(w.t, all.closed, 0)
	}
	assert.True(w.t, len(all.messages) <= w.down && all.pings <= w.pings, "%d of %d messages, %d of %d pings", len(all.messages), w.down, all.pings, w.pings)
	if w.ended {
		assert.True(w.t, w.get == nil, "a GET is left")
		assert.Equal(w.t, w.srv.Count(), 0)
		assert.True(w.t, w.orphan == nil || w.orphan.over(), "the WebSocket that probed stays")
	}
	if w.probes != nil {
		assert.True(w.t, !w.probes.over(), "the WebSocket that probes has ended")
	}
}

// heard returns all that has come to the client.
func (w *walk) heard() said {
	all := w.said
	all.messages = slices.Clone(all.messages)
	if s := w.socket; s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		all.messages = append(all.messages, s.got.messages...)
		all.pings += s.got.pings
		all.closed += s.got.closed
	}
	return all
}

// took takes the answer to a GET.
func (w *walk) took(a answer) {
	if a.status == 0 && w.ended { // it was given up
		return
	}
	assert.Equal(w.t, a.status, http.StatusOK)
	for p := range strings.SplitSeq(a.body, "\x1e") {
		if p == "1" && !w.polls {
			continue // E3.18: the end of polling, not of the session
		}
		if err := w.packet(p); err != nil {
			w.t.Error(err)
		}
	}
}

// end is the end of the model's session.
func (w *walk) end(why ...engine.Reason) {
	if w.ended {
		return
	}
	w.ended, w.why, w.orphan, w.probes = true, why, w.probes, nil
}

// waits reports whether the server has something for the client that has not been sent.
func (w *walk) waits() bool {
	all := w.heard()
	return len(all.messages) < w.down || all.pings < w.pings
}

// pong is what a pong does.
func (w *walk) pong() {
	if w.owes && !w.ended {
		w.owes, w.at = false, time.Now().Add(fuzzInterval)
	}
}

// sleep lets time pass.
func (w *walk) sleep(d time.Duration) {
	end := time.Now().Add(d)
	for !w.ended && !w.at.After(end) {
		if w.owes {
			w.end(engine.ReasonPingTimeout, forced(w.closes))
			break
		}
		w.owes, w.at = true, w.at.Add(fuzzTimeout)
		if !w.closes {
			w.pings++
		}
	}
	if w.probes != nil && !w.until.After(end) {
		w.probes = nil
	}
	time.Sleep(d)
}

// forced is the other reason that a closing session may end for.
func forced(closes bool) engine.Reason {
	if closes {
		return engine.ReasonForcedClose
	}
	return engine.ReasonPingTimeout
}

// message returns a packet with the next message of the client, which counts if it can.
func (w *walk) message(counts bool) string {
	p := fmt.Sprint("4", w.up)
	if counts && !w.ended && !w.closes {
		w.up++
	}
	return p
}

// poll starts a GET.
func (w *walk) poll() {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan answer, 1)
	go func() { done <- w.do(ctx, "GET", polled+"&sid="+w.sid, nil) }()
	if w.ended || !w.polls || w.get != nil {
		synctest.Wait()
		assert.Equal(w.t, (<-done).status, http.StatusBadRequest)
		cancel()
		if w.get != nil && !w.ended && w.polls { // E3.4
			w.end(engine.ReasonTransportError)
		}
		return
	}
	if w.closes && !w.waits() {
		w.end(engine.ReasonForcedClose)
	}
	w.get, w.cancel = done, cancel
}

// send makes a POST that is answered with a status, if the session polls.
func (w *walk) send(body string, status int) {
	if w.ended || !w.polls {
		status = http.StatusBadRequest
	}
	assert.Equal(w.t, w.post(w.sid, body).status, status)
}

// lives reports whether the session can take something of a POST.
func (w *walk) lives() bool { return w.polls && !w.ended }

// upgrades is the packet that makes the WebSocket that probes the transport.
func (w *walk) upgrades() {
	w.socket, w.probes, w.polls = w.probes, nil, false
	if w.closes {
		w.end(engine.ReasonForcedClose)
	}
}

type sessionStep struct {
	name string
	do   func(w *walk, n int)
}

// sessionSteps are what may happen. Each is given a number to choose by.
var sessionSteps = []sessionStep{
	{"sleep", func(w *walk, n int) { w.sleep(time.Duration(n%64) * 250 * time.Millisecond) }},
	{"GET", func(w *walk, _ int) { w.poll() }},
	{"GET given up", func(w *walk, _ int) {
		if w.get == nil {
			return
		}
		w.cancel()
		w.end(engine.ReasonTransportError)
	}},
	{"POST", func(w *walk, n int) {
		body := w.message(w.polls)
		for range n % 4 {
			body += "\x1e" + w.message(w.polls)
		}
		w.send(body, http.StatusOK)
	}},
	{"bad POST", func(w *walk, n int) {
		body := w.message(w.polls) + "\x1e"
		w.send(body+[]string{"x", "", "7", "b!"}[n%4], http.StatusOK)
		if w.lives() {
			w.end(engine.ReasonParseError)
		}
	}},
	{"large POST", func(w *walk, _ int) { w.send("4"+strings.Repeat("x", 200), http.StatusRequestEntityTooLarge) }},
	{"POST of another type", func(w *walk, _ int) {
		status := w.do(w.t.Context(), "POST", polled+"&sid="+w.sid, strings.NewReader("4x"), "Content-Type", "application/octet-stream").status
		assert.Equal(w.t, status, http.StatusBadRequest)
		if w.lives() {
			w.end(engine.ReasonTransportError)
		}
	}},
	{"POST of close", func(w *walk, _ int) {
		w.send("1", http.StatusOK)
		if w.lives() {
			w.end(engine.ReasonTransportClose)
		}
	}},
	{"POST of ping", func(w *walk, _ int) {
		w.send("2", http.StatusOK)
		if w.lives() {
			w.end(engine.ReasonTransportError)
		}
	}},
	{"POST of pong", func(w *walk, _ int) {
		w.send("3", http.StatusOK)
		if w.polls {
			w.pong()
		}
	}},
	{"Send", func(w *walk, n int) {
		for range n%4 + 1 {
			err := w.r.send(fmt.Sprint(w.down))
			assert.Equal(w.t, err == nil, !w.ended && !w.closes)
			if err == nil {
				w.down++
			}
		}
	}},
	{"Close", func(w *walk, _ int) {
		w.r.session.Close()
		if w.closes = true; !w.polls || w.get != nil {
			w.end(engine.ReasonForcedClose)
		}
	}},
	{"WebSocket", func(w *walk, _ int) {
		c, a := w.host.upgrade("GET", direct+"&sid="+w.sid, "")
		switch {
		case w.ended:
			assert.Equal(w.t, a.status, http.StatusBadRequest)
		case c == nil:
			w.t.Errorf("refused: %d", a.status)
		case w.polls && w.probes == nil:
			w.probes, w.until = newPeer(c), time.Now().Add(fuzzUpgrade)
		default: // E9.1, E9.8
			other := newPeer(c)
			synctest.Wait()
			assert.True(w.t, other.over(), "a second WebSocket stays")
		}
	}},
	{"probe", func(w *walk, _ int) {
		if p := w.probes; p != nil {
			p.put("2probe")
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			assert.True(w.t, p.got.probed > 0, "no answer to the probe")
			p.got.probed = 0
		}
	}},
	{"upgrade", func(w *walk, n int) {
		if p := w.probes; p != nil {
			w.upgrades()
			packets := []string{"5"}
			for range n % 3 {
				packets = append(packets, w.message(true))
			}
			p.put(packets...)
		}
	}},
	{"probe and upgrade", func(w *walk, n int) {
		if p := w.probes; p != nil {
			w.upgrades()
			packets := []string{"2probe", "5"}
			for range n % 3 {
				packets = append(packets, w.message(true))
			}
			p.put(packets...)
		}
	}},
	{"bad probe", func(w *walk, n int) {
		if p := w.probes; p != nil {
			w.probes = nil
			p.put([]string{"4x", "x", "2other", "1", "", "6"}[n%6])
			synctest.Wait()
			assert.True(w.t, p.over(), "a bad probe stays")
		}
	}},
	{"probe that ends", func(w *walk, n int) {
		if p := w.probes; p != nil {
			w.probes = nil
			if n%2 == 0 {
				_, _ = p.conn.Write(closeAnswer)
			} else {
				_ = p.conn.Close()
			}
		}
	}},
	{"frames", func(w *walk, n int) {
		if s := w.socket; s != nil {
			var packets []string
			for range n%4 + 1 {
				packets = append(packets, w.message(true))
			}
			s.put(packets...)
		}
	}},
	{"bad frame", func(w *walk, n int) {
		if s := w.socket; s != nil {
			packets := []string{w.message(true), []string{"x", "", "9", "b!"}[n%4]}
			w.end(engine.ReasonParseError)
			s.put(packets...)
		}
	}},
	{"broken frame", func(w *walk, n int) {
		if s := w.socket; s != nil {
			_, _ = s.conn.Write([][]byte{{0x83, 0x80, 0, 0, 0, 0}, {0x81, 0}, {0xf1, 0x80, 0, 0, 0, 0}, length64(1, 1<<40)}[n%4])
			w.end(engine.ReasonTransportError)
		}
	}},
	{"frame of close", func(w *walk, _ int) {
		if s := w.socket; s != nil {
			s.put("1")
			w.end(engine.ReasonTransportClose)
		}
	}},
	{"frame of ping", func(w *walk, _ int) {
		if s := w.socket; s != nil {
			s.put("2")
			w.end(engine.ReasonTransportError)
		}
	}},
	{"frame of pong", func(w *walk, _ int) {
		if s := w.socket; s != nil {
			s.put("3")
			w.pong()
		}
	}},
	{"frame without meaning", func(w *walk, n int) {
		if s := w.socket; s != nil {
			s.put([]string{"0", "5", "6"}[n%3])
		}
	}},
	{"close frame", func(w *walk, _ int) {
		if s := w.socket; s != nil {
			_, _ = s.conn.Write(closeAnswer)
			w.end(engine.ReasonTransportClose)
		}
	}},
	{"end of connection", func(w *walk, _ int) {
		if s := w.socket; s != nil {
			_ = s.conn.Close()
			w.end(engine.ReasonTransportClose)
		}
	}},
}

// finish closes the session, and looks whether all that was sent has come.
func (w *walk) finish() {
	if w.ended {
		time.Sleep(time.Minute) // nothing more happens
		w.settle()
		return
	}
	w.r.session.Close()
	if w.closes = true; !w.polls || w.get != nil {
		w.end(engine.ReasonForcedClose)
	}
	for w.settle(); w.polls && !w.ended && !w.t.Failed(); w.settle() {
		w.poll()
	}
	all := w.heard()
	assert.Equal(w.t, len(all.messages), w.down)
	assert.Equal(w.t, all.pings, w.pings)
	assert.Equal(w.t, all.closed, 1)
}

// sessionSeeds reach every state. Steps are written as in sessionSteps, with a number behind
// a colon; "direct" begins without polling.
func sessionSeeds() (seeds [][]byte) {
	for _, program := range []string{
		"GET,Send:3,GET,POST:3,POST,GET,sleep:50,POST of pong,GET,sleep:63",
		"direct,frames:3,Send:3,sleep:40,frame of pong,frame of pong,sleep:39,frame without meaning:1,frames,Close,sleep,Close",
		"sleep:40,sleep:20,GET", "direct,sleep:40,sleep:19,frames,sleep:1", "GET,sleep:40,GET,sleep:19,POST of pong,sleep:63",
		"GET,Close,GET,POST,WebSocket", "Send,Close,POST,GET,GET,Send", "Close,sleep:63,sleep:63", "Close,sleep:63,POST of pong,sleep:63,POST of pong,sleep:63",
		"Close,WebSocket,probe,upgrade", "GET,Close,sleep", "Send:2,Close,WebSocket,probe and upgrade:2", "Close,GET given up,GET",
		"GET,GET", "GET,GET given up,POST", "bad POST", "bad POST:1", "bad POST:2", "bad POST:3", "GET,bad POST", "Close,bad POST", "large POST,POST",
		"POST of another type", "POST of close", "GET,POST of close", "POST of ping", "POST of pong",
		"GET,WebSocket,probe,sleep:1,GET,sleep:1,upgrade:2,Send,frames,sleep:40,frame of pong,Close",
		"WebSocket,probe,probe,Send:3,upgrade,GET,POST,WebSocket", "GET,Send,WebSocket,upgrade:1,frames", "WebSocket,WebSocket,probe,upgrade",
		"WebSocket,bad probe,WebSocket,bad probe:1,WebSocket,bad probe:2,WebSocket,bad probe:3,WebSocket,bad probe:4,WebSocket,probe,bad probe:5,GET,Send",
		"WebSocket,probe that ends,WebSocket,probe,probe that ends:1,WebSocket,probe and upgrade:1,Send", "WebSocket,sleep:15,sleep:1,GET,Send",
		"WebSocket,probe,GET,sleep:16,WebSocket,sleep:8,probe,upgrade", "WebSocket,POST of close", "WebSocket,probe,sleep:8,Close,GET", "WebSocket,probe,bad POST",
		"GET,WebSocket,probe,Close", "GET,WebSocket,upgrade,Close", "sleep:39,WebSocket,probe,sleep:2,upgrade,frame of pong,sleep:30", "sleep:40,WebSocket,probe and upgrade,sleep:20",
		"direct,sleep:40,frame of pong,sleep:44,Send", "direct,bad frame", "direct,bad frame:1", "direct,bad frame:2", "direct,bad frame:3", "direct,broken frame", "direct,broken frame:1", "direct,broken frame:2",
		"direct,broken frame:3", "direct,frame of close", "direct,frame of ping", "direct,close frame", "direct,end of connection", "direct,WebSocket,GET,POST,frames",
		"WebSocket,probe and upgrade,end of connection", "WebSocket,probe and upgrade,close frame,WebSocket", "WebSocket,upgrade,frame of ping", "WebSocket,upgrade,Send:3,Close",
		"WebSocket,upgrade,bad frame", "WebSocket,upgrade,broken frame", "WebSocket,upgrade,frame of close,frames",
	} {
		seed := []byte{0}
		for step := range strings.SplitSeq(program, ",") {
			name, number, _ := strings.Cut(step, ":")
			if name == "direct" {
				seed[0] = 1
				continue
			}
			i := slices.IndexFunc(sessionSteps, func(s sessionStep) bool { return s.name == name })
			if i < 0 {
				panic(step)
			}
			n, _ := strconv.Atoi(number)
			seed = append(seed, byte(i), byte(n)) //nolint:gosec // both are small
		}
		seeds = append(seeds, seed)
	}
	return seeds
}
