// SPDX-License-Identifier: MIT

package forward

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/internal/assert"
)

const shared = "sixteen bytes or more"

func TestTag(t *testing.T) {
	t.Parallel()
	s := secret(shared)
	tag := s.newTag()
	assert.Equal(t, len(tag), tagLength)
	assert.True(t, s.isTag(tag), "%q", tag)
	assert.True(t, tag != s.newTag(), "the same twice")
	for _, bad := range []string{"", tag[1:], tag + "A", strings.Repeat("A", tagLength), strings.Repeat("*", tagLength), tag[8:] + tag[:8]} {
		assert.True(t, !s.isTag(bad), "%q", bad)
	}
	assert.True(t, !secret("another secret").isTag(tag), "of another secret")
}

func TestRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := secret(shared)
		const uri = "/socket.io/?EIO=4&sid=1"
		signed := func() string {
			return s.signRequest(httptest.NewRequest(http.MethodPost, uri, http.NoBody), "10.0.0.1:5")
		}
		verify := func(method, uri, value string) (string, bool) {
			r := httptest.NewRequest(method, uri, http.NoBody)
			r.Header.Set(header, value)
			return s.verifyRequest(r)
		}
		value := signed()
		remote, ok := verify(http.MethodPost, uri, value)
		assert.True(t, ok && remote == "10.0.0.1:5", "%q %t", remote, ok)
		for _, bad := range [][3]string{
			{http.MethodGet, uri, value},
			{http.MethodPost, uri + "2", value},
			{http.MethodPost, uri, strings.Replace(value, "10.0.0.1:5", "10.0.0.2:5", 1)},
			{http.MethodPost, uri, "1" + value},
			{http.MethodPost, uri, value + "A"},
			{http.MethodPost, uri, value[:len(value)-1]},
		} {
			_, ok := verify(bad[0], bad[1], bad[2])
			assert.True(t, !ok, "%q", bad)
		}
		const zone = "[fe80::1%Ethernet 2]:5" // as on Windows
		remote, ok = verify(http.MethodPost, uri, s.signRequest(httptest.NewRequest(http.MethodPost, uri, http.NoBody), zone))
		assert.True(t, ok && remote == zone, "%q %t", remote, ok)
		time.Sleep(maxAge - time.Second)
		_, ok = verify(http.MethodPost, uri, value)
		assert.True(t, ok, "too early")
		time.Sleep(3 * time.Second)
		_, ok = verify(http.MethodPost, uri, value)
		assert.True(t, !ok, "too late")
	})
}

// pair makes two servers that hear each other.
func pair(t *testing.T) (a, b *Forwarder, asked *int) {
	t.Helper()
	asked = new(int)
	make := func(host string, other **Forwarder) *Forwarder {
		return New(Config{
			Address: &url.URL{Scheme: "http", Host: host}, Secret: []byte(shared), Logger: slog.New(slog.DiscardHandler),
			Ask:       func(line string) { *asked++; (*other).Asked(line) },
			Tell:      func(line string) { assert.NoError(t, (*other).Told(line)) },
			Transport: &http.Transport{},
		})
	}
	a, b = make("a", &b), make("b", &a)
	return a, b, asked
}

func TestDirectory(t *testing.T) {
	t.Parallel()

	t.Run("asks once", func(t *testing.T) {
		t.Parallel()
		a, b, asked := pair(t)
		for range 3 {
			assert.Equal(t, b.servers.find(t.Context(), a.tag).String(), "http://a")
		}
		assert.Equal(t, *asked, 1)
		b.servers.lost(a.tag)
		assert.True(t, b.servers.find(t.Context(), a.tag) == nil, "it is lost")
		assert.Equal(t, *asked, 1)
	})

	t.Run("nobody answers", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, b, asked := pair(t)
			start := time.Now()
			find := func() { assert.True(t, b.servers.find(t.Context(), b.secret.newTag()) == nil, "found") }
			find()
			assert.Equal(t, time.Since(start), answerIn)
			tag := b.secret.newTag()
			b.servers.find(t.Context(), tag)
			b.servers.find(t.Context(), tag) // at once
			assert.Equal(t, time.Since(start), 2*answerIn)
			assert.Equal(t, *asked, 2)
			time.Sleep(askAgain)
			b.servers.find(t.Context(), tag)
			assert.Equal(t, *asked, 3)
		})
	})

	t.Run("limits", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			a, b, asked := pair(t)
			for range 2 * maxAsks {
				b.servers.look(b.secret.newTag())
			}
			assert.Equal(t, *asked, maxAsks)
			assert.Equal(t, len(b.servers.asks), maxAsks)
			time.Sleep(askAgain)
			assert.True(t, b.servers.find(t.Context(), a.tag) != nil, "there is room again")
			assert.Equal(t, len(b.servers.asks), 0)
			for range maxPeers + 10 {
				time.Sleep(time.Millisecond)
				b.servers.find(t.Context(), a.tag) // the others are older
				b.servers.learn(b.secret.newTag(), a.cfg.Address)
			}
			assert.Equal(t, len(b.servers.peers), maxPeers)
			assert.True(t, b.servers.peers[a.tag] != nil, "it was needed all the time")
		})
	})

	t.Run("told", func(t *testing.T) {
		t.Parallel()
		a, b, _ := pair(t)
		for _, line := range []string{"", "x", a.tag, a.tag + " http://evil AAAA", a.tag + " http://a " + a.secret.text(forAddress, a.tag, "http://b")} {
			assert.ErrorIs(t, b.Told(line), errAddress)
		}
		bad := "http://a:b\x7f"
		assert.Error(t, b.Told(a.tag+" "+bad+" "+a.secret.text(forAddress, a.tag, bad)))
		assert.Equal(t, len(b.servers.peers), 0)
	})
}

func TestServe(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t)
	owner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here, done := a.Serve(w, r)
		if done {
			t.Error("forwarded again, or refused")
			return
		}
		body, _ := io.ReadAll(here.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s %q %s", here.Method, here.RequestURI, here.Host, here.RemoteAddr, here.Header["X-Forwarded-For"], body)
	}))
	defer owner.Close()
	a.cfg.Address, _ = url.Parse(owner.URL)
	sid := a.SessionID("1")

	r := httptest.NewRequest(http.MethodPost, "/socket.io/?b=%2f&sid="+sid+";x", strings.NewReader("hello"))
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	w := httptest.NewRecorder()
	_, done := b.Serve(w, r)
	assert.True(t, !done, "a query that cannot be parsed has no sid")

	r = httptest.NewRequest(http.MethodPost, "/socket.io/?b=%2f&sid="+sid, strings.NewReader("hello"))
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	_, done = b.Serve(w, r)
	assert.True(t, done, "not forwarded")
	assert.Equal(t, w.Body.String(), `POST /socket.io/?b=%2f&sid=`+sid+` example.com 192.0.2.1:1234 ["192.0.2.7"] hello`)

	owner.Close()
	w = httptest.NewRecorder()
	_, done = b.Serve(w, httptest.NewRequest(http.MethodGet, "/socket.io/?sid="+sid, http.NoBody)) // not a POST, as the old connection may be tried first
	assert.True(t, done, "not tried")
	assert.Equal(t, w.Code, http.StatusBadGateway)
	here, done := b.Serve(w, r)
	assert.True(t, !done && here == r, "it is known to be gone")
}

// TestForged: clients cannot fill the log.
func TestForged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := pair(t)
		var log strings.Builder
		a.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		forge := func() {
			r := httptest.NewRequest(http.MethodGet, "/socket.io/", http.NoBody)
			r.Header.Set(header, "1 2 3")
			w := httptest.NewRecorder()
			_, done := a.Serve(w, r)
			assert.True(t, done && w.Code == http.StatusForbidden, "%d", w.Code)
		}
		for range 100 {
			forge()
		}
		assert.Equal(t, strings.Count(log.String(), "\n"), 1)
		time.Sleep(logEvery)
		forge()
		assert.Equal(t, strings.Count(log.String(), "\n"), 2)
	})
}
