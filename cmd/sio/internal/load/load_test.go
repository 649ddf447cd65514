// SPDX-License-Identifier: MIT

package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
)

// serve serves what Contract says.
func serve(t *testing.T) string {
	t.Helper()
	srv := sio.NewServer(&sio.Config{
		Engine: engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{}},
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
			"a process":   func(c *Config) { c.PID = pid() },
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
				if cfg.PID != 0 && r.RSSKiB <= 0 {
					t.Errorf("no memory: %+v", r)
				}
			})
		}
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
			r, err := runOn(t.Context(), &cfg, d, 0, new(crowd))
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
		{Config{URL: "http://x", Scenario: Echo, PID: 1 << 30}, "process", true},
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
