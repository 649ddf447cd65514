// SPDX-License-Identifier: MIT

// Package assert holds the few assertions that the tests of this module share.
//
// All of them may be called from any goroutine of a test except NoError,
// Error and ErrorIs, which end the test's goroutine when they fail.
package assert

import (
	"errors"
	"reflect"
	"testing"
)

// Equal reports an error unless got and want are deeply equal. The test goes on.
func Equal[T any](t testing.TB, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("not equal\n got: %#v\nwant: %#v", got, want)
	}
}

// True reports an error, formatted as by Printf, unless ok. The test goes on.
func True(t testing.TB, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Errorf(format, args...)
	}
}

// NoError ends the test if err is not nil.
func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// Error ends the test if err is nil.
func Error(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error, want one")
	}
}

// ErrorIs ends the test unless err matches target.
func ErrorIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("wrong error\n got: %v\nwant: %v", err, target)
	}
}
