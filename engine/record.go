// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// Request is what a session remembers of the HTTP request that opened it. The request
// itself is let go: what is left is one string, of which Header and URL make something
// new at each call. Safe for concurrent use.
type Request struct {
	// text holds the strings of requestParts and the header fields, each with its length
	// in front.
	text    string
	rest    *rareRequest
	time    int64           // Unix nanoseconds
	context context.Context //nolint:containedctx // of the request, for its values; never cancelled
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
func (r *Request) Context() context.Context { return (*values)(r) }

// values is a Request as a context.
type values Request

func (*values) Deadline() (deadline time.Time, ok bool) { return }
func (*values) Done() <-chan struct{}                   { return nil }
func (*values) Err() error                              { return nil }

func (v *values) Value(key any) any {
	if key == http.LocalAddrContextKey {
		if addr := v.localAddr(); addr != nil {
			return addr
		}
	}
	return v.context.Value(key)
}

// localAddr returns the server's address, if it was remembered in the text.
func (v *values) localAddr() net.Addr {
	f := fields(v.text)
	for range requestParts - 1 {
		f.next()
	}
	if addr, err := netip.ParseAddrPort(f.next()); err == nil {
		return net.TCPAddrFromAddrPort(addr)
	}
	return nil
}

// requestParts is the number of strings in Request.text before the header fields: the
// host, the peer's address, the path, the escaped path, the query, and the server's
// address.
const requestParts = 6

// remember makes a Request.
func remember(r *http.Request) Request {
	u := r.URL
	ctx, local := valuesOf(r.Context())
	out := Request{time: time.Now().UnixNano(), context: ctx}
	if plain := (url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}); *u != plain || r.TLS != nil {
		out.rest = &rareRequest{tls: r.TLS}
		if *u != plain {
			whole := *u
			out.rest.url = &whole
		}
	}
	var room [1024]byte
	p := room[:0]
	for _, part := range [requestParts]string{r.Host, r.RemoteAddr, u.Path, u.RawPath, u.RawQuery, local} {
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

// valuesOf returns a context with the values of ctx, which is never cancelled. The server's
// address may be left out: then it is returned as text, and does not keep the connection.
func valuesOf(ctx context.Context) (_ context.Context, local string) {
	if c, ok := ctx.(*switchContext); ok { // no middleware has added anything
		ctx = *c.parent.Load()
	}
	ctx = withoutLayers(ctx)
	if reflect.TypeOf(ctx) == valueLayer {
		next := below(ctx)
		addr, ok := ctx.Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if ok && addr.AddrPort().IsValid() && next.Value(http.LocalAddrContextKey) == nil { // it is what this layer is for
			ctx, local = next, addr.AddrPort().String()
		}
	}
	if ctx.Done() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	return ctx, local
}

// withoutLayers leaves out the layers on top that do nothing but cancel. net/http puts two
// on each request, of some hundred bytes, which would live as long as the session. There is
// no other way to look below them, and where the standard library changes, ctx itself is as
// good.
func withoutLayers(ctx context.Context) context.Context {
	for reflect.TypeOf(ctx) == cancelLayer {
		ctx = below(ctx)
	}
	return ctx
}

// The types of what context.WithCancel and context.WithValue make: pointers to structs that
// embed the parent. They are nil should that not be so.
var cancelLayer, valueLayer = func() (c, v reflect.Type) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return layerType(ctx), layerType(context.WithValue(context.Background(), switchKey{}, nil))
}()

func layerType(ctx context.Context) reflect.Type {
	t := reflect.TypeOf(ctx)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || t.Elem().NumField() == 0 {
		return nil
	}
	if f := t.Elem().Field(0); f.Type != reflect.TypeFor[context.Context]() || !f.IsExported() {
		return nil
	}
	return t
}

// below returns the parent of a layer of one of these types.
func below(layer context.Context) context.Context {
	return reflect.ValueOf(layer).Elem().Field(0).Interface().(context.Context) //nolint:forcetypeassert // layerType has looked
}
