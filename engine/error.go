// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
)

// closedError is the type of ErrClosed; it also matches net.ErrClosed.
type closedError struct{}

func (closedError) Error() string        { return "engine: session closed" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }

// ErrClosed is returned by Send on a session that is closing or closed.
// errors.Is(ErrClosed, net.ErrClosed) is true.
var ErrClosed error = closedError{}

// ErrQueueFull is returned by Send when the outbox is at its limit, and the message is not
// sent. Unless SendOptions.Overflow says otherwise, the session is closed: a peer that does
// not read cannot be told anything else.
var ErrQueueFull = errors.New("engine: outbox full")

// Code is an error code of the handshake (E2.0 to E2.5).
type Code int

// The codes of the official server. They are part of the protocol: clients see them
// in the body of a refused request.
const (
	CodeTransportUnknown   Code = 0
	CodeSessionUnknown     Code = 1
	CodeBadHandshakeMethod Code = 2
	CodeBadRequest         Code = 3
	CodeForbidden          Code = 4
	CodeUnsupportedVersion Code = 5
)

func (c Code) message() string {
	switch c {
	case CodeTransportUnknown:
		return "Transport unknown"
	case CodeSessionUnknown:
		return "Session ID unknown"
	case CodeBadHandshakeMethod:
		return "Bad handshake method"
	case CodeForbidden:
		return "Forbidden"
	case CodeUnsupportedVersion:
		return "Unsupported protocol version"
	case CodeBadRequest:
	}
	return "Bad request"
}

// RequestError says why a request was refused. Config.OnRequestError receives it.
type RequestError struct {
	Code    Code
	Message string         // what the peer is told
	Context map[string]any // what the peer is not told, with the keys of the official server
	Err     error          // the cause, or nil
	status  int            // HTTP status; 0 means 400, or 403 for CodeForbidden over polling
}

// Error implements error.
func (e *RequestError) Error() string {
	text := fmt.Sprintf("engine: request refused: %s (code %d)", e.Message, e.Code)
	logged := e.logged()
	for _, key := range slices.Sorted(maps.Keys(logged)) {
		text += fmt.Sprintf(", %s %q", key, fmt.Sprint(logged[key]))
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// logged returns the context for a log. A session id is a credential: its end must do.
func (e *RequestError) logged() map[string]any {
	if sid, ok := e.Context["sid"].(string); ok {
		return map[string]any{"sid": short(sid)}
	}
	return e.Context
}

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Err }

// refuse makes an error of one of the protocol's codes.
func refuse(code Code, key string, value any) *RequestError {
	return &RequestError{Code: code, Message: code.message(), Context: map[string]any{key: value}}
}

// Names of the causes of a refusal, as context has them (E2.3). Those of the second
// group are not of the official server, which has MIDDLEWARE_FAILURE besides: a
// middleware in Go answers by itself.
const (
	nameInvalidOrigin = "INVALID_ORIGIN"
	nameMismatch      = "TRANSPORT_MISMATCH"
	nameJSONP         = "JSONP_NOT_ALLOWED"
	nameHandshake     = "TRANSPORT_HANDSHAKE_ERROR"
	nameGenerateID    = "ID_GENERATION_ERROR"

	nameLimit   = "LIMIT_REACHED"
	nameClosed  = "SERVER_CLOSED"
	nameTimeout = "HANDSHAKE_TIMEOUT"
	nameHeader  = "HEADER_TOO_LARGE"
	nameFlood   = "TOO_MANY_REQUESTS"
)

// badRequest makes a CodeBadRequest with the name of its cause.
func badRequest(name string) *RequestError { return refuse(CodeBadRequest, "name", name) }

// unavailable refuses a session that the server has no place for.
func unavailable(name string) *RequestError {
	e := refuse(CodeForbidden, "name", name)
	e.Message, e.status = "Service unavailable", http.StatusServiceUnavailable
	return e
}

// tooMany refuses a session because of others of the same remote address.
func tooMany() *RequestError {
	e := refuse(CodeForbidden, "name", nameFlood)
	e.Message, e.status = "Too many requests", http.StatusTooManyRequests
	return e
}

// limited refuses a request that is beyond a limit that the official server has not.
func limited(name, message string, status int) *RequestError {
	e := badRequest(name)
	e.Message, e.status = message, status
	return e
}

// handshakeTimeout refuses a handshake on which nobody has decided in time. err is what
// they said too late.
func handshakeTimeout(err error) *RequestError {
	e := limited(nameTimeout, "Handshake timeout", http.StatusServiceUnavailable)
	if e.Err = err; err == nil {
		e.Err = context.DeadlineExceeded
	}
	return e
}

// Causes of a session's end, beside its Reason.
var (
	errOverlapGET  = errors.New("engine: overlap from client")
	errOverlapPOST = errors.New("engine: data request overlap from client")
	errPollGone    = errors.New("engine: poll connection closed prematurely")
	errPostGone    = errors.New("engine: data request connection closed prematurely")
	errContentType = errors.New("engine: invalid content")
	errHandshake   = errors.New("engine: handshake not finished")
	errHeartbeat   = errors.New("engine: invalid heartbeat direction")
)

// errIDTaken is the cause of a refusal.
var errIDTaken = errors.New("engine: id in use")
