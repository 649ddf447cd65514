// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sio-go/sio"
)

func TestBench(t *testing.T) {
	t.Parallel()
	srv := sio.NewServer(nil)
	playground(srv.Namespace, nil)
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		_ = srv.Close()
		web.Close()
	})
	bench := func(args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		code = run(context.Background(), append([]string{"sio", "bench"}, args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	short := []string{"-c", "4", "-k", "2", "--room-size", "2", "--warmup", "1ms", "-d", "50ms"}

	code, out, errs := bench(append(short, web.URL)...)
	if code != exitOK || errs != "" || strings.Count(out, "\n") != 7 || !strings.Contains(out, "CPU us/op") {
		t.Errorf("%d %s\n%s", code, errs, out)
	}
	code, out, errs = bench(append(short, "--json", "-s", "echo, rate", web.URL)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || errs != "" || len(lines) != 2 {
		t.Fatalf("%d %s\n%s", code, errs, out)
	}
	for i, scenario := range []string{"echo", "rate"} {
		var r struct {
			Scenario   string
			Operations int
			Latency    struct{ P50 float64 }
		}
		if err := json.Unmarshal([]byte(lines[i]), &r); err != nil || r.Scenario != scenario || r.Operations == 0 || r.Latency.P50 == 0 {
			t.Errorf("%v: %s", err, lines[i])
		}
	}
	for _, c := range []struct {
		code int
		text string
		args []string
	}{
		{exitUsage, "want one URL", nil},
		{exitUsage, "want one URL", []string{"http://a", "http://b"}},
		{exitUsage, "unknown scenario", []string{"-s", "nothing", web.URL}},
		{exitUsage, "no process", []string{"--pid", "999999999", web.URL}},
		{exitFailure, "refused", []string{"http://127.0.0.1:1"}},
	} {
		if code, _, errs := bench(c.args...); code != c.code || !strings.Contains(errs, c.text) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: %d %s", c.args, code, errs)
		}
	}
}
