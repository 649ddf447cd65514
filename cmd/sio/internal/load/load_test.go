// SPDX-License-Identifier: MIT

package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
)

// serve serves what Contract says.
func serve(t *testing.T) string { return serveOn(t, nil) }

// serveOn is serve, as one of a cluster.
func serveOn(t *testing.T, bus adapter.Bus) string {
	t.Helper()
	srv := sio.NewServer(&sio.Config{
		Engine: engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{}},
		Bus:    bus,
		Logger: slog.New(slog.DiscardHandler),
	})
	for _, name := range []string{"/", "/other"} {
		ns := srv.Of(name)
		for _, event := range []string{"echo", "bin"} {
			ns.On(event, func(_ context.Context, s *sio.Socket, m *sio.Message) error { return s.Emit(event, m.Args()) })
		}
		ns.On("ack", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply(m.Args()) })
		ns.On("broadcast", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return ns.Emit("broadcast", m.Args()) })
		sio.Handle(ns, "join", func(_ context.Context, s *sio.Socket, room string) (bool, error) { return true, s.Join(room) })
		ns.On("room", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
			var room string
			if err := m.Bind(&room); err != nil {
				return err
			}
			return ns.To(room).Emit("room", m.Args().Slice(1, m.Args().Len()))
		})
	}
	server := httptest.NewServer(srv)
	t.Cleanup(func() {
		_ = srv.Close()
		server.Close()
	})
	return server.URL
}

// short makes a configuration that takes a moment.
func short(url, scenario string) Config {
	cfg := Config{URL: url, Scenario: scenario, Connections: 20, InFlight: 2, RoomSize: 5, Idle: 3, Rate: 1000, Warmup: time.Millisecond, Duration: 200 * time.Millisecond}
	switch scenario {
	case Broadcast:
		cfg.Idle = 0
	case Upgrade:
		cfg.Duration = time.Second // the server looks every 100 ms whether it can move on
	}
	return cfg
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, scenario := range Scenarios {
		for name, change := range map[string]func(*Config){
			"as it is":    func(*Config) {},
			"namespace":   func(c *Config) { c.Namespace = "/other" },
			"large":       func(c *Config) { c.Payload = 20_000 },
			"deflate":     func(c *Config) { c.Deflate, c.Payload = true, 2000 },
			"a process":   func(c *Config) { c.PIDs = []int{pid()} },
			"no warm-up":  func(c *Config) { c.Warmup = 1 },
			"one at once": func(c *Config) { c.InFlight, c.Connections = 1, 1 },
		} {
			t.Run(scenario+"/"+name, func(t *testing.T) {
				t.Parallel()
				cfg := short(serve(t), scenario) // of its own: all get the broadcasts
				change(&cfg)
				r, err := Run(t.Context(), cfg)
				if err == nil && r.Operations == 0 { // a machine that others use, too, may stand still for so long
					cfg.Duration = 10 * time.Second
					r, err = Run(t.Context(), cfg)
				}
				if err != nil {
					t.Fatal(err)
				}
				if r.Operations == 0 || r.Errors != 0 || r.Seconds <= 0 || r.PerSecond <= 0 {
					t.Errorf("%+v", r)
				}
				if scenario != Idle && (r.Latency.P50 <= 0 || r.Latency.Max < r.Latency.P99) {
					t.Errorf("latency: %+v", r.Latency)
				}
				if len(cfg.PIDs) > 0 && cfg.PIDs[0] != 0 && r.RSSKiB <= 0 {
					t.Errorf("no memory: %+v", r)
				}
			})
		}
	}
}

// With receivers at another server, what one sends comes over the bus.
func TestReceivers(t *testing.T) {
	t.Parallel()
	var hub adapter.Loopback
	cfg := short(serveOn(t, hub.Bus()), Broadcast)
	cfg.Receivers = serveOn(t, hub.Bus())
	r, err := Run(t.Context(), cfg)
	if err != nil || r.Operations == 0 || r.Errors != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	cfg.Receivers = serve(t) // not of the cluster: what the sender gets itself is all that comes
	if r, err := Run(t.Context(), cfg); err == nil && int(r.Operations) > cfg.InFlight {
		t.Errorf("%+v, though nobody is there", r)
	}
}

// The other loop does the same.
func TestCrowd(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{Echo, Ack, Binary, Broadcast, Rooms, Rate} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			cfg := short(serve(t), scenario)
			if err := cfg.prepare(); err != nil {
				t.Fatal(err)
			}
			d, err := newDialer(&cfg)
			if err != nil {
				t.Fatal(err)
			}
			r, err := runOn(t.Context(), &cfg, d, nil, new(crowd))
			if err != nil {
				t.Fatal(err)
			}
			if r.Operations == 0 || r.Errors != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(sio.NewServer(&sio.Config{Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(silent.Close)
	page := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(page.Close)
	for _, c := range []struct {
		cfg    Config
		text   string
		config bool
	}{
		{Config{URL: "http://127.0.0.1:1", Scenario: Echo}, "refused", false},
		{Config{URL: "http://127.0.0.1:1", Scenario: Connect}, "refused", false},
		{Config{URL: "ftp://x", Scenario: Echo}, "want http", true},
		{Config{URL: "http://%zz", Scenario: Echo}, "URL", true},
		{Config{URL: "http://x", Scenario: "nothing"}, "unknown scenario", true},
		{Config{URL: "http://x", Scenario: Broadcast, Idle: 1}, "do nothing", true},
		{Config{URL: "http://x", Scenario: Echo, Payload: -1}, "negative", true},
		{Config{URL: "http://x", Scenario: Echo, Receivers: "http://y"}, "receivers", true},
		{Config{URL: "http://x", Scenario: Broadcast, Connections: 1, Receivers: "http://y"}, "receivers", true},
		{Config{URL: "http://x", Scenario: Echo, Casts: 1}, "besides", true},
		{Config{URL: "http://x", Scenario: Rate, Casts: 1, Deflate: true}, "besides", true},
		{Config{URL: "https://x", Scenario: Echo}, "TLS", true},
		{Config{URL: "http://x", Scenario: Echo, PIDs: []int{1 << 30}}, "process", true},
		{Config{URL: page.URL, Scenario: Echo}, "404", false},
		{Config{URL: page.URL, Scenario: Idle}, "404", false},
		{Config{URL: page.URL, Scenario: Upgrade, Duration: time.Millisecond}, "404", false},
		{Config{URL: silent.URL, Scenario: Echo, Namespace: "/none", Connections: 1}, "Invalid namespace", false},
		{Config{URL: silent.URL, Scenario: Echo, Connections: 1}, "ack(data, callback)", false},
	} {
		t.Run(fmt.Sprint(c.cfg.URL, c.cfg.Scenario), func(t *testing.T) {
			t.Parallel()
			_, err := Run(t.Context(), c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.text) || errors.Is(err, ErrConfig) != c.config {
				t.Errorf("%v, want %q", err, c.text)
			}
		})
	}
}

// Those who do not read get broadcasts until the kernel takes no more; the others' answers
// are measured all the same.
func TestStalled(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{Rate, Broadcast} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			cfg := short(serve(t), scenario)
			cfg.Stalled = 5
			if scenario == Rate {
				cfg.Casts = 200
			} else {
				cfg.Payload = 4 << 10
			}
			r, err := Run(t.Context(), cfg)
			if err != nil || r.Operations == 0 || r.Errors != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// Many connections come from several addresses, because one has too few ports.
func TestSources(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("127.0.0.2 is an address of this machine on Linux only")
	}
	var mu sync.Mutex
	from := map[string]int{}
	srv := sio.NewServer(&sio.Config{Logger: slog.New(slog.DiscardHandler)})
	srv.On("echo", func(_ context.Context, s *sio.Socket, m *sio.Message) error { return s.Emit("echo", m.Args()) })
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		mu.Lock()
		from[host]++
		mu.Unlock()
		srv.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		_ = srv.Close()
		web.Close()
	})
	cfg := short(web.URL, Echo)
	cfg.Idle = 2 * perSource
	if err := cfg.prepare(); err != nil {
		t.Fatal(err)
	}
	d, err := newDialer(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Idle = 10 // a few are enough
	if r, err := runOn(t.Context(), &cfg, d, nil, newLoop()); err != nil || r.Operations == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := map[string]int{"127.0.0.1": 10, "127.0.0.2": 10, "127.0.0.3": 10}; !maps.Equal(from, want) {
		t.Errorf("connections by address: %v", from)
	}
}

// Some servers send even small messages in fragments.
func TestFragments(t *testing.T) {
	t.Parallel()
	r := bufio.NewReader(strings.NewReader("\x01\x014\x00\x010\x80\x01{\x81\x0244"))
	m, op, err := readMessage(r)
	if err != nil || string(m) != "40{" || op != ws.OpContinuation {
		t.Errorf("%q %v %v", m, op, err)
	}
	if m, op, err = readMessage(r); err != nil || string(m) != "44" || op != ws.OpText {
		t.Errorf("%q %v %v", m, op, err)
	}
	if _, _, err = readMessage(r); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}

// A result there is also when it is ended before its time.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	cfg := short(serve(t), Echo)
	cfg.Duration = time.Hour
	r, err := Run(ctx, cfg)
	if err != nil || r.Operations == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// FuzzScanner: however the bytes are cut, the messages are the same, and nothing panics.
func FuzzScanner(f *testing.F) {
	f.Add([]byte("\x81\x02hi\x82\x7e\x00\x80"), 1)
	f.Add([]byte("\x01\x01a\x80\x01b\x88\x00\xc1\x03abc"), 3)
	f.Add([]byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), 2)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		scan := func(piece int) (out string) {
			var s scanner
			for p := data; len(p) > 0; {
				n := min(len(p), max(1, piece))
				ok := s.feed(p[:n], func(m *message) { out += fmt.Sprintf("%d %t %q %d;", m.op, m.compressed, m.head, m.size) })
				if p = p[n:]; !ok {
					return out + "bad"
				}
			}
			return out
		}
		if whole, cut := scan(len(data)), scan(piece); whole != cut {
			t.Errorf("%s\n%s", whole, cut)
		}
	})
}
