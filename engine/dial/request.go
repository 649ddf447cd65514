// SPDX-License-Identifier: MIT

package dial

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/engine"
)

// request returns a request of a transport. sid is "" for a handshake.
func (d *Dialer) request(ctx context.Context, transport, method, sid string, body io.Reader) (*http.Request, error) {
	q := maps.Clone(d.query)
	if q == nil {
		q = make(map[string][]string)
	}
	q.Set("EIO", "4")
	q.Set("transport", transport)
	q.Del("sid")
	if sid != "" {
		q.Set("sid", sid)
	}
	q.Del("b64")
	q.Del("j") // would ask for a script
	if d.cfg.ForceBase64 {
		q.Set("b64", "1")
	}
	if transport == engine.WebSocket && d.cfg.TimestampWebSocket || transport == engine.Polling && !d.cfg.NoTimestamps {
		q.Set(d.cfg.TimestampParam, randomString())
	}
	u := d.url
	u.RawQuery = q.Encode()
	return d.newRequest(ctx, transport, method, &u, body)
}

// newRequest returns a request with the header that the user wants.
func (d *Dialer) newRequest(ctx context.Context, transport, method string, u *url.URL, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, d.fail(transport, method, withoutURL(err))
	}
	maps.Copy(r.Header, d.cfg.Header.Clone())
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	return r, nil
}

// randomString returns 8 characters that make a URL unique (C4.6).
func randomString() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var text [8]byte
	for i := range text {
		text[i] = digits[rand.IntN(len(digits))]
	}
	return string(text[:])
}

// fail returns the error of a request, or of a transport if method is "".
func (d *Dialer) fail(transport, method string, err error) *Error {
	u := d.url
	switch transport {
	case engine.WebSocket:
		u.Scheme = "ws" + u.Scheme[len("http"):]
	case engine.WebTransport:
		u.Scheme = "https"
	}
	return &Error{Transport: transport, Method: method, URL: plainURL(&u), Code: -1, Err: withoutURL(err)}
}

// refused returns the error of a response with the wrong status, and reads what it says.
func (d *Dialer) refused(transport, method string, res *http.Response) *Error {
	e := d.fail(transport, method, nil)
	e.Status = res.StatusCode
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	var said struct {
		Code    *int   `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) == nil && said.Code != nil && *said.Code >= 0 {
		e.Code, e.Message = engine.Code(*said.Code), said.Message
	} else if len(body) <= maxErrorText && !bytes.ContainsAny(body, "<{\n") { // refused upgrades have a text
		e.Message = string(body)
	}
	return e
}

// checkRedirect follows some redirects, but none that makes a POST a GET, or that leaves
// TLS.
func checkRedirect(r *http.Request, via []*http.Request) error {
	last := via[len(via)-1]
	switch {
	case len(via) >= 10:
		return errRedirects
	case r.Method != last.Method, last.URL.Scheme == "https" && r.URL.Scheme != "https":
		return errRedirect
	}
	r.Header.Del("Referer") // it has the session's id
	return nil
}

// readBody reads a body within a limit.
func readBody(res *http.Response, limit int64) ([]byte, error) {
	if res.ContentLength > limit {
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, ErrTooLarge
	}
	return body, nil
}

// once returns a context for requests that are not sent again if the connection is lost
// after they were: net/http would repeat a GET, and what the server has answered to the
// first one would be missing without a trace.
func once(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	var sent atomic.Bool
	ctx, cancel := context.WithCancelCause(ctx)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders:         func() { sent.Store(true) },
		GotFirstResponseByte: func() { sent.Store(false) }, // what follows is a redirect
		GetConn: func(string) {
			if sent.Load() {
				cancel(errLost)
			}
		},
	}), cancel
}

// do sends a polling request and returns the body of the response. Only status 200 is
// success (C4.24).
func (d *Dialer) do(ctx context.Context, method, sid string, body io.Reader) ([]byte, error) {
	if d.cfg.RequestTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.cfg.RequestTimeout)
		defer cancel()
	}
	ctx, cancel := once(ctx)
	defer cancel(nil)
	r, err := d.request(ctx, engine.Polling, method, sid, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "*/*")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	if f := d.cfg.OnRequest; f != nil {
		f(engine.Polling, r)
	}
	res, err := d.requests.Do(r)
	if err != nil {
		if errors.Is(context.Cause(ctx), errLost) || errors.Is(err, io.EOF) {
			err = errLost
		}
		return nil, d.fail(engine.Polling, method, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, d.refused(engine.Polling, method, res)
	}
	text, err := readBody(res, d.cfg.MaxPayloadBytes)
	if err != nil {
		return nil, d.fail(engine.Polling, method, err)
	}
	return text, nil
}
