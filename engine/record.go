// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// Request is what a session remembers of the HTTP request that opened it. The request
// itself is let go: what is left is one string, of which Header and URL make something
// new at each call. Safe for concurrent use.
type Request struct {
	// text holds the host, the peer's address, the path, the escaped path, the query and
	// the header fields, each with its length in front.
	text    string
	rest    *rareRequest
	time    int64           // Unix nanoseconds
	context context.Context //nolint:containedctx // of the request, for its values
}

// rareRequest is what most requests have not.
type rareRequest struct {
	tls *tls.ConnectionState
	url *url.URL // a URL that has more than a path and a query
}

// Header returns the header fields. The map is the caller's: keep it if it is needed again.
func (r *Request) Header() http.Header {
	f := fields(r.text)
	for range requestParts {
		f.next()
	}
	h := make(http.Header, f.count())
	for len(f) > 0 {
		name := f.name()
		n := f.count()
		values := make([]string, n)
		for i := range values {
			values[i] = f.next()
		}
		h[name] = values
	}
	return h
}

// URL returns the URL, as net/http and the middlewares have left it. It is the caller's.
func (r *Request) URL() *url.URL {
	if r.rest != nil && r.rest.url != nil {
		u := *r.rest.url
		return &u
	}
	f := fields(r.text)
	f.next()
	f.next()
	return &url.URL{Path: f.next(), RawPath: f.next(), RawQuery: f.next()}
}

// Host returns the host that the client asked for: http.Request.Host.
func (r *Request) Host() string {
	f := fields(r.text)
	return f.next()
}

// RemoteAddr returns the peer's address: http.Request.RemoteAddr.
func (r *Request) RemoteAddr() string {
	f := fields(r.text)
	f.next()
	return f.next()
}

// TLS returns the state of the TLS connection, or nil without TLS. It is not to be changed.
func (r *Request) TLS() *tls.ConnectionState {
	if r.rest == nil {
		return nil
	}
	return r.rest.tls
}

// Time returns when the session began.
func (r *Request) Time() time.Time { return time.Unix(0, r.time) }

// Context returns the values of the request's context, such as those that middlewares
// have put there. It is never cancelled.
func (r *Request) Context() context.Context {
	if r.context.Done() == nil {
		return r.context
	}
	return context.WithoutCancel(r.context)
}

// requestParts is the number of strings in Request.text before the header fields.
const requestParts = 5

// remember makes a Request.
func remember(r *http.Request) Request {
	u := r.URL
	out := Request{time: time.Now().UnixNano(), context: valuesOf(r.Context())}
	if plain := (url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}); *u != plain || r.TLS != nil {
		out.rest = &rareRequest{tls: r.TLS}
		if *u != plain {
			whole := *u
			out.rest.url = &whole
		}
	}
	var room [1024]byte
	p := room[:0]
	for _, part := range [requestParts]string{r.Host, r.RemoteAddr, u.Path, u.RawPath, u.RawQuery} {
		p = appendField(p, part)
	}
	p = binary.AppendUvarint(p, uint64(len(r.Header)))
	for name, values := range r.Header {
		if code := nameCodes[name]; code != 0 {
			p = append(p, code)
		} else {
			p = appendField(append(p, 0), name)
		}
		p = binary.AppendUvarint(p, uint64(len(values)))
		for _, v := range values {
			p = appendField(p, v)
		}
	}
	out.text = string(p)
	return out
}

func appendField(p []byte, s string) []byte {
	return append(binary.AppendUvarint(p, uint64(len(s))), s...)
}

// fields reads what remember has written.
type fields string

func (f *fields) count() int {
	n, shift := uint64(0), 0
	for i := 0; ; i++ {
		b := (*f)[i]
		n |= uint64(b&0x7f) << shift
		if shift += 7; b < 0x80 {
			*f = (*f)[i+1:]
			return int(n)
		}
	}
}

func (f *fields) next() string {
	n := f.count()
	s := string((*f)[:n])
	*f = (*f)[n:]
	return s
}

func (f *fields) name() string {
	code := (*f)[0]
	*f = (*f)[1:]
	if code == 0 {
		return f.next()
	}
	return commonNames[code-1]
}

// commonNames are remembered as one byte, their index plus one.
var commonNames = strings.Fields(`Accept Accept-Encoding Accept-Language Authorization Cache-Control Connection
	Cookie Origin Pragma Referer Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Websocket-Extensions
	Sec-Websocket-Key Sec-Websocket-Protocol Sec-Websocket-Version Upgrade User-Agent
	X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Real-Ip`)

var nameCodes = func() map[string]byte {
	codes := make(map[string]byte, len(commonNames))
	for i, name := range commonNames {
		codes[name] = byte(i + 1)
	}
	return codes
}()

// valuesOf returns a context with the values of ctx. It leaves out the layers on top that
// do nothing but cancel: net/http puts two of them on each request, of some hundred bytes,
// which would live as long as the session. There is no other way to look below them, but
// where the standard library changes, ctx itself is as good.
func valuesOf(ctx context.Context) context.Context {
	for cancelLayer != nil && reflect.TypeOf(ctx) == cancelLayer {
		ctx, _ = reflect.ValueOf(ctx).Elem().Field(0).Interface().(context.Context)
	}
	return ctx
}

// cancelLayer is the type of what context.WithCancel makes: a pointer to a struct that
// embeds the parent. It is nil should that not be so.
var cancelLayer = func() reflect.Type {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	t := reflect.TypeOf(ctx)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || t.Elem().NumField() == 0 {
		return nil
	}
	if f := t.Elem().Field(0); f.Type != reflect.TypeFor[context.Context]() || !f.IsExported() {
		return nil
	}
	return t
}()
