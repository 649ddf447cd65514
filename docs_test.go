// SPDX-License-Identifier: MIT

package sio_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
)

// documents are those whose Go code is compiled.
var documents = []string{"README.md", "docs/guide.md", "docs/from-node.md"}

// snippet is one fenced block of Go in a document.
type snippet struct {
	line int // of its first line
	code string
}

// snippets returns the Go blocks of a document, and its text without any blocks.
func snippets(text string) (found []snippet, prose string) {
	var rest, code strings.Builder
	fence, start := "", 0
	for i, line := range strings.Split(text, "\n") {
		mark := strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(mark, "```"):
			fence, start = mark, i+2
			code.Reset()
		case fence != "" && mark == "```":
			if fence == "```go" {
				found = append(found, snippet{start, code.String()})
			}
			fence = ""
		case fence != "":
			code.WriteString(line + "\n")
		default:
			rest.WriteString(line + "\n")
		}
	}
	return found, rest.String()
}

// preamble is what the blocks that are no programs may use without a declaration.
const preamble = `package %s

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

var (
	_ = errors.New
	_ = fmt.Sprint
	_ = log.Print
	_ = slog.Info
	_ = os.Getenv
	_ = signal.Notify
	_ = regexp.MustCompile
	_ = strings.Cut
	_ = syscall.SIGTERM
	_ time.Duration
	_ client.Config
	_ engine.Config
	_ packet.JSON
	_ msgpack.Codec

	ctx      context.Context
	srv, io  *sio.Server
	ns       *sio.Namespace
	s        *sio.Socket
	m        *sio.Message
	target   sio.Target
	mux      *http.ServeMux
	server   *http.Server
	sessions interface{ LoadAndSave(next http.Handler) http.Handler }
	id       string
	err      error
)
`

// wrap makes one package of the blocks of a document. Blocks of declarations come to the
// level of the package. The others are nested in one function, so that each sees what
// those before it have declared, and may declare it anew.
func wrap(name, doc string, blocks []snippet) (string, error) {
	var top, body strings.Builder
	fmt.Fprintf(&top, preamble, name)
	depth := 0
	for _, b := range blocks {
		at := fmt.Sprintf("//line %s:%d\n", doc, b.line)
		if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+b.code, 0); err == nil {
			top.WriteString(at + b.code)
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func _() {\n"+b.code+"\n}", 0)
		if err != nil {
			return "", fmt.Errorf("%s:%d: %w", doc, b.line, err)
		}
		body.WriteString("{\n" + at + b.code)
		for _, v := range declared(file.Decls[0].(*ast.FuncDecl).Body) {
			body.WriteString("_ = " + v + "\n")
		}
		depth++
	}
	fmt.Fprintf(&top, "func _() error {\n%s%s\nreturn nil\n}\n", body.String(), strings.Repeat("}", depth))
	return top.String(), nil
}

// declared returns the variables that the statements of a block declare.
func declared(body *ast.BlockStmt) (names []string) {
	for _, stmt := range body.List {
		if a, ok := stmt.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, x := range a.Lhs {
				if name := x.(*ast.Ident).Name; name != "_" {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// TestDocsCompile compiles all Go code of the documents, as packages that exist only for
// the compiler.
func TestDocsCompile(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("no go command")
	}
	assert.NoError(t, err)
	root, err := filepath.Abs(".")
	assert.NoError(t, err)
	dir := t.TempDir()
	files := map[string]string{}
	args := []string{"build"}
	add := func(name, code string) {
		real := filepath.Join(dir, name+".go")
		assert.NoError(t, os.WriteFile(real, []byte(code), 0o600))
		files[filepath.Join(root, "internal", "docs", name, "docs.go")] = real
		args = append(args, "./internal/docs/"+name)
	}
	for i, doc := range documents {
		found, _ := snippets(read(t, doc))
		var parts []snippet
		for _, b := range found {
			if strings.HasPrefix(b.code, "package main\n") {
				add(fmt.Sprintf("program%d_%d", i, b.line), fmt.Sprintf("//line %s:%d\n%s", doc, b.line, b.code))
			} else {
				parts = append(parts, b)
			}
		}
		code, err := wrap(fmt.Sprintf("parts%d", i), doc, parts)
		assert.NoError(t, err)
		add(fmt.Sprintf("parts%d", i), code)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": files})
	assert.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	assert.NoError(t, os.WriteFile(list, overlay, 0o600))
	cmd := exec.CommandContext(t.Context(), goTool, slices.Insert(args, 1, "-overlay="+list)...) //nolint:gosec // our own arguments
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, out.Bytes())
	}
}

var (
	links    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	headings = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	noSlug   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	examples = regexp.MustCompile("`(Example\\w*)`")
)

// TestDocsLinks: what the documents link to is there, headings and examples included.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	docs, err := filepath.Glob("docs/*.md")
	assert.NoError(t, err)
	code := ""
	sources, err := filepath.Glob("example*_test.go")
	assert.NoError(t, err)
	for _, f := range sources {
		code += read(t, f)
	}
	for _, doc := range append(docs, "README.md", "SECURITY.md") {
		_, prose := snippets(read(t, doc))
		for _, link := range links.FindAllStringSubmatch(prose, -1) {
			u, err := url.Parse(link[1])
			if err != nil {
				t.Errorf("%s: %v", doc, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			file := doc
			if u.Path != "" {
				file = filepath.Join(filepath.Dir(doc), filepath.FromSlash(u.Path))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %s: %v", doc, link[1], err)
				continue
			}
			if u.Fragment != "" && !slices.Contains(anchors(read(t, file)), u.Fragment) {
				t.Errorf("%s: %s: no such heading", doc, link[1])
			}
		}
		for _, name := range examples.FindAllStringSubmatch(prose, -1) {
			if !strings.Contains(code, "\nfunc "+name[1]+"()") {
				t.Errorf("%s: no example %s", doc, name[1])
			}
		}
	}
}

// anchors returns the names that GitHub gives to the headings of a document.
func anchors(text string) (names []string) {
	_, prose := snippets(text)
	for _, h := range headings.FindAllStringSubmatch(prose, -1) {
		slug := noSlug.ReplaceAllString(strings.ToLower(h[1]), "")
		names = append(names, strings.ReplaceAll(slug, " ", "-"))
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	assert.NoError(t, err)
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

// TestFigures holds the figures in the README against those of the benchmark's report.
func TestFigures(t *testing.T) {
	t.Parallel()
	table := func(name, heading string) map[string][]string {
		text, err := os.ReadFile(name)
		assert.NoError(t, err)
		_, rest, found := strings.Cut(string(text), heading)
		assert.True(t, found, "%s: no %q", name, heading)
		rows := make(map[string][]string)
		for line := range strings.Lines(rest) {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			for i, c := range cells {
				c, _, _ = strings.Cut(strings.ReplaceAll(c, "*", ""), "±")
				cells[i] = strings.TrimSpace(c)
			}
			if _, known := rows[cells[0]]; len(cells) > 5 && !known {
				rows[cells[0]] = cells[1:6]
			}
		}
		return rows
	}
	report := table("docs/benchmarks.md", "## One core")
	checked := 0
	for title, figures := range table("README.md", "## Beside other servers") {
		if !strings.HasPrefix(title, "---") {
			assert.Equal(t, figures, report[title])
			checked++
		}
	}
	assert.True(t, checked >= 5, "%d rows", checked)
}
