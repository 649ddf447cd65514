// SPDX-License-Identifier: MIT

package assert_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

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
