// SPDX-License-Identifier: MIT

package sio

import (
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// What is different for clients of Socket.IO 2, which speak revision 3 of Engine.IO
// and are admitted by Config.Engine.AllowEIO3 (P4.1 to P4.7). Their packets are those of
// the current protocol but for CONNECT and CONNECT_ERROR.

// legacy reports whether the client is one of Socket.IO 2.
func (c *conn) legacy() bool { return c.session.Protocol() == 3 }

// welcome joins a client of Socket.IO 2 to "/", for which it does not ask (P4.1).
// Nothing has been received yet: this is done in the place of the reader.
func (c *conn) welcome() {
	c.connect(&packet.Received{Type: packet.Connect, Namespace: "/"})
	c.ReceiveEnd()
}

// early reports whether p, which came before the client was told that it is connected,
// is taken nevertheless: an event that a client of Socket.IO 2 sends to "/" as soon as the
// connection is open. It waits until the middlewares have let the client in.
//
// JS differs: P4.1, the official server takes such an event only if no middleware waits
// for anything.
func (s *Socket) early(p *packet.Received) bool {
	return p.Type == packet.Event && p.Namespace == "/" && s.conn.legacy()
}

// socketID returns the id of a new socket. That of a client of Socket.IO 2 must be what
// the client makes of the session's id by itself, because it is not told (P4.2).
func (c *conn) socketID(nsp string) string {
	switch {
	case !c.legacy():
		return engine.NewID()
	case nsp == "/":
		return c.session.ID()
	}
	return nsp + "#" + c.session.ID()
}

// translate makes a packet of a client of Socket.IO 2 one of the current protocol. Its
// namespace is a URL; the query of a CONNECT takes the place of the auth object (P4.3).
//
// JS differs: P4.3, the official server also escapes the path, so that such clients
// cannot join a namespace that has a space or a quote in its name.
func translate(p *packet.Received) {
	name, _, _ := strings.Cut(p.Namespace, "#")
	name, query, _ := strings.Cut(name, "?")
	p.Namespace = name
	if p.Type == packet.Connect {
		p.Args = queryArgs(query)
	}
}

// maxParams is the number of query parameters that Node.js looks at.
const maxParams = 1000

// lenient writes JSON as package packet does.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), json.Deterministic(true))

// queryArgs returns the object that Node.js makes of a query: strings, and arrays of
// strings for names that occur more than once.
func queryArgs(query string) packet.Args {
	params := make(map[string]any)
	n := 0
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxParams {
			break
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		switch old := params[name].(type) {
		case nil:
			params[name] = value
		case string:
			params[name] = []string{old, value}
		case []string:
			params[name] = append(old, value)
		}
	}
	if len(params) == 0 {
		return packet.Args{}
	}
	text, err := json.Marshal(params, lenient)
	if err != nil {
		return packet.Args{} // cannot happen: these are strings
	}
	var d packet.Decoder
	p, _, _ := d.Add(append([]byte{'0'}, text...), false)
	return p.Args
}

// unescape decodes a name or value of a query; what is not well-formed stays as it is.
func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}

// refuseLegacy answers a client of Socket.IO 2 that a middleware refused. It gets the
// data, or the message if data is what JavaScript takes for false (P4.4).
func (c *conn) refuseLegacy(nsp, message string, data any) {
	var answer []byte
	err := guard(func() (err error) { answer, err = json.Marshal(data, lenient); return err })
	if err != nil {
		c.logRefusal(nsp, err)
	}
	switch string(answer) {
	case "", "null", "false", "0", "-0", `""`:
		answer, _ = json.Marshal(message, lenient)
	}
	p := packet.Packet{Type: packet.ConnectError, Namespace: nsp}
	if c.server.cfg.Codec != nil {
		c.refuseCustom(&p, answer, message)
		return
	}
	if text, _, err := packet.Append(engine.NewBuffer(textHint), &p); err == nil {
		_ = c.session.Send(engine.NewMessage(append(text, answer...), nil), engine.SendOptions{}) // the client may have gone
	}
}
