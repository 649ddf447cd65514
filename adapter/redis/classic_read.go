// SPDX-License-Identifier: MIT

package redis

import (
	"errors"
	"strings"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

var (
	errMember  = errors.New("redis: member of the wrong kind or missing")
	errRequest = errors.New("redis: unknown type of request")
)

// parseBroadcast reads a broadcast. It returns nil if it is not for us.
func parseBroadcast(data []byte, nsp, self string) (*adapter.Message, error) {
	v := envelope.Sniff(data)
	if !v.IsList() {
		return nil, errMember
	}
	m := &adapter.Message{Type: adapter.Broadcast, Namespace: nsp}
	var parts [3]envelope.Value
	errSkip := errors.New("skip")
	err := v.Elements(func(i int, v envelope.Value) error {
		if i == 0 {
			if m.UID, _ = v.Text(); m.UID == self {
				return errSkip
			}
		}
		if i < len(parts) {
			parts[i] = v
		}
		return nil
	})
	switch {
	case errors.Is(err, errSkip):
		return nil, nil //nolint:nilnil // it is ours
	case err != nil:
		return nil, err
	case m.UID == "":
		return nil, errMember
	}
	named := "/" // A3.7
	err = parts[1].Members(func(name string, v envelope.Value) error {
		if name == "nsp" && !v.Absent() {
			named, _ = v.Text()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if named != nsp {
		return nil, nil //nolint:nilnil // another namespace
	}
	if m.Options, err = envelope.ParseOptions(parts[2]); err != nil {
		return nil, err
	}
	m.Args, err = envelope.ParsePacket(parts[1])
	return m, err
}

// request is what a request may have.
type request struct {
	kind                     int64
	uid, id, sid, room       string
	opts, packet, data       envelope.Value
	rooms                    []string
	hasOpts, close, extended bool
}

func readRequest(data []byte) (r request, err error) {
	r.kind = -1
	err = envelope.Sniff(data).Members(func(name string, v envelope.Value) (err error) {
		switch name {
		case "type":
			if n, ok := v.Int(); ok {
				r.kind = n
			}
		case "uid":
			r.uid, _ = v.Text()
		case "requestId":
			r.id, _ = v.Text()
		case "sid":
			r.sid, _ = v.Text()
		case "room":
			r.room, _ = v.Text()
		case "opts":
			r.opts, r.hasOpts = v, !v.Absent()
		case "packet":
			r.packet = v
		case "data":
			r.data = v
		case "rooms":
			r.rooms, err = v.List()
		case "close":
			r.close = v.True()
		case "extended":
			r.extended = v.True()
		}
		return err
	})
	return r, err
}

// Requests of old peers are answered in another form, which the id of the request tells when the
// answer is written. No id of a peer begins with a zero byte.
const (
	asIDs   = "\x00ids\x00"
	asRooms = "\x00rooms\x00"
	asDone  = "\x00done\x00"
)

// parseRequest reads a request: messages that are to be handled in turn.
func parseRequest(data []byte, nsp string) ([]*adapter.Message, error) {
	r, err := readRequest(data)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(r.id, "\x00") {
		return nil, errMember
	}
	m := &adapter.Message{UID: r.uid, Namespace: nsp, Rooms: r.rooms, Close: r.close}
	if m.UID == "" {
		m.UID = adapter.EmitterUID // A9.3
	}
	if r.hasOpts {
		if m.Options, err = envelope.ParseOptions(r.opts); err != nil {
			return nil, err
		}
	}
	ok := true
	switch r.kind {
	case requestSockets: // A3.9
		m.Type, m.Request, ok = adapter.FetchSockets, asIDs+r.id, r.id != ""
		m.Options, m.Rooms = adapter.Options{Rooms: r.rooms}, nil
	case requestRooms: // A3.10
		m.Type, m.Request, ok = adapter.FetchSockets, asRooms+r.id, r.id != ""
		m.Options = adapter.Options{}
	case requestJoin, requestLeave, requestDisconnect:
		m.Type = [...]adapter.Type{adapter.SocketsJoin, adapter.SocketsLeave, adapter.DisconnectSockets}[r.kind-requestJoin]
		if !r.hasOpts {
			return parseLegacy(m, &r)
		}
	case requestFetch:
		m.Type, m.Request, ok = adapter.FetchSockets, r.id, r.hasOpts && r.id != ""
	case requestServer:
		m.Type, m.Request = adapter.ServerSideEmit, r.id
		m.Args, err = envelope.ParseEvent(r.data)
	case requestBroadcast:
		m.Type, m.Request, m.Extended, ok = adapter.Broadcast, r.id, r.extended, r.hasOpts && r.id != ""
		m.Args, err = envelope.ParsePacket(r.packet)
	default:
		return nil, errRequest
	}
	if err == nil && !ok {
		err = errMember
	}
	if err != nil {
		return nil, err
	}
	return []*adapter.Message{m}, nil
}

// parseLegacy makes messages of a request for one socket. Whoever has the socket answers
// (A3.11 to A3.13, A10.5): he is asked for it first, as it may be gone after that.
func parseLegacy(m *adapter.Message, r *request) ([]*adapter.Message, error) {
	if r.sid == "" || m.Type != adapter.DisconnectSockets && r.room == "" {
		return nil, errMember
	}
	m.Options.Rooms = []string{r.sid}
	if m.Type != adapter.DisconnectSockets {
		m.Rooms = []string{r.room}
	}
	if r.id == "" {
		return []*adapter.Message{m}, nil
	}
	ask := &adapter.Message{Type: adapter.FetchSockets, UID: m.UID, Namespace: m.Namespace, Request: asDone + r.id, Options: m.Options}
	return []*adapter.Message{ask, m}, nil
}

// parseAnswer reads an answer: messages that are to be handled in turn, none if it is not for us.
func parseAnswer(data []byte, nsp string, asks *asks) ([]*adapter.Message, error) {
	m := &adapter.Message{Namespace: nsp}
	var sockets, packet, arg envelope.Value
	count := int64(-1)
	err := envelope.Sniff(data).Members(func(name string, v envelope.Value) error {
		switch name {
		case "requestId":
			m.Request, _ = v.Text()
		case "sockets":
			sockets = v
		case "packet":
			packet = v
		case "data":
			arg = v
		case "clientCount":
			if n, ok := v.Int(); ok {
				count = min(n, 1<<31-1)
			}
		case "sid":
			m.Socket, _ = v.Text()
		case "gone":
			m.Gone = v.True()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var known bool
	switch m.Type, known = asks.kind(m.Request); {
	case !known:
		return nil, nil // of another's request
	case m.Type == adapter.Broadcast && count >= 0:
		m.Type, m.Count = adapter.BroadcastClientCount, int(count)
	case m.Type == adapter.Broadcast:
		m.Type = adapter.BroadcastAck
		if !packet.Undefined() {
			m.Args, err = packet.Arg()
		}
	case m.Type == adapter.ServerSideEmit:
		m.Type = adapter.ServerSideEmitResponse
		if !arg.Undefined() {
			m.Args, err = arg.Arg()
		}
	default:
		m.Type = adapter.FetchSocketsResponse
		m.Sockets, err = envelope.ParseSockets(sockets)
	}
	if err != nil {
		return nil, err
	}
	return asks.name(m), nil
}
