// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
)

// An attack is something that hostile clients do. Its texts are those of the table in
// SECURITY.md.
type attack struct {
	name string
	does string // what each attacker does
	gets string // what it gets

	foes      int                             // how many do it at once
	configure func(*sio.Config, *http.Server) // nil: as `sio serve`
	run       func(*foe) error                // what one does; it leaves its connection open
	polls     bool                            // sessions stay that poll; they end with the server
	ends      string                          // how all sessions end that it does not leave open; "": none ends
	held      int64                           // bytes of heap for each attacker, when all have done it
	made      int64                           // bytes for each attacker that were allocated, the attacker's own included
}

// maxCPU bounds the time of the processors for each attacker, its own work included. It is
// meant for what is quadratic or endless: most need less than a hundredth of it.
const maxCPU = 10 * time.Second

// TestAttacks lets attackers loose on a server over TCP. Of each attack it checks what the
// attackers get, that another client is served meanwhile and afterwards, what memory and
// processor time they cost, and that nothing is left. It prints the table for SECURITY.md.
// It runs alone, because it looks at the whole process.
func TestAttacks(t *testing.T) {
	if control {
		t.Skip("these are the limits of this server")
	}
	newField(t, &attack{}).close() // starts what is kept for the process
	_ = bomb()
	for _, event := range []func() string{numbers, different, equal, colliding} {
		_ = event()
	}
	table := []string{"", "| Attack | Each attacker | What it gets | Heap | Allocated | CPU |", "|---|---|---|---|---|---|"}
	for _, c := range attacks() {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			f := newField(t, &c)
			row := f.fight(&c)
			f.close()
			f.until("goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
			table = append(table, row)
		})
	}
	t.Log(strings.Join(table, "\n"))
}

// attacks is all of them.
func attacks() []attack {
	return slices.Concat(httpAttacks(), slowAttacks(), frameAttacks(), packetAttacks(), jsonAttacks(), identityAttacks())
}

// A field is a server as `sio serve` runs it, and a bystander.
type field struct {
	t         *testing.T
	addr      string
	srv       *sio.Server
	web       *http.Server
	bystander *client.Socket

	mu   sync.Mutex
	ends []string // of sessions
}

func newField(t *testing.T, c *attack) *field {
	t.Helper()
	f := &field{t: t}
	quiet := slog.New(slog.DiscardHandler)
	cfg := &sio.Config{Logger: quiet}
	f.web = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(quiet.Handler(), slog.LevelWarn),
	}
	if c.configure != nil {
		c.configure(cfg, f.web)
	}
	cfg.Engine.OnClose = func(_ *engine.Session, reason engine.Reason, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ends = append(f.ends, fmt.Sprintf("%s: %v", reason, err))
	}
	f.srv = sio.NewServer(cfg)
	handle(f.srv)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", f.srv)
	mux.HandleFunc("/secret", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("secret")) })
	f.web.Handler = mux
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = listener.Addr().String()
	go func() { _ = f.web.Serve(listener) }() // ends with f.close
	f.bystander, err = client.New("http://"+f.addr, &client.Config{Logger: quiet, NoReconnection: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), mercy)
	defer cancel()
	if err := f.bystander.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	f.serves()
	return f
}

// handle registers what attackers use. They are handlers that do no harm themselves.
func handle(srv *sio.Server) {
	srv.On("echo", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply(m.Args()) })
	srv.On("size", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var v any
		if err := m.Bind(&v); err != nil {
			return m.Reply("refused")
		}
		switch v := v.(type) {
		case []any:
			return m.Reply(len(v))
		case map[string]any:
			return m.Reply(len(v))
		}
		return m.Reply("something else")
	})
	srv.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var room string
		if err := m.Bind(&room); err != nil {
			return err
		}
		if err := s.Join(room); err != nil {
			return m.Reply(err.Error())
		}
		return m.Reply("ok")
	})
	srv.On("more", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
		text := strings.Repeat("x", 10_000)
		for range 5000 {
			if err := s.Emit("more", text); err != nil {
				return nil //nolint:nilerr // the outbox is full: the end of the session is what is looked at
			}
		}
		return nil
	})
	srv.OfRegexp(regexp.MustCompile(`^/made-\d+$`))
}

// serves checks that the bystander gets an answer.
func (f *field) serves() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), mercy)
	defer cancel()
	args, err := f.bystander.EmitWithAck(ctx, "echo", "still here")
	if err != nil || args.Len() != 1 {
		f.t.Fatalf("the bystander: %v, %d values", err, args.Len())
	}
}

// fight lets the attackers loose and returns the row of the table.
func (f *field) fight(c *attack) string {
	f.t.Helper()
	foes := make([]foe, c.foes)
	defer func() {
		for i := range foes {
			foes[i].close()
		}
		f.until("sessions are left", func() bool { return c.polls || f.srv.Engine().Count() == 1 })
		f.serves()
	}()
	heap, total := memory()
	cpu := processor(f.t)
	errs := make(chan error, c.foes)
	for i := range foes {
		foes[i].f, foes[i].n = f, i
		go func() { errs <- c.run(&foes[i]) }()
	}
	for left := c.foes; left > 0; {
		f.serves() // as often as there is time
		for more := true; more && left > 0; {
			select {
			case err := <-errs:
				left--
				if err != nil {
					f.t.Errorf("an attacker: %v", err)
				}
			case <-time.After(10 * time.Millisecond):
				more = false
			}
		}
	}
	f.serves()
	f.checkEnds(c)
	spent := processor(f.t) - cpu
	_, totalNow := memory()
	n := int64(c.foes)
	made := (totalNow - total) / n
	held := int64(0)
	for range 10 { // what is on its way, and in pools, goes
		heapNow, _ := memory()
		if held = max(heapNow-heap, 0) / n; held <= c.held {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if held > c.held {
		f.t.Errorf("%d bytes of heap for each attacker, at most %d are expected", held, c.held)
	}
	if made > c.made {
		f.t.Errorf("%d bytes were allocated for each attacker, at most %d are expected", made, c.made)
	}
	if spent/time.Duration(n) > maxCPU {
		f.t.Errorf("%s of processor time for each attacker", spent/time.Duration(n))
	}
	var units, bytes int64
	for i := range foes {
		units += foes[i].units
		bytes += foes[i].bytes
	}
	return fmt.Sprintf("| %s | %s | %s | %s of %s | %s of %s | %s, %s, %s |", c.name, c.does, c.gets,
		size(held), size(c.held), size(made), size(c.made), each(spent, n, ""), each(spent, units, " each"), each(spent, (bytes+1023)/1024, "/KiB"))
}

// checkEnds checks that every session that has ended has done so as it should, and that at
// least one of each attacker has, or none at all.
func (f *field) checkEnds(c *attack) {
	f.t.Helper()
	ended := func() []string {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Clone(f.ends)
	}
	if c.ends != "" {
		f.until("sessions have not ended", func() bool { return len(ended()) >= c.foes })
	}
	for _, end := range ended() {
		if !slices.ContainsFunc(strings.Split(c.ends, " or "), func(want string) bool { return want != "" && strings.Contains(end, want) }) {
			f.t.Errorf("a session has ended with %q, want %q", end, c.ends)
			return
		}
	}
}

// until waits for what must come.
func (f *field) until(what string, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(mercy); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			f.t.Fatalf("%s\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func (f *field) close() {
	f.t.Helper()
	err := errors.Join(f.bystander.Close(), f.srv.Close(), f.web.Close())
	if err != nil {
		f.t.Error(err)
	}
}

// memory returns the bytes that are in use, and those that were ever allocated.
func memory() (held, made int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.TotalAlloc)
}

// processor returns the time that this process has had on all processors.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// size says bytes as the table does.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// each says how much time one of n takes.
func each(d time.Duration, n int64, unit string) string {
	d /= time.Duration(max(n, 1))
	switch {
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms%s", float64(d)/1e6, unit)
	default:
		return fmt.Sprintf("%.1f µs%s", float64(d)/1e3, unit)
	}
}
