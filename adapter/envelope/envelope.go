// SPDX-License-Identifier: MIT

// Package envelope has the wire formats that the official adapters share, for the buses of
// package adapter: a message is an object {type, data, uid, nsp}, in JSON if it has no
// binary data and else in MessagePack (behaviour.md, section 4.2).
//
// Append and Parse are for those who send the whole object, AppendData and ParseData for
// those who send the members of it apart, as Redis Streams do. Value and Writer are what
// other formats can be made with that are built of the same parts, as that of the classic
// Redis adapter.
//
// What is read may come from anybody: other versions, other programs. Anything that is
// not a message is an error, extra members are ignored, numbers are taken for strings
// where Node's users have them, and "nsp" may be missing (A10.2 to A10.4).
package envelope

import (
	"errors"

	"github.com/sio-go/sio/adapter"
)

// Append appends the message: as JSON, or as MessagePack if it has binary data.
func Append(dst []byte, m *adapter.Message) ([]byte, error) {
	if m.Binary() {
		return AppendPacked(dst, m)
	}
	return AppendJSON(dst, m)
}

// AppendJSON appends the message as JSON. The error is ErrBinary if it has binary data.
func AppendJSON(dst []byte, m *adapter.Message) ([]byte, error) { return appendAll(dst, m, false) }

// AppendPacked appends the message as MessagePack.
func AppendPacked(dst []byte, m *adapter.Message) ([]byte, error) { return appendAll(dst, m, true) }

func appendAll(dst []byte, m *adapter.Message, packed bool) ([]byte, error) {
	w := NewWriter(dst, packed)
	data := hasData(m.Type)
	n := 3
	if data {
		n++
	}
	// The order of the members is the official one.
	w.Object(n)
	w.Key("type")
	w.Int(int64(m.Type))
	if data {
		w.Key("data")
		w.Data(m)
	}
	w.Key("uid")
	w.String(m.UID)
	w.Key("nsp")
	w.String(m.Namespace)
	w.End()
	out, err := w.Bytes()
	if err != nil {
		return dst, err
	}
	return out, nil
}

// AppendData appends the member data alone, as JSON or as MessagePack, and nothing for
// types that have none.
func AppendData(dst []byte, m *adapter.Message, packed bool) ([]byte, error) {
	if !hasData(m.Type) {
		return dst, nil
	}
	w := NewWriter(dst, packed)
	w.Data(m)
	out, err := w.Bytes()
	if err != nil {
		return dst, err
	}
	return out, nil
}

func hasData(t adapter.Type) bool {
	switch t {
	case adapter.InitialHeartbeat, adapter.Heartbeat, adapter.Close:
		return false
	default:
		return true
	}
}

// Data writes the member data.
func (w *Writer) Data(m *adapter.Message) {
	request := func() {
		w.Key("requestId")
		w.String(m.Request)
	}
	more := 0
	if m.Request != "" {
		more++
	}
	switch m.Type {
	case adapter.Broadcast:
		if m.Extended {
			more++
		}
		w.Object(2 + more)
		w.Key("packet")
		w.Packet(m.Args, "")
		w.Key("opts")
		w.Options(m.Options)
		if m.Request != "" {
			request()
		}
		if m.Extended {
			w.Key("extended")
			w.Bool(true)
		}
	case adapter.SocketsJoin, adapter.SocketsLeave:
		w.Object(2)
		w.Key("opts")
		w.Options(m.Options)
		w.Key("rooms")
		w.Strings(m.Rooms)
	case adapter.DisconnectSockets:
		w.Object(2)
		w.Key("opts")
		w.Options(m.Options)
		w.Key("close")
		w.Bool(m.Close)
	case adapter.FetchSockets:
		w.Object(2)
		w.Key("opts")
		w.Options(m.Options)
		request()
	case adapter.FetchSocketsResponse:
		w.Object(2)
		request()
		w.Key("sockets")
		w.Sockets(m.Sockets)
	case adapter.ServerSideEmit:
		w.Object(1 + more)
		w.Key("packet")
		w.Args(m.Args)
		if m.Request != "" {
			request()
		}
	case adapter.BroadcastClientCount:
		w.Object(2)
		request()
		w.Key("clientCount")
		w.Int(int64(m.Count))
	case adapter.ServerSideEmitResponse, adapter.BroadcastAck:
		w.answer(m)
	default:
		w.fail(errType)
	}
	if w.err == nil {
		w.End()
	}
}

// answer writes the data of an answer of a server or a client, which has its packet left
// out if there is no argument, as JSON.stringify does with undefined.
func (w *Writer) answer(m *adapter.Message) {
	n := 1
	for _, on := range []bool{m.Args.Len() > 0, m.Socket != "", m.Gone} {
		if on {
			n++
		}
	}
	w.Object(n)
	w.Key("requestId")
	w.String(m.Request)
	if m.Args.Len() > 0 {
		w.Key("packet")
		w.Arg(m.Args, 0)
	}
	if m.Socket != "" {
		w.Key("sid")
		w.String(m.Socket)
	}
	if m.Gone {
		w.Key("gone")
		w.Bool(true)
	}
}

var (
	errType    = errors.New("envelope: unknown type")
	errSender  = errors.New("envelope: no sender")
	errMember  = errors.New("envelope: member of the wrong kind")
	errMissing = errors.New("envelope: member is missing")
)
