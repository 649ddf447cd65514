// SPDX-License-Identifier: MIT

package envelope

import (
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/packet"
)

// Parse returns the message. It keeps data, which must not be changed any more. If the
// namespace is missing it is "", and the caller knows it from the channel.
func Parse(data []byte) (*adapter.Message, error) {
	m := new(adapter.Message)
	var body Value
	err := Sniff(data).Members(func(name string, v Value) error {
		var ok bool
		switch name {
		case "type":
			var n int64
			if n, ok = v.Int(); ok {
				m.Type = typeOf(n)
			}
		case "uid":
			m.UID, ok = v.Text()
		case "nsp":
			m.Namespace, ok = v.Text()
			ok = ok || v.Absent()
		case "data":
			body, ok = v, true
		default:
			return nil
		}
		if !ok {
			return errMember
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, ParseData(m, body)
}

func typeOf(n int64) adapter.Type {
	if n < 0 || n > 255 {
		return 0
	}
	return adapter.Type(n)
}

// ParseData sets what the member data says in a message whose Type and UID are set.
func ParseData(m *adapter.Message, data Value) error {
	if !m.Type.Valid() {
		return errType
	}
	if m.UID == "" {
		return errSender
	}
	if !hasData(m.Type) {
		return nil
	}
	var body Value // packet
	var opts, rooms bool
	err := data.Members(func(name string, v Value) (err error) {
		ok := true
		switch name {
		case "requestId":
			m.Request, ok = v.Text()
			ok = ok || v.Absent()
		case "packet":
			body = v
		case "opts":
			opts = true
			m.Options, err = ParseOptions(v)
		case "rooms":
			rooms = true
			m.Rooms, err = v.List()
		case "close":
			m.Close = v.True()
		case "clientCount":
			var n int64
			n, ok = v.Int()
			ok = ok && n >= 0
			m.Count = int(min(n, 1<<31-1))
		case "sockets":
			m.Sockets, err = ParseSockets(v)
		case "extended":
			m.Extended = v.True()
		case "sid":
			m.Socket, ok = v.Text()
		case "gone":
			m.Gone = v.True()
		}
		if !ok {
			return errMember
		}
		return err
	})
	if err != nil {
		return err
	}
	switch m.Type {
	case adapter.Broadcast:
		m.Args, err = ParsePacket(body)
	case adapter.ServerSideEmit:
		m.Args, err = ParseEvent(body)
	case adapter.ServerSideEmitResponse, adapter.BroadcastAck:
		if !body.Undefined() {
			m.Args, err = body.Arg()
		}
	default:
	}
	if err != nil {
		return err
	}
	return complete(m, opts, rooms)
}

// complete reports whether what the type needs is there.
func complete(m *adapter.Message, opts, rooms bool) error {
	var ok bool
	switch m.Type {
	case adapter.Broadcast, adapter.DisconnectSockets:
		ok = opts
	case adapter.SocketsJoin, adapter.SocketsLeave:
		ok = opts && rooms
	case adapter.FetchSockets:
		ok = opts && m.Request != ""
	default:
		ok = !m.Type.Response() || m.Request != ""
	}
	if !ok {
		return errMissing
	}
	return nil
}

// ParseOptions reads "opts".
func ParseOptions(v Value) (o adapter.Options, err error) {
	err = v.Members(func(name string, v Value) (err error) {
		switch name {
		case "rooms":
			o.Rooms, err = v.List()
		case "except":
			o.Except, err = v.List()
		case "flags":
			if v.IsObject() { // classic emitters may leave it out
				err = ParseFlags(v, &o)
			}
		}
		return err
	})
	return o, err
}

// ParseFlags reads the flags alone.
func ParseFlags(v Value, o *adapter.Options) error {
	return v.Members(func(name string, v Value) error {
		switch name {
		case "volatile":
			o.Volatile = v.True()
		case "compress":
			o.Plain = !v.True() && !v.Absent()
		case "timeout":
			if ms, ok := v.Number(); ok && ms > 0 {
				o.Timeout = time.Duration(min(ms, maxTimeout) * float64(time.Millisecond))
			}
		case "expectSingleResponse":
			o.Single = v.True()
		}
		return nil
	})
}

// maxTimeout is the longest time that Node's setTimeout takes, in ms.
const maxTimeout = 1<<31 - 1

// ParsePacket reads the packet of a Broadcast: an event, with its name first.
func ParsePacket(v Value) (args packet.Args, err error) {
	kind := int64(-1)
	var data Value
	err = v.Members(func(name string, v Value) error {
		switch name {
		case "type":
			kind, _ = v.Int()
		case "data":
			data = v
		}
		return nil
	})
	if err != nil {
		return packet.Args{}, err
	}
	if kind != int64(packet.Event) && kind != int64(packet.BinaryEvent) {
		return packet.Args{}, errMember
	}
	return ParseEvent(data)
}

// ParseEvent reads an array that begins with the name of an event.
func ParseEvent(v Value) (packet.Args, error) {
	args, err := v.Args()
	if err == nil {
		_, err = Event(args)
	}
	return args, err
}

// Event returns the name of the event that Args begin with: a string, or a number (P2.23).
func Event(args packet.Args) (string, error) {
	raw, ok := args.Raw(0)
	if !ok {
		return "", errMissing
	}
	name, ok := JSON(raw).Text()
	if !ok {
		return "", errMember
	}
	return name, nil
}

// ParseSockets reads the sockets of a FetchSocketsResponse.
func ParseSockets(v Value) ([]adapter.Socket, error) {
	var list []adapter.Socket
	err := v.Elements(func(_ int, v Value) error {
		var s adapter.Socket
		err := v.Members(func(name string, v Value) (err error) {
			switch name {
			case "id":
				s.ID, _ = v.Text()
			case "rooms":
				s.Rooms, err = v.List()
			case "handshake":
				s.Handshake, err = v.Arg()
			case "data":
				s.Data, err = v.Arg()
			}
			return err
		})
		if err == nil && s.ID == "" {
			err = errMissing
		}
		list = append(list, s)
		return err
	})
	return list, err
}
