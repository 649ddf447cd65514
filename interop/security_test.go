// SPDX-License-Identifier: MIT

package interop_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSecurity compares SECURITY.md with the attacks, with the advisories of the catalogue,
// and with the tests that it names.
func TestSecurity(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	doc := read("../SECURITY.md")
	cases := map[string]bool{}
	var want []string
	for _, c := range attacks() {
		if cases[c.name] {
			t.Errorf("two attacks are named %q", c.name)
		}
		cases[c.name] = true
		want = append(want, "| "+c.name+" | "+c.does+" | "+c.gets+" |")
	}
	// A row has what was measured behind that; its bounds are those of the case.
	rows := regexp.MustCompile(`(?m)^(\|[^|]+\|[^|]+\|[^|]+\|) ([^|]+ of [^|]+) \| ([^|]+ of [^|]+) \| ([^|]+ms[^|]+|[^|]+µs[^|]+) \|$`)
	var got []string
	for i, row := range rows.FindAllStringSubmatch(section(doc, "Attacks"), -1) {
		got = append(got, row[1])
		if i >= len(cases) {
			break
		}
		if c := attacks()[i]; !strings.HasSuffix(row[2], " of "+size(c.held)) || !strings.HasSuffix(row[3], " of "+size(c.made)) {
			t.Errorf("%s: the bounds are %s and %s, and in SECURITY.md it is %q", c.name, size(c.held), size(c.made), row[0])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the table of attacks is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	advisories := map[string]string{} // by id: the last cell
	for _, m := range regexp.MustCompile(`(?m)^\| (O3\.\d+) \|.*\| ([^|]+) \|$`).FindAllStringSubmatch(section(doc, "Advisories"), -1) {
		if advisories[m[1]] != "" {
			t.Errorf("%s is there twice", m[1])
		}
		advisories[m[1]] = m[2]
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| (O3\.\d+) \|`).FindAllStringSubmatch(read("../docs/behaviour.md"), -1) {
		known[m[1]] = true
		if cell := advisories[m[1]]; !testName.MatchString(cell) && !strings.HasPrefix(cell, "not applicable: ") {
			t.Errorf("%s: no test in %q", m[1], cell)
		}
	}
	if len(known) < 20 || len(known) != len(advisories) {
		t.Errorf("the catalogue has %d advisories, SECURITY.md has %v", len(known), slices.Sorted(maps.Keys(advisories)))
	}

	// The cases of TestAttacks are in several files: they are known already.
	attack := regexp.MustCompile("`TestAttacks/([^`]+)`")
	for _, m := range attack.FindAllStringSubmatch(doc, -1) {
		if !cases[m[1]] {
			t.Errorf("no attack is named %q", m[1])
		}
	}
	checkTests(t, attack.ReplaceAllString(doc, "`TestAttacks`"))
}

// section returns what is below a heading of the second level.
func section(doc, heading string) string {
	_, text, _ := strings.Cut(doc, "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// TestReliability: the tests that docs/reliability.md names are there.
func TestReliability(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	checkTests(t, string(text))
}
