// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
)

const forwardSecret = "sixteen bytes or more"

// machines is a network in memory of servers that forward.
type machines struct {
	hub     adapter.Loopback
	servers map[string]*env // by host name
	idle    []func()

	mu    sync.Mutex
	dials int
}

func (m *machines) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	m.mu.Lock()
	m.dials++
	m.mu.Unlock()
	host, _, _ := strings.Cut(addr, ":")
	e := m.servers[host]
	if e == nil {
		return nil, errors.New("no such host")
	}
	return e.net.DialContext(ctx, network, addr)
}

// forget closes the connections between servers.
func (m *machines) forget() {
	for _, f := range m.idle {
		f()
	}
}

// add starts a server with a name.
func (m *machines) add(t *testing.T, name, secret string, cfg sio.Config) *env {
	t.Helper()
	transport := &http.Transport{DialContext: m.dial, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	m.idle = append(m.idle, transport.CloseIdleConnections)
	cfg.Forward = &sio.Forward{Address: "http://" + name, Secret: []byte(secret), Transport: transport}
	outer := &env{t: t}
	e := outer.addTo(&m.hub, cfg)
	e.srv.On("echo", func(_ context.Context, s *sio.Socket, m *sio.Message) error { return s.Emit("echo", m.Args()) })
	m.servers[name] = e
	return e
}

func forwarding(t *testing.T, f func(t *testing.T, m *machines)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, &machines{servers: make(map[string]*env)}) })
}

func TestForward(t *testing.T) {
	t.Parallel()

	t.Run("polls at any server", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			all := []*env{m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{}), m.add(t, "c", forwardSecret, sio.Config{})}
			sid := all[0].poll()
			turn := 0
			next := func() *env { turn++; return all[turn%len(all)] }
			post := func(body string) {
				t.Helper()
				res := next().request(http.MethodPost, "&sid="+sid, body)
				assert.Equal(t, fmt.Sprint(res.StatusCode, res.body), "200ok")
			}
			post("40")
			assert.True(t, strings.HasPrefix(next().request(http.MethodGet, "&sid="+sid, "").body, `40{"sid":`), "no CONNECT")
			for i := range 20 {
				post(fmt.Sprintf(`42["echo",%d]`, i))
				assert.Equal(t, next().request(http.MethodGet, "&sid="+sid, "").body, fmt.Sprintf(`42["echo",%d]`, i))
			}
			for _, e := range all[1:] {
				assert.Equal(t, e.srv.Engine().Count(), 0)
			}
		})
	})

	t.Run("upgrades at another server", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
			c := b.upgrade(a.poll())
			c.join("")
			c.send(`2["echo","across"]`)
			c.want(`2["echo","across"]`)
			c.close()
			synctest.Wait()
			assert.Equal(t, a.srv.Engine().Count(), 0)
		})
	})

	t.Run("asks once, and not for ids that no server has made", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
			sid := a.poll()
			synctest.Wait() // heartbeats
			before := b.srv.ClusterStats().Published
			for _, id := range []string{"x", strings.Repeat("A", 36), sid[:16], "~" + sid[1:], sid[:15] + "~" + sid[16:]} {
				res := b.request(http.MethodPost, "&sid="+id, "3")
				assert.Equal(t, fmt.Sprint(res.StatusCode, res.body), `400{"code":1,"message":"Session ID unknown"}`)
			}
			assert.Equal(t, b.srv.ClusterStats().Published, before)
			for range 5 {
				assert.Equal(t, b.request(http.MethodPost, "&sid="+sid, "3").body, "ok")
			}
			assert.Equal(t, b.srv.ClusterStats().Published, before+1)
			assert.Equal(t, m.dials, 1)
		})
	})

	t.Run("a server that is gone", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
			known, unknown := a.poll(), a.poll()
			assert.Equal(t, b.request(http.MethodPost, "&sid="+known, "3").body, "ok")
			assert.NoError(t, a.srv.Close())
			delete(m.servers, "a")
			m.forget()
			assert.Equal(t, b.request(http.MethodPost, "&sid="+known, "3").StatusCode, http.StatusBadGateway)
			// From now on it is an unknown session, at once, and after a while once more asked for.
			before := b.srv.ClusterStats().Published
			for range 3 {
				assert.Equal(t, b.request(http.MethodPost, "&sid="+unknown, "3").StatusCode, http.StatusBadRequest)
			}
			assert.Equal(t, b.srv.ClusterStats().Published, before)
		})
	})

	t.Run("keeps the client's address", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
			sid := a.poll()
			var seen []string
			a.srv.Engine().Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					seen = append(seen, r.RemoteAddr+" "+r.Header.Get("Sio-Forwarded"))
					next.ServeHTTP(w, r)
				})
			})
			assert.Equal(t, b.request(http.MethodPost, "&sid="+sid, "3").body, "ok")
			assert.Equal(t, len(seen), 1)
			assert.True(t, strings.HasPrefix(seen[0], "mem:") && strings.HasSuffix(seen[0], " "), "%q", seen)
		})
	})
}

func TestForwardBad(t *testing.T) {
	t.Parallel()

	t.Run("another secret", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", "another secret, as long", sio.Config{})
			assert.Equal(t, b.request(http.MethodPost, "&sid="+a.poll(), "3").StatusCode, http.StatusBadRequest)
			assert.Equal(t, m.dials, 0)
		})
	})

	t.Run("claims to be forwarded", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a := m.add(t, "a", forwardSecret, sio.Config{})
			transport := &http.Transport{DialContext: a.net.DialContext, DisableKeepAlives: true}
			for _, claim := range []string{"1", "946684800 10.0.0.1:1 AAAA", "x y z"} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://a/socket.io/?EIO=4&transport=polling", http.NoBody)
				assert.NoError(t, err)
				r.Header.Set("Sio-Forwarded", claim)
				res, err := transport.RoundTrip(r)
				assert.NoError(t, err)
				assert.NoError(t, res.Body.Close())
				assert.Equal(t, res.StatusCode, http.StatusForbidden)
			}
			assert.Equal(t, a.srv.Engine().Count(), 0)
		})
	})

	t.Run("addresses that are not signed", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
			sid := a.poll()
			p := b.probe(&m.hub, "/")
			for _, args := range []sio.Args{
				arguments(t, "sio:forward"), arguments(t, "sio:forward", "tell"), arguments(t, "sio:forward", "tell", 5),
				arguments(t, "sio:forward", "tell", ""), arguments(t, "sio:forward", "tell", sid[:16]+" http://evil "), arguments(t, "sio:forward", "what", "x"),
			} {
				p.send(&adapter.Message{Type: adapter.ServerSideEmit, Args: args})
			}
			assert.Equal(t, b.request(http.MethodPost, "&sid="+sid, "3").body, "ok")
		})
	})
}

func TestForwardConfig(t *testing.T) {
	t.Parallel()
	var hub adapter.Loopback
	good := sio.Forward{Address: "http://10.0.0.1:80", Secret: []byte(forwardSecret)}
	assert.NoError(t, sio.NewServer(&sio.Config{Bus: hub.Bus(), Forward: &good}).Close())
	for name, cfg := range map[string]sio.Config{
		"no bus":       {Forward: &good},
		"no address":   {Bus: hub.Bus(), Forward: &sio.Forward{Secret: good.Secret}},
		"with a path":  {Bus: hub.Bus(), Forward: &sio.Forward{Address: "http://a/b", Secret: good.Secret}},
		"short secret": {Bus: hub.Bus(), Forward: &sio.Forward{Address: good.Address, Secret: []byte("short")}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() { assert.True(t, recover() != nil, "no panic") }()
			sio.NewServer(&cfg)
		})
	}
}

// raw sends bytes on a connection of its own, and returns it.
func (e *env) raw(text string) net.Conn {
	e.t.Helper()
	conn, err := e.net.DialContext(e.t.Context(), "", "")
	assert.NoError(e.t, err)
	e.t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Write([]byte(text))
	assert.NoError(e.t, err)
	return conn
}

// TestForwardBlame: what a client does wrong does not make a server one that cannot be reached.
func TestForwardBlame(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"malformed chunk":  "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"unknown protocol": "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: \xe9\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			forwarding(t, func(t *testing.T, m *machines) {
				a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
				sid, other := a.poll(), a.poll()
				b.raw(fmt.Sprintf(text, sid))
				synctest.Wait()
				assert.Equal(t, b.request(http.MethodPost, "&sid="+other, "3").body, "ok")
			})
		})
	}
}

// TestForwardEnd: a connection that was handed on ends when one of the two servers does.
func TestForwardEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(a, b *env) error{
		"the other server":    func(a, _ *env) error { return a.srv.Close() },
		"this server":         func(_, b *env) error { return b.srv.Close() },
		"this server, gently": func(_, b *env) error { return b.srv.Shutdown(b.t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			forwarding(t, func(t *testing.T, m *machines) {
				a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
				c := b.upgrade(a.poll())
				c.join("")
				assert.NoError(t, end(a, b))
				synctest.Wait()
				// The client does not close its end.
				_, err := c.conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`42["echo",1]`)))))
				assert.Error(t, err)
			})
		})
	}
	t.Run("a request that waits", func(t *testing.T) {
		forwarding(t, func(t *testing.T, m *machines) {
			a, b := m.add(t, "a", forwardSecret, sio.Config{}), m.add(t, "b", forwardSecret, sio.Config{})
			sid := a.poll()
			assert.Equal(t, b.request(http.MethodPost, "&sid="+sid, "40").body, "ok")
			assert.True(t, strings.HasPrefix(b.request(http.MethodGet, "&sid="+sid, "").body, `40{"sid":`), "no CONNECT")
			answered := make(chan int)
			go func() { answered <- b.request(http.MethodGet, "&sid="+sid, "").StatusCode }()
			synctest.Wait()
			before := time.Now()
			assert.NoError(t, b.srv.Close())
			assert.Equal(t, <-answered, http.StatusBadGateway)
			assert.Equal(t, time.Since(before), 0)
		})
	})
}
