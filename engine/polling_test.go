// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestPollingEcho_E3_1_E3_3_E3_11 posts payloads and reads their echo.
func TestPollingEcho_E3_1_E3_3_E3_11(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1_000_000-1)
	tests := []struct{ name, post, get string }{
		{"text", "4hello", "4hello"},
		{"empty message", "4", "4"},
		{"three packets", "4test1\x1e4test2\x1e4test3", "4test1\x1e4test2\x1e4test3"},
		{"binary", "4hello\x1ebAQIDBA==", "4hello\x1ebAQIDBA=="},
		{"binary, URL alphabet, no padding", "b-_8\x1eb", "b+/8=\x1eb"},
		{"unicode", "4€ 🦄 \u0000 é", "4€ 🦄 \u0000 é"},
		{"as large as allowed", "4" + long, "4" + long},
		{"meaningless packets E10", "6\x1e5\x1e0\x1e4hello", "4hello"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{HTTPCompressionThreshold: -1}, func(r *receiver) {
					echo(r)
					s := r.session // what one payload brings leaves together
					s.Hold()
					r.onEnd = func() { s.Release(); s.Hold() }
				})
				sid, _ := h.poll()
				a := h.post(sid, tt.post)
				a.want(t, 200, "ok")
				assert.Equal(t, a.header.Get("Content-Type"), "text/html")
				assert.Equal(t, a.header.Get("Content-Length"), "2")
				assert.Equal(t, a.header.Get("Cache-Control"), "no-store")
				a = h.get(sid)
				a.want(t, 200, tt.get)
				assert.Equal(t, a.header.Get("Content-Type"), "text/plain; charset=UTF-8")
				assert.Equal(t, a.header.Get("Content-Length"), strconv.Itoa(len(a.body)))
				assert.Equal(t, a.header.Get("Cache-Control"), "no-store")

				pending := h.getLater(sid)
				wantPending(t, pending)
				h.post(sid, "4later").want(t, 200, "ok")
				(<-pending).want(t, 200, "4later")
			})
		})
	}
}

// TestPollingReceive checks what the receiver gets, and that one payload is one burst.
func TestPollingReceive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		h.post(sid, "4a\x1eb//8\x1e4").want(t, 200, "ok")
		r.wantMessage("a", false)
		r.wantMessage("\xff\xff", true)
		r.wantMessage("", false)
		assert.Equal(t, r.ends.Load(), int64(1))
		// Chunks of any size, also within a character (9.4).
		body, w := io.Pipe()
		go func() {
			for _, b := range []byte("4€") {
				_, _ = w.Write([]byte{b})
			}
			_ = w.Close()
		}()
		h.do(t.Context(), "POST", polled+"&sid="+sid, body, "Connection", "close").want(t, 200, "ok")
		r.wantMessage("€", false)
	})
}

// TestPollingEnds_E3_11_E3_12_E3_13 posts what ends a session; the POST itself is fine.
func TestPollingEnds_E3_11_E3_12_E3_13(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		reason     engine.Reason
		err        string
		pending    string   // what a pending GET gets
		messages   []string // what is received before
	}{
		{"top-25 no. 6: unknown type", "abc", engine.ReasonParseError, "unknown packet type", "1", nil},
		{"top-25 no. 6: empty", "", engine.ReasonParseError, "empty", "1", nil},
		{"empty part", "4a\x1e\x1e4b", engine.ReasonParseError, "empty", "1", []string{"a"}},
		{"bad base64", "4a\x1eb*", engine.ReasonParseError, "base64", "1", []string{"a"}},
		{"E3.13: close", "4a\x1e1\x1e4b", engine.ReasonTransportClose, "", "6", []string{"a"}},
		{"E8.3: ping", "2\x1e4b", engine.ReasonTransportError, "invalid heartbeat direction", "1", nil},
	}
	for _, tt := range tests {
		for _, withGet := range []bool{true, false} {
			t.Run(fmt.Sprint(tt.name, ", GET pending ", withGet), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					h := serve(t, engine.Config{}, nil)
					sid, r := h.poll()
					var pending <-chan answer
					if withGet {
						pending = h.getLater(sid)
					}
					h.post(sid, tt.body).want(t, 200, "ok")
					for _, m := range tt.messages {
						r.wantMessage(m, false)
					}
					r.wantClosed(tt.reason, tt.err)
					assert.Equal(t, len(r.got), 0)
					if withGet {
						(<-pending).want(t, 200, tt.pending)
					}
					h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
					assert.ErrorIs(t, r.send("late"), engine.ErrClosed)
				})
			})
		}
	}
}

// TestPollingOverlap_E3_4 sends a second GET.
func TestPollingOverlap_E3_4(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		pending := h.getLater(sid)
		wantPending(t, pending)
		h.get(sid).want(t, 400, "")
		(<-pending).want(t, 200, "1")
		r.wantClosed(engine.ReasonTransportError, "overlap from client")
		h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
	})
}

// TestPollingOverlap_E3_5_E3_20 sends a second POST while the body of one is coming.
func TestPollingOverlap_E3_5_E3_20(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		pending := h.getLater(sid)
		first, body := h.postSlowly(sid)
		h.post(sid, "4b").want(t, 400, "")
		(<-pending).want(t, 200, "1")
		r.wantClosed(engine.ReasonTransportError, "data request overlap from client")
		a := <-first // does not wait for the rest of the body
		assert.True(t, a.status == 400 || a.err != nil, "status %d", a.status)
		assert.Equal(t, len(r.got), 0)
		_ = body.Close()
	})
}

// postSlowly starts a POST whose body is to come.
func (h *host) postSlowly(sid string) (<-chan answer, *io.PipeWriter) {
	body, w := io.Pipe()
	done := make(chan answer, 1)
	go func() { done <- h.do(h.t.Context(), "POST", polled+"&sid="+sid, body) }()
	_, _ = w.Write([]byte("4"))
	synctest.Wait()
	return done, w
}

// TestPollingCloseDuringPost_E3_20 closes a session while a body is coming: the
// request does not outlive the session.
func TestPollingCloseDuringPost_E3_20(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		pending := h.getLater(sid)
		post, body := h.postSlowly(sid)
		r.session.Close()
		(<-pending).want(t, 200, "1")
		r.wantClosed(engine.ReasonForcedClose, "")
		a := <-post
		assert.True(t, a.status == 400 && a.closes || a.err != nil, "answer %+v", a)
		_ = body.Close()
	})
}

// TestPollingAbort_E3_6 cancels a pending GET.
func TestPollingAbort_E3_6(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan answer, 1)
		go func() { done <- h.do(ctx, "GET", polled+"&sid="+sid, nil) }()
		synctest.Wait()
		r.wantOpen()
		cancel()
		assert.ErrorIs(t, (<-done).err, context.Canceled)
		r.wantClosed(engine.ReasonTransportError, "poll connection closed prematurely")
		h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
	})
}

// TestPollingAbort_E3_7 breaks off the body of a POST.
func TestPollingAbort_E3_7(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		conn, err := h.dial(t.Context())
		assert.NoError(t, err)
		fmt.Fprintf(conn, "POST /?%s&sid=%s HTTP/1.1\r\nHost: example.com\r\nContent-Length: 9\r\n\r\n4he", polled, sid)
		synctest.Wait()
		r.wantOpen()
		_ = conn.Close()
		r.wantClosed(engine.ReasonTransportError, "data request connection closed prematurely")
		assert.Equal(t, len(r.got), 0)
	})
}

// TestPollingContentType_E3_9 refuses octet-stream and takes anything else.
func TestPollingContentType_E3_9(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		post := func(contentType string) answer {
			return h.do(t.Context(), "POST", polled+"&sid="+sid, strings.NewReader("4a"), "Content-Type", contentType)
		}
		for _, ok := range []string{"", "text/plain;charset=UTF-8", "application/json", "x"} {
			post(ok).want(t, 200, "ok")
			r.wantMessage("a", false)
		}
		pending := h.getLater(sid)
		post("application/octet-stream").want(t, 400, "")
		(<-pending).want(t, 200, "1")
		r.wantClosed(engine.ReasonTransportError, "invalid content")
		assert.Equal(t, len(r.got), 0)
	})
}

// TestPollingTooLarge_E3_10_B18 refuses large bodies: the session stays, the
// connection does not, and a body that is announced is not waited for.
func TestPollingTooLarge_E3_10_B18(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxPayloadBytes: 10}, nil)
		sid, r := h.poll()
		for name, request := range map[string]string{
			"announced": "Content-Length: 300000\r\n\r\n", // net/http would wait for a smaller rest
			"streamed":  "Transfer-Encoding: chunked\r\n\r\nb\r\n41234567890\r\n0\r\n\r\n",
		} {
			conn, err := h.dial(t.Context())
			assert.NoError(t, err)
			fmt.Fprintf(conn, "POST /?%s&sid=%s HTTP/1.1\r\nHost: example.com\r\n%s", polled, sid, request)
			br := bufio.NewReader(conn)
			res, err := http.ReadResponse(br, nil)
			assert.NoError(t, err)
			assert.True(t, res.StatusCode == 413 && res.ContentLength == 0 && res.Close, "%s: %+v", name, res)
			_, err = br.ReadByte()
			assert.ErrorIs(t, err, io.EOF)
			_ = conn.Close()
		}
		r.wantOpen()
		h.post(sid, "4123456789").want(t, 200, "ok")
		r.wantMessage("123456789", false)
		assert.Equal(t, len(r.got), 0)
		time.Sleep(time.Second) // net/http lingers
	})
}

// TestPollingNoLimit takes a body of any size.
func TestPollingNoLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxPayloadBytes: -1}, nil)
		sid, r := h.poll()
		long := strings.Repeat("x", 2_000_000)
		h.post(sid, "4"+long).want(t, 200, "ok")
		r.wantMessage(long, false)
	})
}

// TestPollingClose_E3_18_E3_19_E10_6_E10_8 closes sessions politely.
func TestPollingClose_E3_18_E3_19_E10_6_E10_8(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(t *testing.T, h *host, sid string, r *receiver)
	}{
		{"E3.18: GET pending", func(t *testing.T, h *host, sid string, r *receiver) {
			pending := h.getLater(sid)
			r.session.Close()
			(<-pending).want(t, 200, "1")
		}},
		{"E3.19: next GET", func(t *testing.T, h *host, sid string, r *receiver) {
			r.session.Close()
			r.session.Close() // changes nothing
			time.Sleep(29 * time.Second)
			r.wantOpen()
			assert.ErrorIs(t, r.send("late"), engine.ErrClosed)
			h.post(sid, "4ignored\x1e3").want(t, 200, "ok")
			assert.Equal(t, len(r.got), 0)
			h.get(sid).want(t, 200, "6\x1e1") // and no ping, which was due after 25 s
		}},
		{"E3.19: next GET at once", func(t *testing.T, h *host, sid string, r *receiver) {
			r.session.Close()
			h.get(sid).want(t, 200, "6\x1e1")
		}},
		{"E3.19: queued packets first", func(t *testing.T, h *host, sid string, r *receiver) {
			assert.NoError(t, r.send("a", "bin"))
			assert.NoError(t, r.send("b"))
			r.session.Close()
			synctest.Wait()
			r.wantOpen()
			// JS differs: a close packet behind messages makes clients lose them.
			h.get(sid).want(t, 200, "4a\x1ebYmlu\x1e4b")
			r.wantOpen()
			h.get(sid).want(t, 200, "6\x1e1")
		}},
		{"E3.19: no GET within 30 s", func(t *testing.T, h *host, _ string, r *receiver) {
			start := time.Now()
			r.session.Close()
			<-r.ended
			assert.Equal(t, time.Since(start), 30*time.Second)
		}},
		{"held", func(t *testing.T, h *host, sid string, r *receiver) {
			pending := h.getLater(sid)
			r.session.Hold()
			assert.NoError(t, r.send("a"))
			r.session.Close()
			(<-pending).want(t, 200, "4a")
			h.get(sid).want(t, 200, "6\x1e1")
			r.session.Release()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{PingTimeout: time.Minute}, nil)
				sid, r := h.poll()
				tt.run(t, h, sid, r)
				r.wantClosed(engine.ReasonForcedClose, "")
				h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
				h.post(sid, "4a").want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
				assert.Equal(t, h.srv.Count(), 0)
			})
		})
	}
}

// TestPollingBatch_E3_17 sends several packets while no GET is there.
func TestPollingBatch_E3_17(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		assert.NoError(t, r.send("a"))
		assert.NoError(t, r.send("51-[0]", "\x01\x02\x03\x04", ""))
		assert.NoError(t, r.send("b"))
		assert.True(t, r.session.Buffered() > 10, "%d bytes buffered", r.session.Buffered())
		h.get(sid).want(t, 200, "4a\x1e451-[0]\x1ebAQIDBA==\x1eb\x1e4b")
		synctest.Wait()
		assert.Equal(t, r.session.Buffered(), 0)
		wantPending(t, h.getLater(sid))
	})
}

// TestPollingPause delays the answer to a POST.
func TestPollingPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, func(r *receiver) {
			r.onMessage = func(data []byte, _ bool) {
				r.got <- message{string(data), false}
				r.session.Pause()
			}
		})
		sid, r := h.poll()
		done := make(chan answer, 1)
		go func() { done <- h.post(sid, "4a\x1e4b") }()
		wantPending(t, done)
		r.wantMessage("a", false)
		r.wantMessage("b", false) // came in the same payload
		r.session.Resume()
		(<-done).want(t, 200, "ok")
		go func() { done <- h.post(sid, "4c") }()
		wantPending(t, done)
		r.wantMessage("c", false)
		h.getLater(sid)
		r.session.Close() // resumes too
		(<-done).want(t, 200, "ok")
		r.wantClosed(engine.ReasonForcedClose, "")
	})
}

// TestPollingUnread_Outbox sends GETs and reads no response: what was handed to a
// response that cannot be written still counts, and the session ends at its limit.
func TestPollingUnread_Outbox(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{OutboxBytes: 1 << 20}, nil)
		sid, r := h.poll()
		conn, err := h.dial(t.Context())
		assert.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /engine.io/?EIO=4&transport=polling&sid="+sid+" HTTP/1.1\r\nHost: x\r\n\r\n")
		assert.NoError(t, err)
		synctest.Wait()
		assert.NoError(t, r.send(strings.Repeat("x", 900<<10)))
		synctest.Wait()
		assert.ErrorIs(t, r.send(strings.Repeat("x", 900<<10)), engine.ErrQueueFull)
	})
}

// TestPollingHeaders_E3_2_E3_3_E3_15_E3_16 looks at the header hooks, and at what old
// browsers get.
func TestPollingHeaders_E3_2_E3_3_E3_15_E3_16(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opened, all := 0, 0
		h := serve(t, engine.Config{
			MaxPayloadBytes:  10,
			OnInitialHeaders: func(header http.Header, _ *http.Request) { opened++; header.Set("X-Opened", "yes") },
			OnHeaders:        func(header http.Header, r *http.Request) { all++; header.Set("X-Method", r.Method) },
		}, nil)
		sid, r, a := h.open(polled)
		check := func(a answer, opened, method string) {
			t.Helper()
			assert.Equal(t, a.header.Get("X-Opened"), opened)
			assert.Equal(t, a.header.Get("X-Method"), method)
			assert.Equal(t, a.header.Get("X-XSS-Protection"), "")
		}
		check(a, "yes", "GET")
		check(h.post(sid, "4a"), "", "POST")
		assert.NoError(t, r.send("a"))
		check(h.get(sid), "", "GET")
		check(h.post(sid, strings.Repeat("4", 11)), "", "") // 413
		for agent, want := range map[string]string{
			"Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.1)":          "0",
			"Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0)":         "0",
			"Mozilla/5.0 (compatible; MSIE 8.0; Windows NT 6.1)":         "",
			"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko Firefox/99": "",
		} {
			assert.NoError(t, r.send("a"))
			for _, method := range []string{"GET", "POST"} {
				a := h.do(t.Context(), method, polled+"&sid="+sid, strings.NewReader("4b"), "User-Agent", agent)
				assert.Equal(t, a.header.Get("X-XSS-Protection"), want)
				assert.Equal(t, a.header.Get("X-Method"), method)
			}
		}
		pending := h.getLater(sid)
		check(h.get(sid), "", "") // 400
		check(<-pending, "", "GET")
		assert.Equal(t, opened, 1)
		assert.Equal(t, all, 3+8+1)
	})
}

// TestPollingUpgrade_E3_21 leaves a GET and a POST pending across the upgrade.
func TestPollingUpgrade_E3_21(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		pending := h.getLater(sid)
		c := h.probe(sid)
		post, body := h.postSlowly(sid)
		c.send("5")
		(<-pending).want(t, 200, "1")
		a := <-post
		assert.True(t, a.status == 400 && a.closes || a.err != nil, "answer %+v", a)
		_ = body.Close()
		assert.NoError(t, r.send("a"))
		c.want("4a")
		c.send("4b")
		r.wantMessage("b", false)
		h.get(sid).want(t, 400, `{"code":3,"message":"Bad request"}`)
		h.post(sid, "4c").want(t, 400, `{"code":3,"message":"Bad request"}`)
		r.wantOpen()
		assert.Equal(t, len(r.got), 0)
	})
}
