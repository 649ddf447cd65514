// SPDX-License-Identifier: MIT

package interop_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sio-go/sio"

// TestImports keeps the layers of DESIGN.md section 3: imports run only downwards.
// The linter's depguard rules say the same of each file; this looks at what is
// reached in the end.
func TestImports(t *testing.T) {
	t.Parallel()
	// What the packages below a path may reach of ours, themselves included. The
	// first rule that fits counts.
	rules := []struct {
		path  string
		allow []string
	}{
		{"/engine/wire", []string{"/engine/wire", "/internal"}},
		{"/engine", []string{"/engine", "/internal"}},
		{"/packet", []string{"/packet", "/internal"}},
		{"/internal/event", []string{"/packet", "/internal"}},
		{"/internal", []string{"/internal"}},
		{"/adapter/adaptertest", []string{"", "/adapter", "/client", "/engine", "/packet", "/internal"}},
		{"/adapter", []string{"/adapter", "/packet", "/internal"}},
		{"/client", []string{"/client", "/engine", "/packet", "/internal"}},
		{"/admin", []string{"", "/admin", "/engine", "/packet", "/adapter", "/internal"}},
		{"/siotest", []string{"", "/siotest", "/client", "/engine", "/packet", "/adapter", "/internal"}},
		{"/webtransport", []string{"/webtransport", "/engine", "/internal"}},
		{"", []string{"", "/engine", "/packet", "/adapter", "/internal"}},
	}
	for _, path := range goList(t, "./...", "./webtransport/...") {
		path := strings.TrimPrefix(path, module)
		i := slices.IndexFunc(rules, func(r struct {
			path  string
			allow []string
		}) bool {
			return within(path, r.path)
		})
		if i < 0 {
			t.Errorf("%s: no rule says what it may import; add one here and in .golangci.yml", path)
			continue
		}
		for _, dep := range goList(t, "-deps", "."+path) {
			ours, ok := strings.CutPrefix(dep, module)
			if !ok || (ours != "" && !strings.HasPrefix(ours, "/")) {
				continue
			}
			if !slices.ContainsFunc(rules[i].allow, func(a string) bool { return within(ours, a) }) {
				t.Errorf("%s reaches %s; it may reach %q", module+path, dep, rules[i].allow)
			}
		}
	}
}

// within tells whether path is base or below it; "" is only the root package.
func within(path, base string) bool {
	return path == base || (base != "" && strings.HasPrefix(path, base+"/"))
}

// goList runs go list at the root of the repository.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	return strings.Fields(string(out))
}
