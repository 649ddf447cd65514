// SPDX-License-Identifier: MIT

package sio_test

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// clientNames are the eight files of the client (S2.1).
var clientNames = []string{
	"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js",
	"socket.io.js.map", "socket.io.min.js.map", "socket.io.esm.min.js.map", "socket.io.msgpack.min.js.map",
}

// content is what a file of the client has in these tests.
func content(name string) string { return strings.Repeat("// "+name+"\n", 200) }

// clientFS has the eight files, and others.
func clientFS() fstest.MapFS {
	files := fstest.MapFS{"secret.js": {Data: []byte("no")}}
	for _, name := range clientNames {
		files[name] = &fstest.MapFile{Data: []byte(content(name))}
	}
	return files
}

// fetch makes a request with header fields, in pairs, and returns the answer.
func fetch(t *testing.T, cfg sio.Config, method, target string, header ...string) *http.Response {
	t.Helper()
	return get(newClientServer(t, cfg), method, target, header...)
}

func newClientServer(t *testing.T, cfg sio.Config) *sio.Server {
	t.Helper()
	srv := sio.NewServer(&cfg)
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	return srv
}

func get(h http.Handler, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// text returns the body without its content coding.
func text(t *testing.T, res *http.Response) string {
	t.Helper()
	var in io.Reader = res.Body
	var err error
	switch res.Header.Get("Content-Encoding") {
	case "gzip":
		in, err = gzip.NewReader(in)
	case "deflate":
		in, err = zlib.NewReader(in)
	case "zstd":
		in, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
	}
	assert.NoError(t, err)
	data, err := io.ReadAll(in)
	assert.NoError(t, err)
	return string(data)
}

// TestClientFiles_S2_1_S2_3: what is served, and how.
func TestClientFiles_S2_1_S2_3(t *testing.T) {
	t.Parallel()
	tags := make(map[string]bool)
	for _, name := range clientNames {
		res := fetch(t, sio.Config{Client: clientFS()}, http.MethodGet, "/socket.io/"+name)
		assert.Equal(t, res.StatusCode, http.StatusOK)
		assert.Equal(t, text(t, res), content(name))
		assert.Equal(t, res.Header.Get("Cache-Control"), "public, max-age=0")
		kind := "application/javascript; charset=utf-8"
		if strings.HasSuffix(name, ".map") {
			kind = "application/json; charset=utf-8"
		}
		assert.Equal(t, res.Header.Get("Content-Type"), kind)
		tag := res.Header.Get("ETag")
		assert.True(t, len(tag) == 22 && tag[0] == '"' && !tags[tag], "ETag %q", tag)
		tags[tag] = true
	}
}

// TestClientPath_S2_2: the query does not count, the path does. What is no file of the
// client goes to the engine.
func TestClientPath_S2_2(t *testing.T) {
	t.Parallel()
	some := fstest.MapFS{"socket.io.min.js": {Data: []byte("1")}, "secret.js": {Data: []byte("2")}}
	tests := []struct {
		name, path string
		cfg        sio.Config
		target     string
		want       int
	}{
		{"S2.2 query", "", sio.Config{Client: clientFS()}, "/socket.io/socket.io.js?EIO=4&x=y", 200},
		{"S2.2 another path", "/my/path", sio.Config{Client: clientFS()}, "/my/path/socket.io.js", 200},
		{"S2.2 slash at the end", "/my/path/", sio.Config{Client: clientFS()}, "/my/path/socket.io.js", 200},
		{"S2.2 root", "/", sio.Config{Client: clientFS()}, "/socket.io.js", 200},
		{"S2.2 mismatch", "/my/path", sio.Config{Client: clientFS()}, "/socket.io/socket.io.js", 404},
		{"S2.2 no slash", "", sio.Config{Client: clientFS()}, "/socket.iosocket.io.js", 404},
		{"S2.1 unknown", "", sio.Config{Client: clientFS()}, "/socket.io/secret.js", 400},
		{"S2.1 below", "", sio.Config{Client: clientFS()}, "/socket.io/x/socket.io.js", 400},
		{"S2.1 above", "", sio.Config{Client: clientFS()}, "/socket.io/../secret.js", 400},
		{"S2.1 case", "", sio.Config{Client: clientFS()}, "/socket.io/Socket.io.js", 400},
		{"S2.1 one of them", "", sio.Config{Client: some}, "/socket.io/socket.io.min.js", 200},
		{"S2.1 not there", "", sio.Config{Client: some}, "/socket.io/socket.io.js", 400},
		{"S2.8 off", "", sio.Config{Client: clientFS(), NoClient: true}, "/socket.io/socket.io.js", 400},
		{"S2.8 off, no files", "", sio.Config{NoClient: true}, "/socket.io/socket.io.js", 400},
		{"S2.8 off, mismatch", "", sio.Config{NoClient: true}, "/other/socket.io.js", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Path = tt.path
			res := fetch(t, tt.cfg, http.MethodGet, tt.target)
			assert.Equal(t, res.StatusCode, tt.want)
			if tt.want == 400 {
				assert.Equal(t, text(t, res), `{"code":0,"message":"Transport unknown"}`)
			}
		})
	}
}

// TestClientRedirect: without the files the browser gets them elsewhere.
func TestClientRedirect(t *testing.T) {
	t.Parallel()
	for _, name := range clientNames {
		res := fetch(t, sio.Config{}, http.MethodGet, "/socket.io/"+name+"?x=y")
		assert.Equal(t, res.StatusCode, http.StatusFound)
		assert.Equal(t, res.Header.Get("Location"), "https://cdn.socket.io/4.8.4/"+name)
	}
	res := fetch(t, sio.Config{}, http.MethodGet, "/socket.io/socket.io.slim.js")
	assert.Equal(t, res.StatusCode, http.StatusBadRequest)
}

// TestClientConditional_S2_4: 304 for the ETag, strong or weak, whatever the coding is.
func TestClientConditional_S2_4(t *testing.T) {
	t.Parallel()
	srv := newClientServer(t, sio.Config{Client: clientFS()})
	const target = "/socket.io/socket.io.js"
	tag := get(srv, http.MethodGet, target).Header.Get("ETag")
	tests := []struct {
		name, match string
		want        int
	}{
		{"strong", tag, 304},
		{"weak", "W/" + tag, 304},
		{"one of several", `"x", W/` + tag, 304},
		{"any", "*", 304},
		{"another", `"4.8.4"`, 200},
		{"without quotes", strings.Trim(tag, `"`), 200},
		{"nothing", "", 200},
	}
	for _, tt := range tests {
		for _, coding := range []string{"", "gzip"} {
			t.Run(tt.name+coding, func(t *testing.T) {
				t.Parallel()
				res := get(srv, http.MethodGet, target, "If-None-Match", tt.match, "Accept-Encoding", coding)
				assert.Equal(t, res.StatusCode, tt.want)
				assert.Equal(t, strings.TrimPrefix(res.Header.Get("ETag"), "W/"), tag)
				assert.Equal(t, res.Header.Get("Cache-Control"), "public, max-age=0")
				if tt.want == 304 {
					assert.Equal(t, text(t, res), "")
				}
			})
		}
	}
	other := clientFS()
	other["socket.io.js"].Data = append(other["socket.io.js"].Data, ' ')
	res := fetch(t, sio.Config{Client: other}, http.MethodGet, target, "If-None-Match", tag)
	assert.Equal(t, res.StatusCode, http.StatusOK) // another content, another ETag
}

// TestClientCompression_S2_5 asks for content codings, many at the same time.
func TestClientCompression_S2_5(t *testing.T) {
	t.Parallel()
	srv := newClientServer(t, sio.Config{Client: clientFS()})
	tests := []struct{ accept, want string }{
		{"", ""},
		{"identity", ""},
		{"gzip;q=0", ""},
		{"br", ""},
		{"gzip, deflate, br", "gzip"},
		{"gzip, deflate, br, zstd", "zstd"},
		{"gzip;q=0.1, deflate;q=0.2", "deflate"},
		{"*", "gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.accept, func(t *testing.T) {
			t.Parallel()
			var wg sync.WaitGroup
			for i := range 8 {
				name := clientNames[i%2]
				wg.Go(func() {
					res := get(srv, http.MethodGet, "/socket.io/"+name, "Accept-Encoding", tt.accept)
					assert.Equal(t, res.Header.Get("Content-Encoding"), tt.want)
					assert.Equal(t, res.Header.Get("Vary"), "Accept-Encoding")
					assert.Equal(t, strings.HasPrefix(res.Header.Get("ETag"), "W/"), tt.want != "")
					assert.Equal(t, text(t, res), content(name))
				})
			}
			wg.Wait()
		})
	}
}

// TestClientCORS_S2_6: the files are for pages of other origins if the engine is.
func TestClientCORS_S2_6(t *testing.T) {
	t.Parallel()
	const origin, target = "https://example.org", "/socket.io/socket.io.js"
	with := sio.Config{Client: clientFS(), Engine: engine.Config{CORS: &engine.CORS{Origins: []string{origin}}}}
	elsewhere := with
	elsewhere.Client = nil
	for _, cfg := range []sio.Config{with, elsewhere} {
		res := fetch(t, cfg, http.MethodGet, target, "Origin", origin)
		assert.Equal(t, res.Header.Get("Access-Control-Allow-Origin"), origin)
		res = fetch(t, cfg, http.MethodGet, target, "Origin", "https://evil.test")
		assert.Equal(t, res.Header.Get("Access-Control-Allow-Origin"), "")
		res = fetch(t, cfg, http.MethodOptions, target, "Origin", origin, "Access-Control-Request-Method", "GET")
		assert.Equal(t, res.StatusCode, http.StatusNoContent)
		assert.Equal(t, res.Header.Get("Access-Control-Allow-Methods"), "GET")
	}
	res := fetch(t, sio.Config{Client: clientFS()}, http.MethodGet, target, "Origin", origin)
	assert.Equal(t, res.Header.Get("Access-Control-Allow-Origin"), "")
	assert.Equal(t, res.StatusCode, http.StatusOK)
}

// TestClientMethods_S2_7: GET and HEAD only.
func TestClientMethods_S2_7(t *testing.T) {
	t.Parallel()
	for _, files := range []sio.Config{{Client: clientFS()}, {}} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			res := fetch(t, files, method, "/socket.io/socket.io.js")
			assert.Equal(t, res.StatusCode, http.StatusMethodNotAllowed)
			assert.Equal(t, res.Header.Get("Allow"), "GET, HEAD")
		}
	}
	run(t, sio.Config{Client: clientFS()}, func(t *testing.T, e *env) {
		transport := &http.Transport{DialContext: e.net.DialContext, DisableKeepAlives: true, DisableCompression: true}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://mem.test/socket.io/socket.io.js", nil)
		assert.NoError(t, err)
		res, err := transport.RoundTrip(r)
		assert.NoError(t, err)
		assert.Equal(t, res.StatusCode, http.StatusOK)
		assert.Equal(t, res.ContentLength, int64(len(content("socket.io.js"))))
		assert.Equal(t, text(t, res), "")
		assert.NoError(t, res.Body.Close())
	})
}

// TestClientMissing: files that have nothing of the client are a mistake.
func TestClientMissing(t *testing.T) {
	t.Parallel()
	defer func() { assert.True(t, recover() != nil, "NewServer did not panic") }()
	sio.NewServer(&sio.Config{Client: fstest.MapFS{"dist/socket.io.js": {}}})
}
