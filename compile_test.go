// SPDX-License-Identifier: MIT

package sio_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
)

// program is what the snippets of TestCompile are in the middle of.
const program = `package p

import (
	"context"
	"errors"
	"time"

	"github.com/sio-go/sio"
)

type Chat struct{ Text string }

const (
	Say     sio.Event[Chat]                  = "say"
	Move    sio.Event[sio.Args2[int, int]]   = "move"
	Bye     sio.Event[sio.None]              = "bye"
	Any     sio.Event[sio.Args]              = "any"
	Confirm sio.Request[string, bool]        = "confirm"
	Size    sio.Request[[]byte, int]         = "size"
	Swap    sio.Request[sio.Args2[int, string], sio.Args2[string, int]] = "swap"
)

var (
	srv    *sio.Server
	ns     *sio.Namespace
	parent *sio.ParentNamespace
	s      *sio.Socket
	remote sio.RemoteSocket
	target sio.Target
	ctx    context.Context
	_      = errors.New
	_      = time.Second
)

func snippet() {
%s
}
`

// TestCompile_X2: handlers and values of another type than their event's are refused by
// the compiler, and nothing else is (X2.1 to X2.6).
func TestCompile_X2(t *testing.T) {
	t.Parallel()
	check := checker(t)
	for _, tt := range []struct{ name, code, err string }{
		// What is right.
		{"X2.1 On", `sio.On(srv, Say, func(ctx context.Context, s *sio.Socket, c Chat) error { return nil })`, ""},
		{"X2.1 On a socket", `off := sio.On(s, Say, func(ctx context.Context, _ *sio.Socket, c Chat) error { return nil }); off()`, ""},
		{"X2.1 On, literal name", `sio.On(srv, "typing", func(ctx context.Context, s *sio.Socket, who string) error { return nil })`, ""},
		{"X2.1 On, two arguments", `sio.On(srv, Move, func(ctx context.Context, s *sio.Socket, v sio.Args2[int, int]) error { _ = v.A + v.B; return nil })`, ""},
		{"X2.1 On, no argument", `sio.On(srv, Bye, func(context.Context, *sio.Socket, sio.None) error { return nil })`, ""},
		{"X2.1 On, any arguments", `sio.On(srv, Any, func(_ context.Context, _ *sio.Socket, a sio.Args) error { _ = a.Len(); return nil })`, ""},
		{"X2.3 On a namespace", `sio.On(ns, Say, func(ctx context.Context, s *sio.Socket, c Chat) error { return nil })`, ""},
		{"X2.3 On a parent", `sio.On(parent, Say, func(ctx context.Context, s *sio.Socket, c Chat) error { return nil })`, ""},
		{"X2.1 Handle", `sio.Handle(ns, Confirm, func(ctx context.Context, s *sio.Socket, q string) (bool, error) { return true, nil })`, ""},
		{"X2.1 Handle, literal name", `sio.Handle(srv, "len", func(ctx context.Context, s *sio.Socket, q string) (int, error) { return len(q), nil })`, ""},
		{"X2.1 Handle, two arguments", `sio.Handle(srv, Swap, func(ctx context.Context, s *sio.Socket, v sio.Args2[int, string]) (sio.Args2[string, int], error) { return sio.Args2[string, int]{A: v.B, B: v.A}, nil })`, ""},
		{"X2.1 Emit", `_ = sio.Emit(s, Say, Chat{"hi"}); _ = sio.Emit(target, Bye, sio.None{}); _ = sio.Emit(srv, Move, sio.Args2[int, int]{A: 1}); _ = sio.Emit(ns, Say, Chat{}); _ = sio.Emit(remote, Say, Chat{})`, ""},
		{"X2.1 Emit, untyped constant", `_ = sio.Emit(s, sio.Event[time.Duration]("after"), 5)`, ""},
		{"X2.4 Ask", `yes, err := sio.Ask(ctx, s, Confirm, "sure?"); _, _ = yes && true, err`, ""},
		{"X2.4 Ask elsewhere", `yes, err := sio.Ask(ctx, remote, Confirm, "sure?"); _, _ = yes && true, err`, ""},
		{"X2.4 AskAll", `for yes, err := range sio.AskAll(ctx, target, Confirm, "sure?") { _, _ = !yes, err }`, ""},
		{"X2.6 plain", `srv.On("say", func(ctx context.Context, s *sio.Socket, m *sio.Message) error { return s.Emit("say", 1, "any", nil) })`, ""},

		// Handlers of events.
		{"X2.1 wrong argument", `sio.On(srv, Say, func(ctx context.Context, s *sio.Socket, c string) error { return nil })`, "s *sio.Socket, v Chat) error"},
		{"X2.1 pointer", `sio.On(srv, Say, func(ctx context.Context, s *sio.Socket, c *Chat) error { return nil })`, "s *sio.Socket, v Chat) error"},
		{"X2.1 wrong argument on a socket", `sio.On(s, Say, func(ctx context.Context, s *sio.Socket, c int) error { return nil })`, "s *sio.Socket, v Chat) error"},
		{"X2.3 wrong argument on a parent", `sio.On(parent, Say, func(ctx context.Context, s *sio.Socket, c int) error { return nil })`, "s *sio.Socket, v Chat) error"},
		{"X2.1 one argument of two", `sio.On(srv, Move, func(ctx context.Context, s *sio.Socket, x int) error { return nil })`, "v sio.Args2[int, int]) error"},
		{"X2.1 two arguments side by side", `sio.On(srv, Move, func(ctx context.Context, s *sio.Socket, x, y int) error { return nil })`, "func(ctx context.Context, s *sio.Socket, x int, y int) error"},
		{"X2.1 other order of two", `sio.Handle(srv, Swap, func(ctx context.Context, s *sio.Socket, v sio.Args2[string, int]) (sio.Args2[string, int], error) { return v, nil })`, "sio.Args2[string, int]"},
		{"X2.1 argument of none", `sio.On(srv, Bye, func(ctx context.Context, s *sio.Socket, why string) error { return nil })`, "v sio.None) error"},
		{"X2.1 no argument", `sio.On(srv, Say, func(ctx context.Context, s *sio.Socket) error { return nil })`, "func(ctx context.Context, s *sio.Socket) error"},
		{"X2.1 no context", `sio.On(srv, Say, func(s *sio.Socket, c Chat) error { return nil })`, "func(s *sio.Socket, c Chat) error"},
		{"X2.1 no error", `sio.On(srv, Say, func(ctx context.Context, s *sio.Socket, c Chat) {})`, "func(ctx context.Context, s *sio.Socket, c Chat)"},
		{"X2.1 plain handler", `sio.On(srv, Say, func(ctx context.Context, s *sio.Socket, m *sio.Message) error { return nil })`, "s *sio.Socket, v Chat) error"},
		{"X2.1 value instead of the socket", `sio.On(srv, Say, func(ctx context.Context, s sio.RemoteSocket, c Chat) error { return nil })`, "sio.RemoteSocket"},
		{"X2.1 registered on nothing that can", `sio.On(target, Say, func(ctx context.Context, s *sio.Socket, c Chat) error { return nil })`, "sio.Target"},
		{"X2.1 typed handler on the plain level", `srv.On("say", func(ctx context.Context, s *sio.Socket, c Chat) error { return nil })`, "sio.Handler"},

		// Handlers of requests.
		{"X2.4 wrong reply", `sio.Handle(srv, Confirm, func(ctx context.Context, s *sio.Socket, q string) (int, error) { return 0, nil })`, "v string) (bool, error)"},
		{"X2.4 wrong question", `sio.Handle(srv, Confirm, func(ctx context.Context, s *sio.Socket, q int) (bool, error) { return false, nil })`, "v string) (bool, error)"},
		{"X2.4 no reply", `sio.Handle(srv, Confirm, func(ctx context.Context, s *sio.Socket, q string) error { return nil })`, "func(ctx context.Context, s *sio.Socket, q string) error"},
		{"X2.4 returned value", `sio.Handle(srv, Confirm, func(ctx context.Context, s *sio.Socket, q string) (bool, error) { return "yes", nil })`, `"yes"`},
		{"X2.5 Request for On", `sio.On(srv, Confirm, func(ctx context.Context, s *sio.Socket, q string) error { return nil })`, "sio.Request[string, bool]"},
		{"X2.5 Event for Handle", `sio.Handle(srv, Say, func(ctx context.Context, s *sio.Socket, c Chat) (bool, error) { return true, nil })`, "sio.Event[Chat]"},

		// Values.
		{"X2.1 Emit, wrong value", `sio.Emit(s, Say, "hi")`, "Chat"},
		{"X2.1 Emit, wrong variable", `n := 1; sio.Emit(s, Say, n)`, "inferred type Chat"},
		{"X2.1 Emit, pointer", `sio.Emit(target, Say, &Chat{})`, "inferred type Chat"},
		{"X2.1 Emit, too many", `sio.Emit(s, Move, 1, 2)`, "too many arguments"},
		{"X2.1 Emit, none", `sio.Emit(s, Say)`, "not enough arguments"},
		{"X2.1 Emit, something for none", `sio.Emit(s, Bye, "bye")`, "sio.None"},
		{"X2.5 Emit, Request", `sio.Emit(s, Confirm, "sure?")`, "sio.Request[string, bool]"},
		{"X2.1 Emit to nobody", `sio.Emit(ctx, Say, Chat{})`, "context.Context"},
		{"X2.4 Ask, Event", `sio.Ask(ctx, s, Say, Chat{})`, "sio.Event[Chat]"},
		{"X2.4 Ask, wrong value", `sio.Ask(ctx, s, Confirm, 1)`, "as string"},
		{"X2.4 Ask, wrong result", `var n int; n, err := sio.Ask(ctx, s, Confirm, "sure?"); _, _ = n, err`, "bool"},
		{"X2.4 Ask, no context", `sio.Ask(s, Confirm, "sure?")`, "not enough arguments"},
		{"X2.4 Ask, many", `sio.Ask(ctx, target, Confirm, "sure?")`, "sio.Target"},
		{"X2.4 AskAll, wrong value", `sio.AskAll(ctx, target, Confirm, 1)`, "as string"},
		{"X2.4 AskAll, wrong result", `for n := range sio.AskAll(ctx, target, Confirm, "sure?") { var _ int = n }`, "bool"},

		// Names.
		{"X2.5 unknown name", `sio.Emit(s, Says, Chat{})`, "Says"},
		{"X2.1 Event of another type", `var e sio.Event[string] = Say; _ = e`, "sio.Event[string]"},
		{"X2.1 Event as a plain name", `s.Emit(Say, Chat{})`, "sio.Event[Chat]"},
	} {
		t.Run(tt.name, func(t *testing.T) { // not parallel: the imported types are for one goroutine
			errs := check(tt.code)
			if tt.err == "" {
				assert.Equal(t, len(errs), 0)
			} else {
				assert.True(t, len(errs) == 1 && strings.Contains(errs[0].Error(), tt.err), "want one error")
			}
			if t.Failed() {
				t.Log(errs)
			}
		})
	}
}

// checker returns a function that checks a snippet as the compiler would.
func checker(t *testing.T) func(code string) []error {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".")
	list.Stderr = os.Stderr
	out, err := list.Output()
	assert.NoError(t, err)
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", lookup)
	return func(code string) (errs []error) {
		file, err := parser.ParseFile(files, "p.go", fmt.Sprintf(program, code), 0)
		if err != nil {
			return []error{err}
		}
		cfg := types.Config{Importer: imports, Error: func(err error) { errs = append(errs, err) }}
		_, _ = cfg.Check("p", files, []*ast.File{file}, nil) // its error is the first of errs
		return errs
	}
}
