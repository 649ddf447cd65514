// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
)

// block begins each block of Go in the pages on clusters.
const block = `package p

import (
	"context"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/redis/rueidis"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	sionats "github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/adapter/nats/embedded"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/adapter/redis"
)

var (
	_ = os.Getenv
	_ = sio.NewServer
	_ = nats.Connect
	_ = sionats.NewBus
	_ = embedded.Open
	_ = redis.Open
	_ = postgres.Open
	_ = pgxpool.New
	_ rueidis.ClientOption

	ctx    context.Context
	bus    adapter.Bus
	err    error
	secret = "secret"
)

func _() error {
//line %s:1
%s
	return err
}
`

var (
	goBlocks = regexp.MustCompile("(?ms)^ *```go\n(.*?)^ *```$")
	newVars  = regexp.MustCompile(`(?m)^\s*(\w+)(?:, (\w+))?(?:, (\w+))? :?= `)
)

// TestClusterPages compiles the Go code of the pages on clusters, which the core module
// cannot, since it does not know the buses.
func TestClusterPages(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("no go command")
	}
	assert.NoError(t, err)
	pages, err := filepath.Glob("../../docs/cluster*.md")
	assert.NoError(t, err)
	dir := t.TempDir()
	here, err := filepath.Abs(".")
	assert.NoError(t, err)
	files := map[string]string{}
	args := []string{"build", "-overlay=" + filepath.Join(dir, "overlay.json")}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		assert.NoError(t, err)
		for i, m := range goBlocks.FindAllStringSubmatch(string(text), -1) {
			code := m[1]
			for _, vars := range newVars.FindAllStringSubmatch(m[1], -1) {
				for _, v := range vars[1:] {
					if v != "" && v != "_" {
						code += "_ = " + v + "\n"
					}
				}
			}
			name := fmt.Sprintf("%s%d", strings.TrimSuffix(filepath.Base(page), ".md"), i)
			file := filepath.Join(dir, name+".go")
			assert.NoError(t, os.WriteFile(file, fmt.Appendf(nil, block, filepath.Base(page), code), 0o600))
			files[filepath.Join(here, "internal", "docs", name, "p.go")] = file
			args = append(args, "./internal/docs/"+name)
		}
	}
	assert.True(t, len(files) >= 4, "%d blocks", len(files))
	overlay, err := json.Marshal(map[string]any{"Replace": files})
	assert.NoError(t, err)
	assert.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	out, err := exec.CommandContext(t.Context(), goTool, args...).CombinedOutput() //nolint:gosec // our own arguments
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
