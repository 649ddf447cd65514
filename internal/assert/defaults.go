// SPDX-License-Identifier: MIT

package assert

import (
	"math"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Defaults compares a table in a document with the fields of a struct that holds defaults.
// A row begins with a field behind prefix and its default: "| `Config.MaxRooms` | 1,024 |".
// It returns how many rows it has found. Fields in except, whose defaults are elsewhere,
// are passed over.
func Defaults(t testing.TB, document, prefix string, defaults any, except ...string) (rows int) {
	t.Helper()
	text, err := os.ReadFile(document) //nolint:gosec // a document of this repository
	NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(prefix) + "(\\w+)` \\| ([^|]+) \\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		rows++
		if strings.Contains(" "+strings.Join(except, " ")+" ", " "+m[1]+" ") {
			continue
		}
		field := reflect.ValueOf(defaults).FieldByName(m[1])
		if !field.IsValid() {
			t.Errorf("%s: there is no %s%s", document, prefix, m[1])
			continue
		}
		got, none := int64(0), field.Kind() == reflect.Pointer && field.IsNil()
		if field.CanInt() {
			got = field.Int()
			none = got >= math.MaxInt64/8
		}
		want, ok := amount(m[2])
		True(t, ok && none == (m[2] == "none") && (none || got == want), "%s: %s%s is %q there, and %d in the code", document, prefix, m[1], m[2], got)
	}
	return rows
}

// amount reads a default such as "1,024", "4 MiB", "45 s" or "none".
func amount(text string) (n int64, ok bool) {
	if text == "none" {
		return 0, true
	}
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(strings.ReplaceAll(number, ",", ""), 10, 64)
	factor, ok := map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "s": 1e9}[unit]
	return n * factor, ok && err == nil
}
