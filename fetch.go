// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/packet"
)

// fetch returns the sockets chosen that other servers have, and the error if not all have
// answered.
func (c *cluster) fetch(ctx context.Context, t Target) ([]RemoteSocket, error) {
	if t.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.limit)
		defer cancel()
	}
	r := c.node.Ask(ctx, &adapter.Message{Type: adapter.FetchSockets, Options: t.choice()})
	defer r.Cancel()
	var list []RemoteSocket
	for {
		m, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return list, fmt.Errorf("sio: fetching sockets: %w", err)
		}
		for i := range m.Sockets {
			list = append(list, c.remote(&m.Sockets[i]))
		}
	}
}

// Fetch implements adapter.Local.
func (l *local) Fetch(o adapter.Options) []adapter.Socket {
	var list []adapter.Socket
	for _, s := range l.target(o).Sockets() {
		list = append(list, s.portray())
	}
	return list
}

// handshakeJSON is what Node tells of a handshake (A10.8).
type handshakeJSON struct {
	Headers map[string]texts `json:"headers"`
	Time    string           `json:"time"`
	Address string           `json:"address"`
	XDomain bool             `json:"xdomain"`
	Secure  bool             `json:"secure"`
	Issued  int64            `json:"issued"` // in ms
	URL     string           `json:"url"`
	Query   map[string]texts `json:"query"`
	Auth    jsontext.Value   `json:"auth"`
}

// texts is a string, or an array of several.
type texts []string

// MarshalJSON implements json.Marshaler.
func (t texts) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0], jsontext.AllowInvalidUTF8(true))
	}
	return json.Marshal([]string(t), jsontext.AllowInvalidUTF8(true))
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(data []byte) error {
	var one any
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*t = nil
	list, ok := one.([]any)
	if !ok {
		list = []any{one}
	}
	for _, v := range list {
		if s, ok := v.(string); ok {
			*t = append(*t, s)
		} else if v != nil {
			*t = append(*t, fmt.Sprint(v)) // A10.2
		}
	}
	return nil
}

// jsTime is how JavaScript writes a date.
const jsTime = "Mon Jan 02 2006 15:04:05 GMT-0700"

// portray describes the socket to other servers.
func (s *Socket) portray() adapter.Socket {
	h := s.Handshake()
	w := handshakeJSON{
		Headers: make(map[string]texts, len(h.Header)), Time: h.Time.UTC().Format(jsTime) + " (Coordinated Universal Time)",
		Address: h.Address, XDomain: h.CrossDomain, Secure: h.Secure, Issued: h.Time.UnixMilli(),
		Query: make(map[string]texts, len(h.Query)), Auth: s.publicAuth(),
	}
	if h.Host != "" {
		w.Headers["host"] = texts{h.Host}
	}
	for name, values := range h.Header {
		glue := ", "
		if name == "Cookie" {
			glue = "; "
		}
		w.Headers[strings.ToLower(name)] = texts{strings.Join(values, glue)}
	}
	for name, values := range h.Query {
		w.Query[name] = values
	}
	if h.URL != nil {
		w.URL = h.URL.RequestURI()
	}
	one := adapter.Socket{ID: s.id, Rooms: s.Rooms()}
	one.Handshake, _ = adapter.Args(w) // texts, and JSON that was checked
	one.Data = s.data()
	return one
}

// publicAuth returns what the client has sent, without what proves that it may return.
//
// JS differs: A10.8, the official adapters tell all of it.
func (s *Socket) publicAuth() jsontext.Value {
	raw := jsontext.Value(s.credentials().Raw())
	var members map[string]jsontext.Value
	if json.Unmarshal(raw, &members, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return jsontext.Value("{}")
	}
	_, secret := members["pid"]
	if secret && s.ns.server.cfg.Recovery != nil {
		delete(members, "pid")
		delete(members, "offset")
	}
	if clean, err := json.Marshal(members, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err == nil {
		return clean
	}
	return jsontext.Value("{}")
}

// data returns what is attached to the socket under strings, but for what has no JSON.
func (s *Socket) data() packet.Args {
	values := s.describe().Data
	encode := func() (args packet.Args, err error) {
		panicked := guard(func() error { args, err = s.ns.server.arguments([]any{values}); return nil })
		return args, errors.Join(err, panicked)
	}
	args, err := encode()
	if err == nil {
		return args
	}
	for name, v := range values {
		if guard(func() error { _, err := s.ns.server.arguments([]any{v}); return err }) != nil {
			delete(values, name)
		}
	}
	args, _ = encode()
	return args
}

// remote makes a RemoteSocket of what another server tells.
func (c *cluster) remote(s *adapter.Socket) RemoteSocket {
	r := RemoteSocket{ID: s.ID, Rooms: s.Rooms, Handshake: new(Handshake), ns: c.ns}
	if s.Data.Len() == 0 || c.ns.server.adopt(s.Data).Unmarshal(0, &r.Data) != nil || r.Data == nil {
		r.Data = make(map[string]any)
	}
	var w handshakeJSON
	if s.Handshake.Len() == 0 || s.Handshake.Unmarshal(0, &w) != nil {
		return r
	}
	h := r.Handshake
	h.Query, h.Header = make(url.Values, len(w.Query)), make(http.Header, len(w.Headers))
	for name, values := range w.Query {
		h.Query[name] = values
	}
	for name, values := range w.Headers {
		h.Header[http.CanonicalHeaderKey(name)] = values
	}
	h.Host = h.Header.Get("Host")
	h.Header.Del("Host") // as in net/http
	h.URL, _ = url.ParseRequestURI(w.URL)
	if h.URL == nil {
		h.URL = new(url.URL)
	}
	h.Address, h.Secure, h.CrossDomain, h.Time = w.Address, w.Secure, w.XDomain, time.UnixMilli(w.Issued)
	if len(w.Auth) > 0 && w.Auth.Kind() == '{' {
		list := append(append([]byte{'['}, w.Auth...), ']')
		if args, err := packet.NewArgs(list, nil, packet.Limits{}); err == nil {
			h.Auth = Auth{args}
		}
	}
	return r
}
