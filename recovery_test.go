// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// returning is a client that remembers what it needs to return.
type returning struct {
	*client
	nsp, sid, pid, offset string
}

// enter connects to a namespace, with what the last connection has left if there was one.
// It returns the events that came before CONNECT.
func (r *returning) enter(c *client) (missed []string) {
	c.t.Helper()
	r.client = c
	nsp := ""
	if r.nsp != "" {
		nsp = r.nsp + ","
	}
	auth := ""
	if r.pid != "" {
		auth = fmt.Sprintf(`{"pid":%q,"offset":%q}`, r.pid, r.offset)
	}
	c.send("0" + nsp + auth)
	for {
		text := c.next()
		if payload, ok := strings.CutPrefix(text, "0"+nsp); ok {
			var p struct{ SID, PID string }
			assert.NoError(c.t, json.Unmarshal([]byte(payload), &p, json.MatchCaseInsensitiveNames(true)))
			r.sid, r.pid = p.SID, p.PID
			return missed
		}
		missed = append(missed, r.event(text))
	}
}

// event returns the packet without its offset, which it notes.
func (r *returning) event(text string) string {
	r.t.Helper()
	at := strings.LastIndex(text, `,"`)
	if at < 0 || !strings.HasSuffix(text, `"]`) {
		r.t.Fatalf("no offset in %q", text)
	}
	r.offset = text[at+2 : len(text)-2]
	return text[:at] + "]"
}

func (r *returning) wantEvent(text string) {
	r.t.Helper()
	assert.Equal(r.t, r.event(r.next()), text)
}

var recovering = sio.Config{Recovery: &sio.Recovery{}}

// TestRecovery_S8_1_S8_7 follows the trace of chapter 10.
func TestRecovery_S8_1_S8_7(t *testing.T) {
	t.Parallel()
	run(t, recovering, func(t *testing.T, e *env) {
		var seen []string
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
			seen = append(seen, fmt.Sprint("connect ", s.Recovered()))
			return nil
		})
		e.srv.Use(func(context.Context, *sio.Socket) error { seen = append(seen, "use"); return nil })
		r, other := &returning{}, &returning{}
		assert.Equal(t, len(r.enter(e.dial())), 0)
		other.enter(e.dial())
		assert.Equal(t, len(r.pid), 20)
		assert.True(t, r.pid != r.sid, "pid and sid are the same")
		s := e.srv.Socket(r.sid)
		assert.NoError(t, s.Join("room1", "room2"))
		s.Leave("room2")
		s.SetValue("user", "ada")
		assert.NoError(t, s.Emit("hello", 1))
		r.wantEvent(`2["hello",1]`)
		done := ask(t.Context(), s, "q") // S8.2: no offset
		r.want(`20["q"]`)
		r.send(`30[]`)
		<-done
		assert.NoError(t, s.Volatile().Emit("v"))
		r.want(`2["v"]`)
		assert.NoError(t, e.srv.Emit("all", "x"))
		r.wantEvent(`2["all","x"]`)
		other.wantEvent(`2["all","x"]`)

		r.close()
		synctest.Wait()
		assert.NoError(t, e.srv.Emit("missed 1", []byte{7}))
		assert.NoError(t, e.srv.To("room1").Emit("missed 2"))
		assert.NoError(t, e.srv.To("room2").Emit("not in"))
		assert.NoError(t, e.srv.Except("room1").Emit("excluded"))
		assert.NoError(t, e.srv.To("room1").Volatile().Emit("volatile"))
		assert.NoError(t, e.srv.Socket(other.sid).Broadcast().Emit("missed 3"))
		assert.NoError(t, s.Emit("missed 4")) // S8.15
		assert.NoError(t, e.srv.To(r.sid).Emit("missed 5"))
		seen = nil

		sid, pid := r.sid, r.pid
		c := e.dial()
		c.send(fmt.Sprintf(`0{"pid":%q,"offset":%q,"token":1}`, r.pid, r.offset))
		r.client = c
		text := r.event(c.next())
		assert.Equal(t, text, `51-["missed 1",{"_placeholder":true,"num":0}]`)
		c.want("b:\x07")
		for i := 2; i <= 5; i++ {
			r.wantEvent(fmt.Sprintf(`2["missed %d"]`, i))
		}
		c.want(fmt.Sprintf(`0{"sid":%q,"pid":%q}`, sid, pid))
		back := e.srv.Socket(sid)
		assert.True(t, back != nil && back != s && back.Recovered(), "not recovered")
		assert.Equal(t, back.Rooms(), []string{sid, "room1"})
		assert.Equal(t, back.Value("user"), any("ada"))
		assert.Equal(t, seen, []string{"connect true"}) // S8.9
		assert.NoError(t, e.srv.To("room1").Emit("live"))
		r.wantEvent(`2["live"]`)

		// Once more, and nothing was missed.
		r.close()
		synctest.Wait()
		assert.Equal(t, len(r.enter(e.dial())), 0)
		assert.Equal(t, r.sid, sid)
	})
}

// TestRecoveryFails: the client is a new one (S8.6, S8.8).
func TestRecoveryFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  sio.Recovery
		do   func(e *env, r *returning)
	}{
		{"S8.6 too late", sio.Recovery{}, func(*env, *returning) { time.Sleep(2 * time.Minute) }},
		{"S8.6 its own time", sio.Recovery{MaxDisconnection: time.Second}, func(*env, *returning) { time.Sleep(time.Second) }},
		{"S8.6 unknown offset", sio.Recovery{}, func(_ *env, r *returning) { r.offset = "x" }},
		{"S8.6 no offset", sio.Recovery{}, func(_ *env, r *returning) { r.offset = "" }},
		{"S8.6 unknown pid", sio.Recovery{}, func(_ *env, r *returning) { r.pid = "x" }},
		{"too many packets", sio.Recovery{MaxPackets: 3}, func(e *env, _ *returning) {
			for range 3 {
				assert.NoError(e.t, e.srv.Emit("e"))
			}
		}},
		{"too many bytes", sio.Recovery{MaxBytes: 1000}, func(e *env, _ *returning) { assert.NoError(e.t, e.srv.Emit("e", strings.Repeat("x", 1000))) }},
		{"more than the outbox holds", sio.Recovery{}, func(e *env, _ *returning) {
			for range 30 {
				assert.NoError(e.t, e.srv.Emit("e", strings.Repeat("x", 100_000)))
			}
		}},
		{"too many sessions", sio.Recovery{MaxSessions: 1}, func(e *env, _ *returning) {
			other := &returning{}
			other.enter(e.dial())
			other.close()
			synctest.Wait()
		}},
		{"S8.11 twice", sio.Recovery{}, func(e *env, r *returning) {
			again := *r
			again.enter(e.dial())
			assert.Equal(e.t, again.sid, r.sid)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Recovery: &tt.cfg}, func(t *testing.T, e *env) {
				r := &returning{}
				r.enter(e.dial())
				s := e.srv.Socket(r.sid)
				assert.NoError(t, s.Emit("hello"))
				r.wantEvent(`2["hello"]`)
				r.close()
				synctest.Wait()
				sid := r.sid
				tt.do(e, r)
				assert.Equal(t, len(r.enter(e.dial())), 0)
				assert.True(t, r.sid != sid, "recovered")
				assert.Equal(t, e.srv.Socket(r.sid).Recovered(), false)
			})
		})
	}
	for _, auth := range []string{`{"pid":1,"offset":2}`, `{"pid":{},"offset":[]}`, `{"pid":"x"}`, `{"offset":"x"}`, `{}`} {
		t.Run("S8.5 "+auth, func(t *testing.T) {
			t.Parallel()
			run(t, recovering, func(t *testing.T, e *env) {
				c := e.dial()
				c.send("0" + auth)
				assert.True(t, strings.HasPrefix(c.next(), `0{"sid":"`), "not connected")
			})
		})
	}
}

// TestRecoverable_S8_4: some ends are final (S6).
func TestRecoverable_S8_4(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end  func(e *env, r *returning)
		want bool
	}{
		"S6.1 server":       {func(e *env, r *returning) { e.srv.Socket(r.sid).Disconnect(false) }, false},
		"S6.2 client":       {func(_ *env, r *returning) { r.send("1") }, false},
		"S6.4 ping timeout": {func(*env, *returning) { time.Sleep(46 * time.Second) }, true},
		"S6.5 close":        {func(_ *env, r *returning) { r.close() }, true},
		"S6.6 error":        {func(_ *env, r *returning) { r.queueRaw("2").flush() }, true},
		"S6.7 parse error":  {func(_ *env, r *returning) { r.queueRaw("x").flush() }, false},
		"S6.8 forced close": {func(_ *env, r *returning) { r.send("x") }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, recovering, func(t *testing.T, e *env) {
				r := &returning{}
				r.enter(e.dial())
				assert.NoError(t, e.srv.Emit("hello"))
				r.wantEvent(`2["hello"]`)
				sid := r.sid
				tt.end(e, r)
				synctest.Wait()
				r.enter(e.dial())
				assert.Equal(t, r.sid == sid, tt.want)
			})
		})
	}
}

// TestRecoveryMiddlewares_B17: what was missed waits until the client is let in.
func TestRecoveryMiddlewares_B17(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Recovery: &sio.Recovery{RunMiddlewares: true}}, func(t *testing.T, e *env) {
		refuse := false
		e.srv.Use(func(_ context.Context, s *sio.Socket) error {
			if refuse {
				return errors.New("not again")
			}
			return s.Emit("from the middleware", s.Recovered())
		})
		r := &returning{}
		assert.Equal(t, r.enter(e.dial()), []string{`2["from the middleware",false]`})
		r.close()
		synctest.Wait()
		assert.NoError(t, e.srv.Emit("missed"))
		assert.Equal(t, r.enter(e.dial()), []string{`2["missed"]`, `2["from the middleware",true]`})
		r.close()
		synctest.Wait()
		assert.NoError(t, e.srv.Emit("missed again"))
		refuse = true
		c := e.dial()
		c.send(fmt.Sprintf(`0{"pid":%q,"offset":%q}`, r.pid, r.offset))
		c.want(`4{"message":"not again"}`)
		c.quiet()
	})
}

// TestRecoveryOff_S8_12 is without Config.Recovery.
func TestRecoveryOff_S8_12(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.dial()
		c.send(`0{"pid":"x","offset":"y"}`)
		text := c.next()
		assert.True(t, !strings.Contains(text, "pid"), "CONNECT %q", text)
		assert.NoError(t, e.srv.Emit("e"))
		c.want(`2["e"]`)
	})
}

// TestRecoveryStress loses no event and doubles none while many emit and a client comes
// and goes.
func TestRecoveryStress(t *testing.T) {
	t.Parallel()
	run(t, recovering, func(t *testing.T, e *env) {
		r := &returning{}
		r.enter(e.dial())
		assert.NoError(t, e.srv.Emit("first"))
		r.wantEvent(`2["first"]`)
		const rounds, perRound = 30, 20
		var got []string
		for round := range rounds {
			finished := make(chan struct{}, 2)
			for range 2 {
				go func() {
					for range perRound / 2 {
						assert.NoError(t, e.srv.Emit("e", round))
					}
					finished <- struct{}{}
				}()
			}
			if round%2 == 0 {
				r.close()
				synctest.Wait()
				got = append(got, r.enter(e.dial())...)
			}
			<-finished
			<-finished
			synctest.Wait()
			for len(got) < (round+1)*perRound {
				got = append(got, r.event(r.next()))
			}
			r.quiet()
		}
		for i, text := range got {
			assert.Equal(t, text, fmt.Sprintf(`2["e",%d]`, i/perRound))
		}
	})
}

// TestRecoveryLate_S8_15 emits on a socket whose client has returned to another one.
func TestRecoveryLate_S8_15(t *testing.T) {
	t.Parallel()
	run(t, recovering, func(t *testing.T, e *env) {
		r := &returning{}
		r.enter(e.dial())
		s := e.srv.Socket(r.sid)
		assert.NoError(t, s.Emit("hello"))
		r.wantEvent(`2["hello"]`)
		r.close()
		synctest.Wait()
		r.enter(e.dial())
		assert.NoError(t, s.Emit("late"))
		r.wantEvent(`2["late"]`)
	})
}

// TestRecoveryBreaks: the connection breaks again while the client returns.
func TestRecoveryBreaks(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Recovery: &sio.Recovery{RunMiddlewares: true}}, func(t *testing.T, e *env) {
		slow := false
		e.srv.Use(func(ctx context.Context, _ *sio.Socket) error {
			if slow {
				<-ctx.Done()
			}
			return nil
		})
		r := &returning{}
		r.enter(e.dial())
		assert.NoError(t, e.srv.Emit("hello"))
		r.wantEvent(`2["hello"]`)
		sid := r.sid
		r.close()
		synctest.Wait()
		slow = true
		c := e.dial()
		c.send(fmt.Sprintf(`0{"pid":%q,"offset":%q}`, r.pid, r.offset))
		synctest.Wait()
		c.close()
		synctest.Wait()
		slow = false
		r.enter(e.dial())
		assert.Equal(t, r.sid, sid)
	})
}
