// SPDX-License-Identifier: MIT

package dial

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sio-go/sio/engine"
)

// Error says what went wrong, and where. It is what Dial returns and what a receiver is
// told, if anything is known beside the reason. Secrets are left out: the query and the
// user of the URL.
type Error struct {
	Transport string      // engine.Polling, engine.WebSocket or engine.WebTransport
	Method    string      // of the HTTP request; "" if there was none
	URL       string      // without user and query
	Status    int         // of the HTTP response if it was not the right one; else 0
	Code      engine.Code // that the server has sent with it; -1 if it has not
	Message   string      // that came with the code or in its place, or ""
	Err       error       // the cause, or nil
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("dial: ")
	for _, word := range []string{e.Transport, e.Method, e.URL} {
		if word != "" {
			b.WriteString(word + " ")
		}
	}
	text := strings.TrimSuffix(b.String(), " ")
	if e.Status != 0 {
		text += ": status " + strings.TrimSuffix(strconv.Itoa(e.Status)+" "+http.StatusText(e.Status), " ")
	}
	if e.Code >= 0 {
		text += ": code " + strconv.Itoa(int(e.Code))
	}
	if e.Message != "" {
		text += ": " + strconv.Quote(e.Message)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CloseError is the cause when the server has closed a WebSocket.
type CloseError struct {
	// Code is that of the close frame; 1005 if it had none, 1006 if there was no frame:
	// the connection was lost. See RFC 6455, section 7.4.1.
	Code int
	// Text came with the code. It is the server's.
	Text string
}

// Error implements error.
func (e *CloseError) Error() string {
	text := "closed by the server, code " + strconv.Itoa(e.Code)
	if e.Text != "" {
		text += ", " + strconv.Quote(e.Text)
	}
	return text
}

// What a server can do wrong, and how a session ends.
var (
	// ErrNoTransports is returned by New if Config.Transports names none that there is.
	ErrNoTransports = errors.New("dial: no transports available")
	// ErrHandshake means that a server's first packet was no open packet, or made no sense.
	ErrHandshake = errors.New("malformed handshake")
	// ErrTooLarge means that a server has sent more than Config.MaxPayloadBytes.
	ErrTooLarge = errors.New("payload too large")
	// ErrServerClosed means that the server has sent a close packet (C4.25), or has ended
	// the WebTransport session.
	ErrServerClosed = errors.New("transport closed by the server")

	errURLTooLong = errors.New("dial: URL too long")
	errNoReceiver = errors.New("no receiver")
	errLost       = errors.New("connection lost before the answer")
	errProbe      = errors.New("unexpected answer to the probe")
	errEmpty      = errors.New("an empty packet")
	errRedirects  = errors.New("too many redirects")
	errRedirect   = errors.New("redirected to something else than a request of the same kind")
)

// plainURL returns a URL without secrets.
func plainURL(u *url.URL) string {
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return plain.String()
}

// withoutURL strips what net/http puts around an error: the URL, which has secrets.
func withoutURL(err error) error {
	var wrapped *url.Error
	for errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err
}
