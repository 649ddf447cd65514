// SPDX-License-Identifier: MIT

package interop_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/packet/msgpack"
)

// The servers that the Go client is tried with.
var (
	startNode = sync.OnceValues(func() (fleet, error) {
		pair, err := certificate()
		if err != nil {
			return fleet{}, err
		}
		cmd := exec.CommandContext(context.Background(), "node", "server.mjs", "--cert", pair.cert, "--key", pair.key)
		cmd.Dir = "node"
		return startForeign(cmd, 2)
	})
	startPython = sync.OnceValues(func() (fleet, error) {
		python, err := filepath.Abs(filepath.Join(".venv", "bin", "python"))
		if err != nil {
			return fleet{}, err
		}
		cmd := exec.CommandContext(context.Background(), python, "server.py")
		cmd.Dir = "python"
		return startForeign(cmd, 1)
	})
)

func startForeign(cmd *exec.Cmd, urls int) (f fleet, err error) {
	out, err := start(cmd)
	if err != nil {
		return f, err
	}
	list, err := printed(out, urls, cmd.Args[1])
	if err != nil {
		return f, err
	}
	f.plain, f.secure = list[0], list[len(list)-1]
	return f, nil
}

// lab is one way to reach a server.
type lab struct {
	t     *testing.T
	base  string
	cfg   client.Config
	large int // size of a large text; 0: 500,000
}

// socket returns a socket that is closed at the end of the test.
func (l *lab) socket(namespace string) *client.Socket {
	l.t.Helper()
	l.cfg.Logger = slog.New(slog.DiscardHandler)
	m, err := client.NewManager(l.base, &l.cfg)
	l.no(err)
	l.t.Cleanup(func() { _ = m.Close() })
	return m.Socket(namespace, &l.cfg.Socket)
}

// connect returns a socket that is connected.
func (l *lab) connect(namespace string) *client.Socket {
	l.t.Helper()
	s := l.socket(namespace)
	l.no(s.Connect(l.ctx()))
	return s
}

func (l *lab) ctx() context.Context {
	ctx, cancel := context.WithTimeout(l.t.Context(), clientPatience)
	l.t.Cleanup(cancel)
	return ctx
}

func (l *lab) no(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// clientPatience is long: the machine may be busy.
const clientPatience = 40 * time.Second

// get waits for a value.
func get[T any](l *lab, c <-chan T) (v T) {
	l.t.Helper()
	select {
	case v = <-c:
	case <-time.After(clientPatience):
		l.t.Fatal("nothing came")
	}
	return v
}

// hear returns what comes with an event.
func hear[T any](s *client.Socket, event client.Event[T]) <-chan T {
	c := make(chan T, 10_000)
	client.On(s, event, func(_ context.Context, _ *client.Socket, v T) error { c <- v; return nil })
	return c
}

// about is what the Node server says of a socket.
type about struct {
	ID         string         `json:"id"`
	Auth       map[string]any `json:"auth"`
	Query      string         `json:"query"`
	Header     string         `json:"header"`
	Cookie     string         `json:"cookie"`
	Transport  string         `json:"transport"`
	Rooms      int            `json:"rooms"`
	Recovered  bool           `json:"recovered"`
	Compressed string         `json:"compressed"`
}

const aboutMe client.Request[client.None, about] = "about"

// clientTests are what each way has to stand (9.8).
var clientTests = map[string]func(l *lab){
	"echoes": func(l *lab) {
		s := l.socket("/")
		got := hear[client.Args](s, "echo")
		l.no(s.Emit("echo", "before")) // C3.11
		l.no(s.Connect(l.ctx()))
		l.no(s.Emit("echo", 1, -1.5, "é 😀", nil, true, false, []int{}, map[string]any{"a": []any{"b", nil}}))
		var text string
		l.no(get(l, got).Unmarshal(0, &text))
		if text != "before" {
			l.t.Errorf("first came %q", text)
		}
		args := get(l, got)
		want := []string{`1`, `-1.5`, `"é 😀"`, `null`, `true`, `false`, `[]`, `{"a":["b",null]}`}
		for i, w := range want {
			var got, want any
			l.no(args.Unmarshal(i, &got))
			l.no(json.Unmarshal([]byte(w), &want))
			if !reflect.DeepEqual(got, want) {
				l.t.Errorf("argument %d: %v, want %v", i, got, want)
			}
		}
		large := cmp.Or(l.large, 500_000)
		l.no(s.Emit("echo", strings.Repeat("x", large)))
		l.no(get(l, got).Unmarshal(0, &text))
		if len(text) != large {
			l.t.Errorf("%d bytes came", len(text))
		}
	},
	"binary, both ways and nested": func(l *lab) {
		type part struct {
			Data []byte `json:"data"`
			Name string `json:"name"`
		}
		s := l.connect("/")
		got := hear[client.Args2[[]byte, part]](s, "echo")
		sent := part{make([]byte, cmp.Or(l.large, 70_000)), "n"}
		for i := range sent.Data {
			sent.Data[i] = byte(i)
		}
		l.no(s.Emit("echo", []byte{1, 2, 3}, sent))
		v := get(l, got)
		if !slices.Equal(v.A, []byte{1, 2, 3}) || !slices.Equal(v.B.Data, sent.Data) || v.B.Name != "n" {
			l.t.Errorf("%d and %d bytes came", len(v.A), len(v.B.Data))
		}
		args, err := s.EmitWithAck(l.ctx(), "ack", []byte{7})
		l.no(err)
		var b []byte
		l.no(args.Unmarshal(0, &b))
		if !slices.Equal(b, []byte{7}) {
			l.t.Errorf("%v came", b)
		}
	},
	"asks and answers": func(l *lab) {
		s := l.connect("/")
		for n := range 20 {
			m, err := client.Ask(l.ctx(), s, client.Request[int, int]("ack"), n)
			l.no(err)
			if m != n {
				l.t.Errorf("%d came for %d", m, n)
			}
		}
		client.Handle(s, "question", func(ctx context.Context, s *client.Socket, n int) (client.Args2[int, []byte], error) {
			again, err := client.Ask(ctx, s, client.Request[int, int]("ack"), n) // of the server that waits
			return client.Args2[int, []byte]{A: again * 2, B: []byte{byte(n)}}, err
		})
		answers := hear[client.Args2[int, []byte]](s, "answer")
		l.no(s.Emit("ask", 21))
		if v := get(l, answers); v.A != 42 || !slices.Equal(v.B, []byte{21}) {
			l.t.Errorf("%+v", v)
		}
	},
	"rooms": func(l *lab) {
		a, b := l.connect("/"), l.connect("/")
		room := "room " + a.ID()
		for _, s := range []*client.Socket{a, b} {
			_, err := s.EmitWithAck(l.ctx(), "join", room)
			l.no(err)
		}
		gotA, gotB := hear[string](a, "room"), hear[string](b, "room")
		l.no(a.Emit("room", room, "hello"))
		if x, y := get(l, gotA), get(l, gotB); x != "hello" || y != "hello" {
			l.t.Errorf("%q %q", x, y)
		}
	},
	"several namespaces": func(l *lab) {
		main := l.connect("/")
		custom := main.Manager().Socket("/custom", nil) // after the connection (9.8)
		l.no(custom.Connect(l.ctx()))
		if main.ID() == custom.ID() || main.ID() == "" || custom.ID() == "" {
			l.t.Errorf("%q %q", main.ID(), custom.ID())
		}
		got := hear[int](custom, "echo")
		l.no(custom.Emit("echo", 1))
		get(l, got)
		main.Disconnect()
		l.no(custom.Emit("echo", 2))
		get(l, got)
		custom.Disconnect()
		l.no(main.Connect(l.ctx())) // a new connection
		refused, ok := errors.AsType[*client.ConnectError](main.Manager().Socket("/none", nil).Connect(l.ctx()))
		if !ok {
			l.t.Errorf("%v", refused)
		}
	},
	"is kicked, and comes again": func(l *lab) {
		s := l.connect("/")
		ends := make(chan client.Reason, 1)
		s.OnDisconnect(func(reason client.Reason, _ error) { ends <- reason })
		id := s.ID()
		l.no(s.Emit("kick"))
		if reason := get(l, ends); reason != client.ReasonServerDisconnect || s.Active() {
			l.t.Errorf("%q, active %t", reason, s.Active())
		}
		l.no(s.Connect(l.ctx()))
		if s.ID() == id {
			l.t.Error("the same id")
		}
	},
	"a burst in order": func(l *lab) {
		s := l.socket("/")
		got := hear[int](s, "n")
		l.no(s.Emit("burst", 2000)) // on its way while the transport changes
		s.Open()
		for n := range 2000 {
			if v := get(l, got); v != n {
				l.t.Fatalf("%d came in place of %d", v, n)
			}
		}
	},
	"middleware failure": func(l *lab) {
		s := l.socket("/refuse")
		failed := make(chan error, 1)
		s.OnConnectError(func(err error) { failed <- err })
		err := s.Connect(l.ctx())
		refused, ok := errors.AsType[*client.ConnectError](err)
		if !ok || refused.Message != "not today" || fmt.Sprint(refused.Data) != "map[code:7]" || s.Active() {
			l.t.Errorf("%v", err)
		}
		get(l, failed)
	},
	"events before CONNECT": func(l *lab) {
		s := l.socket("/early")
		got := hear[int](s, "early")
		l.no(s.Connect(l.ctx()))
		get(l, got)
	},
	"auth, query, header, cookie, id": func(l *lab) {
		n := 0
		l.cfg.Socket.AuthFunc = func(context.Context) (any, error) { n++; return map[string]int{"n": n}, nil }
		l.cfg.Engine.Query = url.Values{"q": {"a b&c"}}
		l.cfg.Engine.Header = http.Header{"X-Test": {"yes"}}
		jar, err := cookiejar.New(nil)
		l.no(err)
		u, err := url.Parse(l.base)
		l.no(err)
		jar.SetCookies(u, []*http.Cookie{{Name: "mine", Value: "1", Path: "/"}})
		l.cfg.Engine.Jar = jar
		s := l.connect("/")
		me, err := client.Ask(l.ctx(), s, aboutMe, client.None{})
		l.no(err)
		if me.ID != s.ID() || fmt.Sprint(me.Auth) != "map[n:1]" || me.Query != "a b&c" || me.Header != "yes" || !strings.Contains(me.Cookie, "mine=1") || me.Rooms != 1 {
			l.t.Errorf("%+v", me)
		}
		s.Manager().Reconnect()
		for {
			if me, err = client.Ask(l.ctx(), s, aboutMe, client.None{}); err == nil {
				break
			}
		}
		if fmt.Sprint(me.Auth) != "map[n:2]" { // called again (C3.3)
			l.t.Errorf("%+v", me)
		}
	},
	"reconnects after the server has cut it": func(l *lab) {
		l.cfg.ReconnectionDelay = 10 * time.Millisecond
		s := l.socket("/")
		ends, comes := make(chan client.Reason, 1), make(chan string, 2)
		s.OnDisconnect(func(reason client.Reason, _ error) { ends <- reason })
		s.OnConnect(func(context.Context) error { comes <- s.ID(); return nil })
		l.no(s.Connect(l.ctx()))
		first := get(l, comes)
		l.no(s.Emit("cut"))
		if reason := get(l, ends); reason.Terminal() {
			l.t.Errorf("%q", reason)
		}
		if second := get(l, comes); second == first || second == "" {
			l.t.Errorf("%q after %q", second, first)
		}
		_, err := client.Ask(l.ctx(), s, client.Request[int, int]("ack"), 1)
		l.no(err)
	},
	"volatile, compress, catch-all": func(l *lab) {
		s := l.socket("/")
		l.no(s.Volatile().Emit("echo", "dropped"))
		in, out := make(chan string, 4), make(chan string, 4)
		s.OnAny(func(_ context.Context, _ *client.Socket, m *client.Message) error { in <- m.Event(); return nil })
		s.OnAnyOutgoing(func(event string, _ []any) { out <- event })
		got := hear[string](s, "echo")
		l.no(s.Connect(l.ctx()))
		l.no(s.Compress(false).Emit("echo", "kept"))
		if v := get(l, got); v != "kept" {
			l.t.Errorf("%q", v)
		}
		if a, b := get(l, in), get(l, out); a != "echo" || b != "echo" {
			l.t.Errorf("%q %q", a, b)
		}
	},
	"deadlines": func(l *lab) {
		s := l.connect("/")
		ctx, cancel := context.WithTimeout(l.t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := s.EmitWithAck(ctx, "silent"); !errors.Is(err, context.DeadlineExceeded) {
			l.t.Errorf("%v", err)
		}
		done := make(chan error, 1)
		go func() { _, err := s.EmitWithAck(l.t.Context(), "silent"); done <- err }()
		for range 3 { // the other one is on its way
			_, err := client.Ask(l.ctx(), s, client.Request[int, int]("ack"), 1)
			l.no(err)
		}
		s.Disconnect()
		if err := get(l, done); !errors.Is(err, client.ErrClosed) {
			l.t.Errorf("%v", err)
		}
	},
	"retries": func(l *lab) {
		l.cfg.Socket.Retries, l.cfg.Socket.AckTimeout = 1, 200*time.Millisecond
		dropped := make(chan error, 1)
		l.cfg.Hooks.Dropped = func(_ *client.Socket, _ string, err error) { dropped <- err }
		s := l.connect("/")
		l.no(s.Emit("silent"))
		if _, err := client.Ask(l.ctx(), s, client.Request[int, int]("ack"), 1); err != nil {
			l.t.Error(err)
		}
		if err := get(l, dropped); !errors.Is(err, client.ErrNoAnswer) {
			l.t.Errorf("%v", err)
		}
	},
}

// TestClientNode tries the Go client with the official server.
func TestClientNode(t *testing.T) {
	t.Parallel()
	ways := []struct {
		name       string
		transports []string
	}{{"polling", []string{"polling"}}, {"websocket", []string{"websocket"}}, {"upgrade", nil}}
	for _, codec := range []string{"default", "msgpack"} {
		for _, way := range ways {
			for name, test := range clientTests {
				t.Run(fmt.Sprintf("%s/%s/%s", codec, way.name, name), func(t *testing.T) {
					t.Parallel()
					f, err := startNode()
					l := &lab{t: t, base: f.plain}
					l.no(err)
					l.cfg.Engine.Transports = way.transports
					if codec == "msgpack" {
						l.cfg.Codec = msgpack.Codec{}
						l.cfg.Engine.Path = "/msgpack/"
					}
					test(l)
				})
			}
		}
	}
}

// TestClientPython tries the Go client with python-socketio's server.
func TestClientPython(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"polling", "websocket", "upgrade"} {
		for _, name := range []string{"echoes", "binary, both ways and nested", "asks and answers", "rooms", "several namespaces", "is kicked, and comes again", "a burst in order"} {
			t.Run(transport+"/"+name, func(t *testing.T) {
				t.Parallel()
				f, err := startPython()
				// With aiohttp, the server reads a large body up to where it has arrived.
				l := &lab{t: t, base: f.plain, large: 1000}
				l.no(err)
				if transport != "upgrade" {
					l.cfg.Engine.Transports = []string{transport}
				}
				clientTests[name](l)
			})
		}
	}
	t.Run("refused with data", func(t *testing.T) {
		t.Parallel()
		f, err := startPython()
		l := &lab{t: t, base: f.plain}
		l.no(err)
		l.cfg.Socket.Auth = map[string]string{"token": "reject"}
		refused, ok := errors.AsType[*client.ConnectError](l.socket("/").Connect(l.ctx()))
		if !ok || refused.Message != "rejected" || fmt.Sprint(refused.Data) != "map[code:7]" {
			t.Errorf("%+v", refused)
		}
	})
}

// TestClientNodeAlone are what is tried in one way.
func TestClientNodeAlone(t *testing.T) {
	t.Parallel()
	f, err := startNode()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]func(l *lab){
		"C3.19: recovered": func(l *lab) {
			// The server has to notice the end before the client returns.
			l.cfg.Engine.Path, l.cfg.Engine.Transports = "/recovery/", []string{"websocket"}
			l.cfg.ReconnectionDelay = time.Second
			other := l.connect("/")
			s := l.connect("/")
			id, room := s.ID(), "room "+s.ID()
			_, err := s.EmitWithAck(l.ctx(), "join", room)
			l.no(err)
			got := hear[int](s, "room")
			l.no(other.Emit("room", room, 1)) // there has to be an offset
			get(l, got)
			back := make(chan bool, 1)
			s.OnConnect(func(context.Context) error { back <- s.Recovered(); return nil })
			s.Manager().Reconnect()
			l.no(other.Emit("room", room, 2))
			if n := get(l, got); n != 2 {
				l.t.Errorf("%d came", n)
			}
			if !get(l, back) || s.ID() != id {
				l.t.Error("not recovered")
			}
			me, err := client.Ask(l.ctx(), s, aboutMe, client.None{})
			l.no(err)
			if !me.Recovered || me.Rooms != 2 {
				l.t.Errorf("%+v", me)
			}
		},
		"C2.16: what is no packet": func(l *lab) {
			l.cfg.ReconnectionDelay = 10 * time.Millisecond
			s := l.connect("/")
			ends, back := make(chan client.Reason, 1), make(chan struct{}, 1)
			s.OnDisconnect(func(reason client.Reason, _ error) { ends <- reason })
			s.OnConnect(func(context.Context) error { back <- struct{}{}; return nil })
			l.no(s.Emit("garbage"))
			if reason := get(l, ends); reason != client.ReasonParseError {
				l.t.Errorf("%q", reason)
			}
			get(l, back)
		},
		"C4.16: TLS": func(l *lab) {
			l.base = f.secure
			for _, transports := range [][]string{{"polling"}, {"websocket"}, nil} {
				l.cfg.Engine.Transports = transports
				l.cfg.Engine.Transport = nil
				l.cfg.NoReconnection = true
				if err := l.socket("/").Connect(l.ctx()); err == nil || !strings.Contains(err.Error(), "certificate") {
					l.t.Errorf("a foreign certificate: %v", err)
				}
				l.cfg.Engine.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // its own certificate
				s := l.connect("/")
				_, err := client.Ask(l.ctx(), s, client.Request[int, int]("ack"), 1)
				l.no(err)
			}
		},
		"C4.13: compressed": func(l *lab) {
			l.cfg.Engine.Path, l.cfg.Engine.Transports = "/small/", []string{"websocket"}
			s := l.connect("/")
			me, err := client.Ask(l.ctx(), s, aboutMe, client.None{})
			l.no(err)
			if !strings.Contains(me.Compressed, "permessage-deflate") {
				l.t.Errorf("%+v", me)
			}
			text := strings.Repeat("compressible ", 700)
			for range 5 {
				back, err := client.Ask(l.ctx(), s, client.Request[string, string]("ack"), text)
				l.no(err)
				if back != text {
					l.t.Errorf("%d bytes came", len(back))
				}
			}
		},
		"C4.22: more than the server takes": func(l *lab) {
			l.cfg.Engine.Path = "/small/"
			for transport, reason := range map[string]client.Reason{"polling": client.ReasonTransportError, "websocket": client.ReasonTransportClose} {
				l.cfg.Engine.Transports = []string{transport}
				s := l.connect("/")
				ends := make(chan error, 1)
				s.OnDisconnect(func(r client.Reason, err error) {
					if r != reason {
						err = fmt.Errorf("%s: %w", r, err)
						l.t.Error(err)
					}
					ends <- err
				})
				for range 8 { // split into payloads that it takes
					l.no(s.Emit("silent", strings.Repeat("x", 4000)))
				}
				_, err := client.Ask(l.ctx(), s, client.Request[int, int]("ack"), 1)
				l.no(err)
				l.no(s.Emit("silent", strings.Repeat("x", 20_000)))
				err = get(l, ends)
				d, ok := errors.AsType[*dial.Error](err)
				if !ok || transport == "polling" && d.Status != http.StatusRequestEntityTooLarge || transport == "websocket" && !strings.Contains(err.Error(), "1009") {
					l.t.Errorf("%s: %v", transport, err)
				}
			}
		},
		"no server there": func(l *lab) {
			l.cfg.NoReconnection = true
			l.cfg.Timeout = 2 * time.Second // some WebSocket handshakes this server does not answer
			for base, want := range map[string]string{
				f.plain + "nowhere":  "404",
				"http://127.0.0.1:1": "refused",
				f.plain + "eio3only": "Unsupported protocol version",
			} {
				u, err := url.Parse(base)
				l.no(err)
				for _, transport := range []string{"polling", "websocket"} {
					l.cfg.Engine.Path, l.cfg.Engine.Transports = u.Path+"/", []string{transport}
					l.base = u.Scheme + "://" + u.Host
					err := l.socket("/").Connect(l.ctx())
					d, ok := errors.AsType[*dial.Error](err)
					if !ok || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "not open within 2s") || d.Transport != transport {
						l.t.Errorf("%s over %s: %v", base, transport, err)
					}
				}
			}
		},
		"the server is away for a while": func(l *lab) {
			p := newTCPProxy(l, strings.TrimSuffix(strings.TrimPrefix(f.plain, "http://"), "/"))
			l.base = "http://" + p.addr()
			l.cfg.ReconnectionDelay, l.cfg.ReconnectionDelayMax = 20*time.Millisecond, 100*time.Millisecond
			attempts := make(chan int, 10_000)
			l.cfg.Hooks.ReconnectAttempt = func(n int) { attempts <- n }
			s := l.socket("/")
			back := make(chan struct{}, 2)
			s.OnConnect(func(context.Context) error { back <- struct{}{}; return nil })
			got := hear[int](s, "echo")
			l.no(s.Connect(l.ctx()))
			get(l, back)
			p.off()
			for get(l, attempts) < 3 {
			}
			for n := range 3 {
				l.no(s.Emit("echo", n))
			}
			p.on()
			get(l, back)
			for n := range 3 {
				if v := get(l, got); v != n {
					l.t.Errorf("%d came in place of %d", v, n)
				}
			}
		},
		"everybody is disconnected": func(l *lab) {
			s := l.connect("/")
			custom := s.Manager().Socket("/custom", nil)
			l.no(custom.Connect(l.ctx()))
			ends := make(chan client.Reason, 2)
			s.OnDisconnect(func(r client.Reason, _ error) { ends <- r })
			custom.OnDisconnect(func(r client.Reason, _ error) { ends <- r })
			l.no(s.Emit("kick all"))
			if a, b := get(l, ends), get(l, ends); a != client.ReasonServerDisconnect || b != a {
				l.t.Errorf("%q %q", a, b)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&lab{t: t, base: f.plain})
		})
	}
}

// tcpProxy passes connections on while it is on.
type tcpProxy struct {
	l      *lab
	target string
	listen net.Listener

	mu    sync.Mutex
	isOff bool
	conns []net.Conn
}

func newTCPProxy(l *lab, target string) *tcpProxy {
	l.t.Helper()
	listener, err := new(net.ListenConfig).Listen(l.t.Context(), "tcp", "127.0.0.1:0")
	l.no(err)
	p := &tcpProxy{l: l, target: target, listen: listener}
	go p.serve()
	l.t.Cleanup(func() {
		_ = listener.Close()
		p.off()
	})
	return p
}

func (p *tcpProxy) addr() string { return p.listen.Addr().String() }

func (p *tcpProxy) serve() {
	for {
		conn, err := p.listen.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.target)
		p.mu.Lock()
		off := p.isOff
		if err == nil {
			p.conns = append(p.conns, server)
		}
		p.conns = append(p.conns, conn)
		p.mu.Unlock()
		if off || err != nil {
			_ = conn.Close()
			if server != nil {
				_ = server.Close()
			}
			continue
		}
		for _, pair := range [][2]net.Conn{{conn, server}, {server, conn}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
			}()
		}
	}
}

// off cuts all connections and refuses new ones.
func (p *tcpProxy) off() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isOff = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *tcpProxy) on() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isOff = false
}
