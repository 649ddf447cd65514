// SPDX-License-Identifier: MIT

package engine_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// open opens a polling session with the given query, and returns the answer too.
func (h *host) open(query string) (string, *receiver, answer) {
	h.t.Helper()
	a := h.do(h.t.Context(), "GET", query, nil)
	assert.NoError(h.t, a.err)
	assert.Equal(h.t, a.status, 200)
	r := h.receiver()
	return r.session.ID(), r, a
}

// script returns the payload in a JSONP response that must begin with head.
func (a answer) script(t testing.TB, head string) (payload string) {
	t.Helper()
	assert.NoError(t, a.err)
	assert.Equal(t, a.status, 200)
	assert.Equal(t, a.header.Get("Content-Type"), "text/plain; charset=UTF-8")
	assert.Equal(t, a.header.Get("Cache-Control"), "no-store")
	quoted, ok := strings.CutPrefix(a.body, head)
	assert.True(t, ok, "script %.60q", a.body)
	quoted, ok = strings.CutSuffix(quoted, ");")
	assert.True(t, ok, "script %.60q", a.body)
	assert.NoError(t, json.Unmarshal([]byte(quoted), &payload))
	return payload
}

// TestJSONP_E4_1_E4_2 opens sessions with different indices.
func TestJSONP_E4_1_E4_2(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, query, head string }{
		{"index", "&j=0", "___eio[0]("},
		{"only digits", "&j=" + url.QueryEscape("1);alert(2)//"), "___eio[12]("},
		{"no digits", "&j=abc", "___eio[]("},
		{"empty", "&j=", "___eio[]("},
		{"other digits", "&j=" + url.QueryEscape("٣5"), "___eio[5]("},
		{"with b64", "&j=7&b64=1", "___eio[7]("},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{AllowJSONP: true}, nil)
				sid, r, a := h.open(polled + tt.query)
				assert.True(t, strings.HasPrefix(a.script(t, tt.head), `0{"sid":"`+sid+`"`), "handshake %q", a.body)
				text := "\u2028\u2029 <\"'\\> €🦄\n\x00\x7f"
				assert.NoError(t, r.send(text, "\xff"))
				// E4.2: the index of the handshake counts.
				a = h.do(t.Context(), "GET", polled+"&j=9&sid="+sid, nil)
				assert.Equal(t, a.script(t, tt.head), "4"+text+"\x1eb/w==")
				assert.True(t, !strings.ContainsAny(a.body, "\u2028\u2029\n"), "line ends in %q", a.body)
				r.session.Close()
				assert.Equal(t, h.get(sid).script(t, tt.head), "6\x1e1")
				r.wantClosed(engine.ReasonForcedClose, "")
			})
		})
	}
	t.Run("E4.1: not a string", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{AllowJSONP: true}, nil)
			_, _, a := h.open(polled + "&j=1&j=2")
			assert.True(t, strings.HasPrefix(a.body, "0{"), "handshake %q", a.body)
		})
	})
	t.Run("not UTF-8", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{AllowJSONP: true}, nil)
			sid, r, _ := h.open(polled + "&j=1")
			assert.NoError(t, r.send("a\xffb"))
			assert.Equal(t, h.get(sid).script(t, "___eio[1]("), "4a\ufffdb")
		})
	})
}

// TestJSONPPost_E4_3 posts forms.
func TestJSONPPost_E4_3(t *testing.T) {
	t.Parallel()
	form := func(payload string) string { return "d=" + url.QueryEscape(payload) }
	tests := []struct {
		name, body string
		messages   []string
		err        string // of the parser
	}{
		{"text", form("4a b+c€%"), []string{"a b+c€%"}, ""},
		{"two packets", form("4a\x1e4b"), []string{"a", "b"}, ""},
		{"binary", form("b+/8="), []string{"\xfb\xff"}, ""},
		{"E4.3: newline", form(`4a\nb`), []string{"a\nb"}, ""},
		{"E4.3: backslash and n", form(`4a\\nb`), []string{`a\nb`}, ""},
		{"E4.3: backslash and newline", form(`4a\\\nb`), []string{`a\\nb`}, ""},
		{"E4.3: other escapes", form(`4\t\\t\`), []string{`\t\\t\`}, ""},
		{"field among others", "x=4x&d=4a&=4y&", []string{"a"}, ""},
		{"escaped name", "%64=4a", []string{"a"}, ""},
		{"plus is a blank", "d=4a+b", []string{"a b"}, ""},
		{"not escaped", "d=4a%zz%4%", []string{"a%zz%4%"}, ""},
		{"no field d", "dd=4a", nil, ""},
		{"empty body", "", nil, ""},
		{"two fields d", "d=4a&d=4b", nil, ""},
		{"not UTF-8", "d=4a%ffb", []string{"a\ufffdb"}, ""},
		{"empty payload", "d=", nil, "empty"},
		{"no payload", "d", nil, "empty"},
		{"unknown type", "d=4a%1ex", []string{"a"}, "unknown packet type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{AllowJSONP: true}, nil)
				sid, r, _ := h.open(polled + "&j=0")
				a := h.do(t.Context(), "POST", polled+"&sid="+sid, strings.NewReader(tt.body),
					"Content-Type", "application/x-www-form-urlencoded")
				a.want(t, 200, "ok")
				assert.Equal(t, a.header.Get("Content-Type"), "text/html")
				for _, m := range tt.messages {
					r.wantMessage(m, strings.HasPrefix(m, "\xfb"))
				}
				assert.Equal(t, len(r.got), 0)
				if tt.err != "" {
					r.wantClosed(engine.ReasonParseError, tt.err)
					return
				}
				r.wantOpen()
			})
		})
	}
	t.Run("E3.10: the limit is that of the body", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{MaxPayloadBytes: 10, AllowJSONP: true}, nil)
			sid, r, _ := h.open(polled + "&j=0")
			h.post(sid, "d=%34%61%6").want(t, 200, "ok")
			r.wantMessage("a%6", false)
			h.post(sid, "d=%34%61%61").want(t, 413, "")
			r.wantOpen()
		})
	})
	t.Run("E3.9: content type", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{AllowEIO3: true, AllowJSONP: true}, nil)
			sid, r, _ := h.open("EIO=3&transport=polling&j=0")
			h.do(t.Context(), "POST", polled+"&sid="+sid, strings.NewReader("d=2:4a"), "Content-Type", "application/octet-stream").want(t, 400, "")
			r.wantClosed(engine.ReasonTransportError, "invalid content")
		})
	})
}

// TestJSONPRevision3_B11_E4_4 uses the lengths of revision 3, and base64.
func TestJSONPRevision3_B11_E4_4(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{AllowEIO3: true, AllowJSONP: true}, echo)
		sid, _, a := h.open("EIO=3&transport=polling&j=3")
		assert.True(t, strings.Contains(a.script(t, "___eio[3]("), `:0{"sid":"`+sid), "handshake %q", a.body)
		h.post(sid, "d="+url.QueryEscape("3:4€\\n6:b4AQID")).want(t, 200, "ok")
		payload := h.get(sid).script(t, "___eio[3](")
		if !strings.Contains(payload, "6:b4AQID") {
			payload += h.get(sid).script(t, "___eio[3](")
		}
		assert.Equal(t, payload, "3:4€\n6:b4AQID")
	})
}

// FuzzJSONPPost posts any form: it is answered, and what it says is what net/url reads.
func FuzzJSONPPost(f *testing.F) {
	for _, seed := range []string{"d=4a", "d=4%5Cn%5C%5Cn", "x=1&d=4%zz+", "d=4a&d=4b", "%64=4", "d", "&&=&", "d=4%ff"} {
		f.Add(seed)
	}
	var got string
	srv := engine.NewServer(&engine.Config{AllowJSONP: true, OnSession: func(s *engine.Session) engine.Receiver {
		r := newReceiver(f, s)
		r.onMessage = func(data []byte, binary bool) { got = string(data) }
		return r
	}})
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, body string) {
		w := &recorder{header: http.Header{}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+polled+"&j=0", nil)
		assert.NoError(t, err)
		srv.ServeHTTP(w, r)
		_, sid, _ := strings.Cut(w.body.String(), `\"sid\":\"`)
		sid, _, _ = strings.Cut(sid, `\`)
		post := func(body string) {
			w := &recorder{header: http.Header{}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/?"+polled+"&sid="+sid, strings.NewReader(body))
			assert.NoError(t, err)
			srv.ServeHTTP(w, r)
			assert.Equal(t, w.body.String(), "ok")
		}
		got = ""
		post(body)
		if form, err := url.ParseQuery(body); err == nil && len(form["d"]) == 1 && !strings.ContainsAny(form.Get("d"), "\\\x1e") {
			text, isMessage := strings.CutPrefix(form.Get("d"), "4")
			assert.True(t, !isMessage || got == strings.ToValidUTF8(text, "\ufffd"), "%q is read as %q", body, got)
		}
		if srv.Session(sid) != nil {
			post("d=1")
		}
	})
}

// TestJSONPRefused_E4_1 is without Config.AllowJSONP.
func TestJSONPRefused_E4_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		for _, query := range []string{"&j=0", "&j=", "&j=abc"} {
			h.do(t.Context(), "GET", polled+query, nil).want(t, 403, `{"code":4,"message":"Forbidden"}`)
		}
		assert.Equal(t, h.srv.Count(), 0)
	})
}
