// SPDX-License-Identifier: MIT

package adapter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

const (
	peer1 = "0000000000000001"
	peer2 = "0000000000000002"
)

// TestHeartbeat covers the life of members.
func TestHeartbeat(t *testing.T) {
	t.Run("A2.13", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			p := join(t, hub, "/", peer1)
			assert.Equal(t, p.types(), "") // it came before p
			late := node(t, hub, &server{})
			assert.Equal(t, p.types(), "INITIAL_HEARTBEAT HEARTBEAT") // of late, and the answer of n
			assert.True(t, regexp.MustCompile("^[0-9a-f]{16}$").MatchString(late.UID()), "uid %q", late.UID())
			time.Sleep(4900 * time.Millisecond)
			assert.Equal(t, p.types(), "")
			time.Sleep(200 * time.Millisecond)
			assert.Equal(t, p.types(), "HEARTBEAT HEARTBEAT")
			time.Sleep(4 * time.Second) // whatever is published is a sign of life
			assert.NoError(t, n.Publish(&adapter.Message{Type: adapter.Broadcast, Args: args(t, "x")}))
			assert.Equal(t, p.types(), "BROADCAST")
			time.Sleep(2 * time.Second)
			assert.Equal(t, p.types(), "HEARTBEAT") // of late only
			time.Sleep(3200 * time.Millisecond)
			assert.Equal(t, p.types(), "HEARTBEAT")
		})
	})
	t.Run("A2.13 routed", func(t *testing.T) { // who gets no broadcasts must get heartbeats
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := &adapter.Loopback{Routes: true}
			n := node(t, hub, &server{})
			synctest.Wait()
			p := join(t, hub, "/", peer1)
			for range 6 {
				time.Sleep(time.Second)
				assert.NoError(t, n.Publish(&adapter.Message{Type: adapter.Broadcast, Args: args(t, "x"), Options: adapter.Options{Rooms: []string{"r"}}}))
			}
			assert.Equal(t, p.types(), "HEARTBEAT")
		})
	})
	t.Run("A2.14", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			p, q := join(t, hub, "/", peer1), join(t, hub, "/", peer2)
			p.publish(&adapter.Message{Type: adapter.Heartbeat, UID: peer1})
			q.publish(&adapter.Message{Type: adapter.SocketsJoin, UID: peer2})
			q.publish(&adapter.Message{Type: adapter.SocketsJoin, UID: adapter.EmitterUID})
			synctest.Wait()
			assert.Equal(t, n.Peers(), []string{peer1, peer2})
			count, err := n.Count(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, count, 3)
			q.publish(&adapter.Message{Type: adapter.Close, UID: peer2})
			synctest.Wait()
			assert.Equal(t, n.Peers(), []string{peer1})
			time.Sleep(9 * time.Second)
			assert.Equal(t, n.Peers(), []string{peer1})
			time.Sleep(3 * time.Second)
			assert.Equal(t, len(n.Peers()), 0)
		})
	})
	t.Run("flood", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			p := join(t, hub, "/", peer1)
			for i := range 5000 {
				p.publish(&adapter.Message{Type: adapter.Heartbeat, UID: fmt.Sprint("made up ", i)})
			}
			synctest.Wait()
			assert.Equal(t, len(n.Peers()), 4096)
			p.publish(&adapter.Message{Type: adapter.Close, UID: "made up 0"})
			p.publish(&adapter.Message{Type: adapter.Heartbeat, UID: strings.Repeat("x", 300)})
			synctest.Wait()
			assert.Equal(t, len(n.Peers()), 4095)
		})
	})
	t.Run("counted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := &adapter.Loopback{Counts: true}
			p := join(t, hub, "/", peer1)
			n := node(t, hub, &server{})
			time.Sleep(time.Minute)
			assert.Equal(t, p.types(), "")
			count, err := n.Count(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, count, 2)
			p.publish(&adapter.Message{Type: adapter.InitialHeartbeat, UID: peer1})
			assert.Equal(t, p.types(), "")
			assert.NoError(t, n.Close())
			assert.Equal(t, p.types(), "")
		})
	})
}

// TestReceive covers what a Node does with messages.
func TestReceive(t *testing.T) {
	t.Run("A2.1", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, s *server) {
			p := join(t, hub, "/", peer1)
			p.publish(&adapter.Message{Type: adapter.SocketsJoin, UID: n.UID()})
			assert.NoError(t, p.Publish(&adapter.Message{Type: adapter.SocketsJoin, UID: peer1, Namespace: "/other"}))
			assert.Equal(t, s.take(), nil)
			for _, typ := range []adapter.Type{adapter.Broadcast, adapter.SocketsJoin, adapter.SocketsLeave, adapter.DisconnectSockets} {
				p.publish(&adapter.Message{Type: typ, UID: peer1, Args: args(t, "x")})
			}
			assert.Equal(t, s.take(), []string{"BROADCAST " + peer1, "SOCKETS_JOIN " + peer1, "SOCKETS_LEAVE " + peer1, "DISCONNECT_SOCKETS " + peer1})
			p.publish(&adapter.Message{Type: 77, UID: peer1})
			assert.Equal(t, s.take(), nil)
			assert.Equal(t, adapter.Type(77).String(), "Type(77)")
		})
	})
	t.Run("A2.3", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, s *server) {
			p, q := join(t, hub, "/", peer1), join(t, hub, "/", peer2)
			p.publish(&adapter.Message{Type: adapter.FetchSockets, UID: peer1, Request: "r1", Options: adapter.Options{Rooms: []string{"a"}}})
			got := p.take()
			assert.Equal(t, len(got), 1)
			assert.Equal(t, *got[0], adapter.Message{Type: adapter.FetchSocketsResponse, UID: n.UID(), Namespace: "/", Request: "r1", Sockets: []adapter.Socket{{ID: "socket of a"}}})
			assert.Equal(t, q.types(), "FETCH_SOCKETS") // and not the answer
		})
	})
	t.Run("A2.6", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, _ *adapter.Node, s *server) {
			s.ask = func(_ *adapter.Message, count func(int), answer func(string, packet.Args, bool)) {
				count(3)
				answer("a", args(t, "one", "two"), false)
				answer("b", packet.Args{}, false)
				answer("c", packet.Args{}, true)
			}
			p := join(t, hub, "/", peer1)
			p.publish(&adapter.Message{Type: adapter.Broadcast, UID: peer1, Request: "r", Args: args(t, "x")})
			got := p.take()
			assert.Equal(t, len(got), 3) // an official asker is not told of who has gone
			assert.Equal(t, got[0].Count, 3)
			assert.Equal(t, got[1].Args.Len(), 1)
			assert.Equal(t, got[1].Socket, "")
			assert.Equal(t, got[2].Args.Len(), 0)
			p.publish(&adapter.Message{Type: adapter.Broadcast, UID: peer1, Request: "r", Args: args(t, "x"), Extended: true})
			got = p.take()
			assert.Equal(t, len(got), 4)
			assert.Equal(t, got[1].Socket, "a")
			assert.True(t, got[3].Gone && got[3].Socket == "c", "%+v", got[3])
			p.publish(&adapter.Message{Type: adapter.Broadcast, UID: adapter.EmitterUID, Request: "r", Args: args(t, "x")})
			assert.Equal(t, s.take(), []string{"BROADCAST emitter"})
			assert.Equal(t, p.types(), "")
		})
	})
	t.Run("A2.10", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, s *server) {
			p := join(t, hub, "/", peer1)
			p.publish(&adapter.Message{Type: adapter.ServerSideEmit, UID: peer1, Args: args(t, "x")})
			p.publish(&adapter.Message{Type: adapter.ServerSideEmit, UID: peer1, Args: args(t, "y", 1), Request: "r"})
			p.publish(&adapter.Message{Type: adapter.ServerSideEmit, UID: adapter.EmitterUID, Args: args(t, "z"), Request: "r"})
			assert.Equal(t, s.take(), []string{`serve "x" false`, `serve "y" true`, `serve "z" false`})
			got := p.take()
			assert.Equal(t, len(got), 1)
			assert.Equal(t, got[0].Type, adapter.ServerSideEmitResponse)
			assert.Equal(t, got[0].Args.Len(), 1)
		})
	})
}

// next takes all answers of a request.
func next(t *testing.T, r *adapter.Request, ctx context.Context) (n int, err error) {
	t.Helper()
	defer r.Cancel()
	for {
		m, err := r.Next(ctx)
		if err != nil {
			assert.True(t, m == nil, "an error and %+v", m)
			return n, err
		}
		n++
	}
}

// TestRequest covers when a request is complete.
func TestRequest(t *testing.T) {
	up := func(t *testing.T, hub *adapter.Loopback) (p, q *probe) {
		t.Helper()
		p, q = join(t, hub, "/", peer1), join(t, hub, "/", peer2)
		p.publish(&adapter.Message{Type: adapter.Heartbeat, UID: peer1})
		q.publish(&adapter.Message{Type: adapter.Heartbeat, UID: peer2})
		q.take()
		p.take()
		return p, q
	}
	t.Run("A2.2", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			p, q := up(t, hub)
			r := n.Ask(t.Context(), &adapter.Message{Type: adapter.FetchSockets})
			m := p.take()[0]
			assert.True(t, regexp.MustCompile("^[0-9a-f]{16}$").MatchString(m.Request), "request %q", m.Request)
			p.reply(peer1, m, &adapter.Message{Type: adapter.FetchSocketsResponse})
			p.reply(peer1, m, &adapter.Message{Type: adapter.FetchSocketsResponse})   // A2.16: once is enough
			q.reply(peer2, m, &adapter.Message{Type: adapter.ServerSideEmitResponse}) // of another kind
			q.reply(peer2, m, &adapter.Message{Type: adapter.FetchSocketsResponse})
			count, err := next(t, r, t.Context())
			assert.ErrorIs(t, err, io.EOF)
			assert.Equal(t, count, 2)
			q.reply(peer2, m, &adapter.Message{Type: adapter.FetchSocketsResponse}) // A2.11
		})
	})
	t.Run("A2.8", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			count, err := next(t, n.Ask(t.Context(), &adapter.Message{Type: adapter.FetchSockets}), t.Context())
			assert.ErrorIs(t, err, io.EOF) // nobody is there
			assert.Equal(t, count, 0)
			p, _ := up(t, hub)
			start := time.Now()
			r := n.Ask(t.Context(), &adapter.Message{Type: adapter.FetchSockets})
			p.reply(peer1, p.take()[0], &adapter.Message{Type: adapter.FetchSocketsResponse})
			count, err = next(t, r, t.Context())
			assert.Equal(t, time.Since(start), 5*time.Second)
			assert.Equal(t, count, 1)
			late, ok := errors.AsType[*adapter.TimeoutError](err)
			assert.True(t, ok && late.Timeout(), "%v", err)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, late.Missing, []string{peer2})
			assert.Equal(t, late.Got, 1)
			assert.Equal(t, late.Error(), "adapter: timeout reached: missing 1 responses, of "+peer2)
			assert.Equal(t, (&adapter.TimeoutError{Got: 1, Want: 2}).Error(), "adapter: timeout reached: only 1 responses received out of 2")
		})
	})
	t.Run("A2.8 counted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := &adapter.Loopback{Counts: true}
			n := node(t, hub, &server{})
			count, err := next(t, n.Ask(t.Context(), &adapter.Message{Type: adapter.ServerSideEmit}), t.Context())
			assert.ErrorIs(t, err, io.EOF)
			assert.Equal(t, count, 0)
			p, _ := join(t, hub, "/", peer1), join(t, hub, "/", peer2)
			r := n.Ask(t.Context(), &adapter.Message{Type: adapter.ServerSideEmit})
			p.reply(peer1, p.take()[0], &adapter.Message{Type: adapter.ServerSideEmitResponse})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			count, err = next(t, r, ctx)
			late, ok := errors.AsType[*adapter.TimeoutError](err)
			assert.True(t, ok, "%v", err)
			assert.Equal(t, []int{count, late.Got, late.Want, len(late.Missing)}, []int{1, 1, 2, 0})
			hub.SetDown(true)
			_, err = next(t, n.Ask(t.Context(), &adapter.Message{Type: adapter.ServerSideEmit}), t.Context())
			assert.Error(t, err)
			_, err = next(t, n.Ask(t.Context(), &adapter.Message{Type: adapter.Broadcast}), t.Context())
			assert.Error(t, err)
		})
	})
	t.Run("A2.15", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			p, q := up(t, hub)
			r := n.Ask(t.Context(), &adapter.Message{Type: adapter.ServerSideEmit})
			p.reply(peer1, p.take()[0], &adapter.Message{Type: adapter.ServerSideEmitResponse})
			q.publish(&adapter.Message{Type: adapter.Close, UID: peer2})
			count, err := next(t, r, t.Context())
			assert.ErrorIs(t, err, io.EOF)
			assert.Equal(t, count, 1)
		})
	})
	t.Run("broadcast", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			p, q := up(t, hub)
			r := n.Ask(t.Context(), &adapter.Message{Type: adapter.Broadcast})
			m := p.take()[0]
			// An answer may overtake the count, and nobody answers for more than he has.
			p.reply(peer1, m, &adapter.Message{Type: adapter.BroadcastAck})
			p.reply(peer1, m, &adapter.Message{Type: adapter.BroadcastClientCount, Count: 2})
			p.reply(peer1, m, &adapter.Message{Type: adapter.BroadcastAck})
			p.reply(peer1, m, &adapter.Message{Type: adapter.BroadcastAck})
			p.reply(peer1, m, &adapter.Message{Type: adapter.BroadcastClientCount, Count: 5})
			q.reply(peer2, m, &adapter.Message{Type: adapter.BroadcastClientCount})
			count, err := next(t, r, t.Context())
			assert.ErrorIs(t, err, io.EOF)
			assert.Equal(t, count, 2)

			// One that was not known yet, and one that says nothing.
			r = n.Ask(t.Context(), &adapter.Message{Type: adapter.Broadcast})
			m = p.take()[0]
			p.reply(peer1, m, &adapter.Message{Type: adapter.BroadcastClientCount})
			p.reply("new", m, &adapter.Message{Type: adapter.BroadcastClientCount, Count: 1})
			start := time.Now()
			time.AfterFunc(6*time.Second, func() {
				p.publish(&adapter.Message{Type: adapter.Heartbeat, UID: "new"})
				_ = p.Reply(m.UID, &adapter.Message{Type: adapter.BroadcastAck, UID: "new", Namespace: "/", Request: m.Request})
			})
			count, err = next(t, r, t.Context())
			assert.Equal(t, count, 1)
			late, ok := errors.AsType[*adapter.TimeoutError](err)
			assert.True(t, ok, "%v", err)
			assert.Equal(t, late.Missing, []string{peer2})
			assert.Equal(t, time.Since(start), 6*time.Second) // the client has the time of ctx
		})
	})
	t.Run("flood", func(t *testing.T) { // answers of nodes that do not say how many they are
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			p := join(t, hub, "/", peer1)
			p.publish(&adapter.Message{Type: adapter.Heartbeat, UID: peer1})
			synctest.Wait()
			r := n.Ask(t.Context(), &adapter.Message{Type: adapter.Broadcast, Args: args(t, "q")})
			defer r.Cancel()
			asked := p.take()[0]
			const early = 65_536
			for i := range early + 100 {
				m := &adapter.Message{Type: adapter.BroadcastAck, UID: fmt.Sprint("made up ", i%8), Namespace: "/", Request: asked.Request}
				assert.NoError(t, p.Reply(n.UID(), m))
				if i%10_000 == 0 {
					synctest.Wait()
				}
			}
			p.reply("made up 0", asked, &adapter.Message{Type: adapter.BroadcastClientCount, Count: early})
			p.reply(peer1, asked, &adapter.Message{Type: adapter.BroadcastAck})
			p.reply(peer1, asked, &adapter.Message{Type: adapter.BroadcastClientCount, Count: 1})
			p.reply("made up 0", asked, &adapter.Message{Type: adapter.BroadcastClientCount})
			got := 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for {
				if _, err := r.Next(ctx); err != nil {
					break
				}
				got++
			}
			assert.Equal(t, got, early+1) // that of peer1, for which there is room again
		})
	})
	t.Run("closed", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, _ *server) {
			up(t, hub)
			r := n.Ask(t.Context(), &adapter.Message{Type: adapter.FetchSockets})
			assert.NoError(t, n.Close())
			_, err := next(t, r, t.Context())
			assert.ErrorIs(t, err, adapter.ErrClosed)
			_, err = next(t, n.Ask(t.Context(), &adapter.Message{Type: adapter.FetchSockets}), t.Context())
			assert.ErrorIs(t, err, adapter.ErrClosed)
			assert.ErrorIs(t, n.Publish(&adapter.Message{Type: adapter.SocketsJoin}), adapter.ErrClosed)
			assert.NoError(t, n.Close())
		})
	})
	t.Run("never opened", func(t *testing.T) {
		t.Parallel()
		n := adapter.NewNode((&adapter.Loopback{}).Bus(), adapter.Config{Namespace: "/", Local: &server{}})
		assert.NoError(t, n.Close())
		assert.ErrorIs(t, n.Open(), adapter.ErrClosed)
		assert.True(t, n.Log() == nil && n.Router() == nil, "a closed node has powers")
		_, err := n.Count(t.Context())
		assert.ErrorIs(t, err, adapter.ErrClosed)
	})
}

// TestMonitor counts, and does not fill the log.
func TestMonitor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := adapter.NewMonitor(slog.New(slog.NewTextHandler(&log, nil)))
		hub := &adapter.Loopback{Queue: 3}
		bus := &keen{Bus: hub.Bus()}
		n := adapter.NewNode(bus, adapter.Config{Namespace: "/", Local: &server{}, Monitor: m})
		assert.NoError(t, n.Open())
		synctest.Wait()
		for range 100 {
			bus.r.Fail(&adapter.MalformedError{Channel: "c", Err: io.ErrUnexpectedEOF})
			bus.r.Fail(&adapter.LostError{Count: 2, Err: io.ErrClosedPipe})
			bus.r.Fail(io.ErrNoProgress)
			m.Ignore(&adapter.Message{Type: adapter.Broadcast}, io.ErrShortWrite)
		}
		assert.Equal(t, strings.Count(log.String(), "\n"), 4)
		time.Sleep(11 * time.Second)
		bus.r.Fail(io.ErrNoProgress)
		assert.True(t, strings.Contains(log.String(), "skipped=99"), "log: %s", log.String())
		stats := m.Stats()
		stats.Published = 0
		assert.Equal(t, stats, adapter.Stats{Malformed: 100, Lost: 200, Failures: 101, Ignored: 100})
		assert.ErrorIs(t, &adapter.MalformedError{Err: io.EOF}, io.EOF)
		assert.ErrorIs(t, &adapter.LostError{Err: io.EOF}, io.EOF)
		hub.SetDown(true)
		assert.Error(t, n.Publish(&adapter.Message{Type: adapter.SocketsJoin}))
		assert.Equal(t, m.Stats().Lost, 201)
		assert.NoError(t, n.Close())
		assert.NoError(t, bus.Close())
	})
}

// keen is a bus that shows its Receiver.
type keen struct {
	adapter.Bus
	r adapter.Receiver
}

func (k *keen) Join(p adapter.Peer) (adapter.Link, error) {
	k.r = p.Receiver
	return k.Bus.Join(p)
}
