// SPDX-License-Identifier: MIT

package dial_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// TestDeflate_C4_13: compression is offered, and used from the threshold on.
func TestDeflate_C4_13(t *testing.T) {
	letters := func(n int) string { return strings.Repeat("abc", n)[:n] }
	for name, test := range map[string]struct {
		server     *engine.PerMessageDeflate
		cfg        dial.Config
		size       int
		opt        dial.SendOptions
		compressed bool
	}{
		"C4.13: at the threshold":    {&engine.PerMessageDeflate{}, dial.Config{}, 1023, dial.SendOptions{}, true},
		"C4.13: below":               {&engine.PerMessageDeflate{}, dial.Config{}, 1022, dial.SendOptions{}, false},
		"C4.13: another threshold":   {&engine.PerMessageDeflate{}, dial.Config{CompressionThreshold: 100}, 99, dial.SendOptions{}, true},
		"C4.13: not for this one":    {&engine.PerMessageDeflate{}, dial.Config{}, 5000, dial.SendOptions{NoCompression: true}, false},
		"C4.13: not offered":         {&engine.PerMessageDeflate{}, dial.Config{NoCompression: true}, 5000, dial.SendOptions{}, false},
		"C4.13: not taken":           {nil, dial.Config{}, 5000, dial.SendOptions{}, false},
		"C4.13: with a small window": {&engine.PerMessageDeflate{WindowBits: 9, ContextTakeover: true}, dial.Config{}, 5000, dial.SendOptions{}, true},
		"C4.13: as base64":           {&engine.PerMessageDeflate{}, dial.Config{ForceBase64: true}, 5000, dial.SendOptions{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{PerMessageDeflate: test.server})
				test.cfg.Transports = webSocketOnly
				test.cfg.Transport = n.transport()
				sent := tap(test.cfg.Transport)
				r := n.dial(test.cfg)
				p := <-n.peers
				idle()
				before := sent.Load()
				for range 3 {
					assert.NoError(t, r.session.Send([]byte(letters(test.size)), [][]byte{[]byte(letters(test.size + 1))}, test.opt))
				}
				for range 3 {
					r.want(letters(test.size), "b:"+letters(test.size+1))
				}
				assert.Equal(t, len(p.received()), 6)
				assert.Equal(t, sent.Load()-before < int64(6*test.size), test.compressed)
			})
		})
	}
}

// TestBase64_C4_5: with ForceBase64 binary data is text, both ways.
func TestBase64_C4_5(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := serveScript(t, &script{socket: func(c *socket) {
			c.send(hello, "bAAEC")
			c.want("bAwQF", "4x", "bBg==")
			c.drain()
		}}).dial(dial.Config{Transports: webSocketOnly, ForceBase64: true})
		r.want("b:\x00\x01\x02")
		assert.NoError(t, r.session.Send(nil, [][]byte{{3, 4, 5}}, dial.SendOptions{}))
		r.send("x", "\x06")
		idle()
	})
}

// TestFrames: control frames are answered, also between the fragments of a message, and
// every frame has a mask of its own.
func TestFrames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		masks := map[[4]byte]bool{}
		r := serveScript(t, &script{socket: func(c *socket) {
			c.send(hello)
			first, last := ws.NewFrame(ws.OpText, false, []byte("4one ")), ws.NewFrame(ws.OpContinuation, true, []byte("two"))
			for _, f := range []ws.Frame{first, ws.NewPingFrame([]byte("ping")), ws.NewPongFrame(nil), last} {
				c.write(ws.MustCompileFrame(f))
			}
			c.wantFrame(ws.OpPong, "ping")
			for range 100 {
				f, err := ws.ReadFrame(c.r)
				assert.NoError(c.t, err)
				masks[f.Header.Mask] = true
			}
			c.drain()
		}}).dial(dial.Config{Transports: webSocketOnly})
		r.want("one two")
		for range 100 {
			r.send("x")
		}
		idle()
		assert.True(t, len(masks) > 95, "%d masks of 100 frames", len(masks))
	})
}

// TestPingFlood: answers do not pile up while the server does not take them.
func TestPingFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		blocked, answers := make(chan struct{}), make(chan string, 100)
		r := serveScript(t, &script{socket: func(c *socket) {
			c.send(hello)
			<-blocked
			for i := range 1000 {
				c.write(append(text("2"), ws.MustCompileFrame(ws.NewPingFrame([]byte(fmt.Sprint(i))))...))
			}
			time.Sleep(time.Second)
			for {
				f, err := c.read()
				if err != nil {
					return
				}
				if f.Header.OpCode != ws.OpBinary && f.Header.OpCode != ws.OpClose {
					answers <- string(f.Payload)
				}
				time.Sleep(time.Millisecond)
			}
		}}).dial(dial.Config{Transports: webSocketOnly})
		assert.NoError(t, r.session.Send(nil, [][]byte{make([]byte, 1<<20)}, dial.SendOptions{}))
		idle()
		close(blocked)
		time.Sleep(10 * time.Second)
		assert.Equal(t, len(answers), 2)
		assert.Equal(t, (<-answers)+" "+(<-answers), "3 999")
		assert.Equal(t, r.pings.Load(), int64(1000))
	})
}

// TestReadSizes reads messages of all sizes around those of the buffers.
func TestReadSizes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sizes []int
		for _, k := range []int{4 << 10, 32 << 10, 36 << 10, 64 << 10, 68 << 10} {
			for d := -12; d <= 1; d++ {
				sizes = append(sizes, k+d)
			}
		}
		r := serveScript(t, &script{socket: func(c *socket) {
			c.send(hello)
			c.want("4go")
			for _, n := range sizes {
				c.write(ws.MustCompileFrame(ws.NewBinaryFrame(make([]byte, n))))
				time.Sleep(time.Millisecond) // each by itself
			}
			c.drain()
		}}).dial(dial.Config{Transports: webSocketOnly})
		r.send("go")
		for _, n := range sizes {
			assert.Equal(t, len((<-r.got).data), n)
		}
	})
}

// TestOutboxLimits: beyond the limits nothing is queued, and the session goes on.
func TestOutboxLimits(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  dial.Config
		fits int // units of a text and an attachment, 10 bytes together
	}{
		"bytes":   {dial.Config{OutboxBytes: 105}, 9},
		"packets": {dial.Config{OutboxPackets: 7}, 3},
		"none":    {dial.Config{OutboxBytes: -1, OutboxPackets: -1}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				free := make(chan struct{})
				s := &script{post: func(w http.ResponseWriter, _ string) {
					<-free
					_, _ = io.WriteString(w, "ok")
				}}
				r := serveScript(t, s).dial(test.cfg)
				assert.NoError(t, r.session.Send(make([]byte, 11), nil, dial.SendOptions{}))
				idle()
				fits := 0
				for ; fits < 100; fits++ {
					if err := r.session.Send([]byte("text"), [][]byte{[]byte("data")}, dial.SendOptions{}); err != nil {
						assert.ErrorIs(t, err, engine.ErrQueueFull)
						break
					}
				}
				assert.Equal(t, fits, test.fits)
				close(free)
				idle()
				r.wantOpen()
				r.send("later")
				idle()
				posted := s.posted()
				assert.Equal(t, posted[len(posted)-1], "4later")
				assert.Equal(t, strings.Count(strings.Join(posted, ""), "4text"), test.fits)
			})
		})
	}
	t.Run("one of any size", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := serve(t, engine.Config{}).dial(dial.Config{OutboxBytes: 10, Transports: webSocketOnly})
			r.send(strings.Repeat("x", 1000))
			r.want(strings.Repeat("x", 1000))
		})
	})
}

// TestVolatile_C3_12: what is volatile is dropped while something else waits.
func TestVolatile_C3_12(t *testing.T) {
	bubble(t, func(t *testing.T) {
		free := make(chan struct{})
		s := &script{post: func(w http.ResponseWriter, _ string) {
			<-free
			_, _ = io.WriteString(w, "ok")
		}}
		r := serveScript(t, s).dial(dial.Config{})
		volatile := dial.SendOptions{Volatile: true}
		assert.Equal(t, r.session.Writable(), true)
		assert.NoError(t, r.session.Send([]byte("one"), nil, volatile))
		assert.Equal(t, r.session.Writable(), false)
		assert.NoError(t, r.session.Send([]byte("two"), nil, volatile))
		close(free)
		idle()
		assert.NoError(t, r.session.Send([]byte("three"), nil, volatile))
		idle()
		assert.Equal(t, s.posted(), []string{"4one", "4three"})
	})
}

// TestIdle counts the goroutines of a session that has moved to WebSocket: the reader is
// all that is left, of net/http too.
func TestIdle(t *testing.T) {
	n := serve(t, engine.Config{}) // in real time, and not in parallel: stacks are counted
	l := n.listener
	before := http.DefaultTransport
	http.DefaultTransport = &http.Transport{DialContext: l.DialContext}
	d, err := dial.New(testURL, nil)
	http.DefaultTransport = before
	assert.NoError(t, err)
	r, err := open(t, d, nil)
	assert.NoError(t, err)
	<-r.upgraded
	r.send("x")
	r.want("x")
	count := func() (reading, others int) {
		stacks := make([]byte, 4<<20)
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			switch {
			case strings.Contains(stack, "dial.(*duplex).readAll"):
				reading++
			case strings.Contains(stack, "dial.(*") || strings.Contains(stack, "http.(*persistConn)"):
				others++
			}
		}
		return reading, others
	}
	reading, others := count()
	for ; others > 0; reading, others = count() {
		runtime.Gosched()
	}
	assert.Equal(t, reading, 1)
	r.session.Close()
	r.wantClosed(engine.ReasonForcedClose, "")
}

// TestStress uses a session from many goroutines, and ends it in several ways.
func TestStress(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{PingInterval: 50 * time.Millisecond, PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 10}})
				random := rand.New(rand.NewPCG(seed, 0))
				transports := [][]string{nil, pollingOnly, webSocketOnly}[seed%3]
				r := n.dial(dial.Config{Transports: transports})
				p := <-n.peers
				done := make(chan struct{})
				for k := range 8 {
					delay := time.Duration(random.IntN(20)) * time.Millisecond
					go func() {
						defer func() { done <- struct{}{} }()
						for i := range 50 {
							_ = r.session.Send([]byte(fmt.Sprint(k, i)), [][]byte{bytes.Repeat([]byte{byte(k)}, 100)}, dial.SendOptions{Volatile: i%10 == 9})
							switch {
							case k == 0 && i%10 == 5:
								r.session.Pause()
							case k == 0:
								r.session.Resume()
							case k == 1:
								_ = r.session.Overdue() || r.session.Writable()
							}
							time.Sleep(delay)
						}
					}()
				}
				for range 8 {
					<-done
				}
				r.session.Resume()
				r.wantOpen()
				switch seed % 4 {
				case 0:
					r.session.Close()
				case 1:
					r.session.Abort(engine.ReasonParseError, nil)
				case 2:
					p.session.Close()
				default:
					go r.session.Close()
					go r.session.Abort(engine.ReasonForcedClose, nil)
				}
				<-r.session.Done()
				<-p.ended
				if seed%4 == 0 {
					got := p.received()
					for i := 0; i+1 < len(got); i += 2 { // units stay together
						assert.True(t, !strings.HasPrefix(got[i], "b:") && strings.HasPrefix(got[i+1], "b:"+string([]byte{got[i][0] - '0'})), "%q %q", got[i], got[i+1])
					}
				}
			})
		})
	}
}
