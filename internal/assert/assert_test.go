// SPDX-License-Identifier: MIT

package assert_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sio-go/sio/internal/assert"
)

// recorder stands in for a test and counts what is reported to it.
type recorder struct {
	testing.TB
	errors, fatals int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.errors++ }
func (r *recorder) Fatalf(string, ...any) { r.fatals++ }
func (r *recorder) Fatal(...any)          { r.fatals++ }

func TestAssertions(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("reading: %w", io.EOF)
	tests := []struct {
		name           string
		call           func(testing.TB)
		errors, fatals int
	}{
		{"equal", func(t testing.TB) { assert.Equal(t, []int{1}, []int{1}) }, 0, 0},
		{"not equal", func(t testing.TB) { assert.Equal(t, []int{1}, nil) }, 1, 0},
		{"true", func(t testing.TB) { assert.True(t, true, "never %d", 1) }, 0, 0},
		{"false", func(t testing.TB) { assert.True(t, false, "always %d", 1) }, 1, 0},
		{"no error", func(t testing.TB) { assert.NoError(t, nil) }, 0, 0},
		{"unexpected error", func(t testing.TB) { assert.NoError(t, io.EOF) }, 0, 1},
		{"error", func(t testing.TB) { assert.Error(t, io.EOF) }, 0, 0},
		{"missing error", func(t testing.TB) { assert.Error(t, nil) }, 0, 1},
		{"matching error", func(t testing.TB) { assert.ErrorIs(t, wrapped, io.EOF) }, 0, 0},
		{"other error", func(t testing.TB) { assert.ErrorIs(t, errors.New("x"), io.EOF) }, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			tt.call(r)
			assert.Equal(t, r.errors, tt.errors)
			assert.Equal(t, r.fatals, tt.fatals)
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	type limits struct {
		Bytes, Packets, Endless, Elsewhere int
		Time                               time.Duration
		Rare                               *int
	}
	have := limits{Bytes: 4 << 20, Packets: 65_536, Endless: math.MaxInt, Time: 45 * time.Second}
	tests := []struct {
		name, rows string
		errors     int
	}{
		{"right", "| `C.Bytes` | 4 MiB | x |\n| `C.Packets` | 65,536 | x |\n| `C.Endless` | none | x |\n| `C.Rare` | none | x |\n| `C.Time` | 45 s | x |\n| `C.Elsewhere` | 7 |\n| `C.D.Bytes` | 1 | x |\n", 0},
		{"wrong", "| `C.Bytes` | 5 MiB | x |\n| `C.Packets` | none | x |\n| `C.Endless` | 1 | x |\n| `C.Time` | 45 min | x |\n| `C.Other` | 1 |\n", 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "document.md")
			assert.NoError(t, os.WriteFile(path, []byte(tt.rows), 0o600))
			r := &recorder{TB: t}
			rows := assert.Defaults(r, path, "C.", have, "Elsewhere")
			assert.Equal(t, r.errors, tt.errors)
			assert.True(t, rows >= 5, "%d rows", rows)
		})
	}
}
