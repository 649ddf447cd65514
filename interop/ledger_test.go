// SPDX-License-Identifier: MIT

package interop_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// A row of the catalogue: its first cell is its id.
	catalogueRow = regexp.MustCompile(`(?m)^\| ([EBPSACUXO]\d+(?:\.\d+[bc]?)?) \|`)
	// A row of the ledger: ids, state, where it is tested or why it is not.
	ledgerRow = regexp.MustCompile(`(?m)^\| ([EBPSACUXO]\d.*)$`)
	rowID     = regexp.MustCompile(`[EBPSACUXO]\d+(?:\.\d+[bc]?)?`)
	rowIDs    = regexp.MustCompile(`^` + rowID.String() + `(?:, ` + rowID.String() + `)*$`)
	testName  = regexp.MustCompile("`((?:Test|Fuzz|Example)[A-Z]\\w*)(?:/([^`]+))?`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w+)\(`)
	// A row of deviations.md: the first cell has ids.
	deviation = regexp.MustCompile(`(?m)^\| ([^|]*) \|`)
)

// complete are the sections of the catalogue of which every row has to be in the ledger.
var complete = regexp.MustCompile(`^(E([1-9]|10|11|12|13)\.|[PSXCA]\d+\.|B\d+$)`)

// A row has exactly one of these.
const (
	done          = "done"
	deviates      = "deviates"
	notApplicable = "not applicable"
	notYet        = "not yet"
)

// TestLedger compares docs/compatibility.md with the catalogue, with the tests that it
// names, and with docs/deviations.md.
func TestLedger(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	catalogue, ledger := read("behaviour.md"), read("compatibility.md")
	known := map[string]bool{}
	for _, m := range catalogueRow.FindAllStringSubmatch(catalogue, -1) {
		known[m[1]] = true
	}
	deviating := map[string]bool{}
	for _, m := range deviation.FindAllStringSubmatch(read("deviations.md"), -1) {
		for _, id := range rowID.FindAllString(m[1], -1) {
			deviating[id] = true
		}
	}
	states := map[string]string{}
	for _, m := range ledgerRow.FindAllStringSubmatch(ledger, -1) {
		cells := strings.Split(strings.TrimSuffix(m[1], " |"), " | ")
		if len(cells) != 3 || !rowIDs.MatchString(cells[0]) {
			t.Errorf("not a row of three cells, of which the first has ids: %s", m[0])
			continue
		}
		state, where := cells[1], cells[2]
		checkState(t, cells[0], state, where)
		for _, id := range rowID.FindAllString(cells[0], -1) {
			switch {
			case !known[id]:
				t.Errorf("%s is no row of the catalogue", id)
			case states[id] != "":
				t.Errorf("%s is in the ledger twice", id)
			case state == deviates && !deviating[id]:
				t.Errorf("%s deviates, and deviations.md does not name it", id)
			case state == done && deviating[id]:
				t.Errorf("%s is done, and deviations.md names it", id)
			}
			states[id] = state
		}
	}
	for id := range known {
		if complete.MatchString(id) && states[id] == "" {
			t.Errorf("%s is not in the ledger", id)
		}
	}
	checkTests(t, ledger)
	checkGroups(t, catalogue, ledger)
}

// checkState checks that a row has what its state demands: tests, reasons, or both.
func checkState(t *testing.T, ids, state, where string) {
	t.Helper()
	named := testName.MatchString(where)
	reason := strings.Trim(testName.ReplaceAllString(where, ""), ",;: ")
	switch state {
	case done:
		if !named {
			t.Errorf("%s is done, and no test is named", ids)
		}
	case deviates:
		if !named || reason == "" {
			t.Errorf("%s deviates, and there is no test, or not a word about it", ids)
		}
	case notApplicable, notYet:
		if reason == "" {
			t.Errorf("%s is %s, and nobody knows why", ids, state)
		}
	default:
		t.Errorf("%s: unknown state %q", ids, state)
	}
}

// checkTests checks that every test exists that the ledger names anywhere. Subtests have
// to be in the file of the test, or in a program that it runs.
func checkTests(t *testing.T, ledger string) {
	t.Helper()
	tests, programs := testNames(t)
	for _, name := range testName.FindAllStringSubmatch(ledger, -1) {
		source, ok := tests[name[1]]
		if !ok {
			t.Errorf("no test %s", name[1])
			continue
		}
		if name[2] != "" && !literal(source, name[2]) && !literal(programs, name[2]) {
			t.Errorf("no subtest %q of %s", name[2], name[1])
		}
	}
}

// literal reports whether source has text as a string, or as the end of one that begins
// with what differs.
func literal(source, text string) bool {
	quoted := regexp.QuoteMeta(text)
	return regexp.MustCompile("[\"'`]" + quoted + "[\"'`]|[}/]" + quoted + "[\"'`]").MatchString(source)
}

// checkGroups checks that the ledger has a line for each group of the long checklists.
func checkGroups(t *testing.T, catalogue, ledger string) {
	t.Helper()
	for _, id := range []string{"9.4", "9.7"} {
		_, list, found := strings.Cut(catalogue, "\n### "+id+" ")
		list, _, _ = strings.Cut(list, "\n### ")
		_, table, foundToo := strings.Cut(ledger, "\n## Checklist "+id+"\n")
		table, _, _ = strings.Cut(table, "\n## ")
		if !found || !foundToo {
			t.Fatalf("no checklist %s", id)
		}
		for line := range strings.Lines(list[strings.Index(list, "\n"):]) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "- ") {
				continue
			}
			if !strings.Contains(table, "\n| "+line+" | `Test") {
				t.Errorf("no tests of the group %q of %s", line, id)
			}
		}
	}
}

// testNames returns the names of all tests with the text of the functions and the files
// they are in, and the text of the programs of others.
func testNames(t *testing.T) (names map[string]string, programs string) {
	t.Helper()
	names = map[string]string{}
	skipped := []string{"node_modules", ".venv", ".git", ".tools"}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(skipped, entry.Name()) {
			return filepath.SkipDir
		}
		isTest := strings.HasSuffix(path, "_test.go")
		if !isTest && filepath.Ext(path) != ".mjs" {
			return nil
		}
		source, err := os.ReadFile(path)
		text := string(source)
		if !isTest {
			programs += text
			return err
		}
		found := testFunc.FindAllStringSubmatchIndex(text, -1)
		for _, m := range found {
			name, body := text[m[2]:m[3]], text[m[0]:]
			if end := strings.Index(body, "\n}\n"); end > 0 {
				body = body[:end]
			}
			// Subtests are in the function, unless another one makes them: then anywhere
			// in the file, but not in another test.
			names[name] += body + others(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, programs
}

// others returns the functions of a file that are no tests.
func others(text string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(text, "\nfunc ") {
		if !testFunc.MatchString("func " + part) {
			b.WriteString(part)
		}
	}
	return b.String()
}
