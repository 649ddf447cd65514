// SPDX-License-Identifier: MIT

// Package msgpack is a codec of Socket.IO packets for clients that use
// socket.io-msgpack-parser: each packet is one binary message, a MessagePack map of
// "type", "data", "id" and "nsp". Binary data is within the map.
//
// It is used with sio.Config.Codec. Go values are encoded and decoded as with the default
// codec, by package json, so that handlers do not see the difference:
//
//   - Encoding makes MessagePack of the JSON that package packet makes of the arguments,
//     in the forms that notepack.io 2.2 chooses: integers as short as possible, other
//     numbers as 64-bit floats, a []byte as bin. Integers that do not fit into 64 bits
//     become floats. A time.Time is a string, as it is in JSON.
//   - Decoding makes JSON of MessagePack, as JSON.stringify would of what notepack.io
//     decodes: NaN and infinity become null, a date becomes a string such as
//     "2006-01-02T15:04:05.999Z", undefined becomes null in an array and is left out of
//     an object. All binary data, ArrayBuffers included, becomes attachments. An
//     extension of an unknown type is an array of the type and the data. Integers
//     are exact, also beyond 2^53.
//
// Row ids such as X1.4 in comments name the behaviour of the official parser.
package msgpack

import (
	"github.com/go-json-experiment/json"
	"github.com/tinylib/msgp/msgp"

	"github.com/sio-go/sio/packet"
)

// Codec implements packet.Codec. The zero value is ready to use.
//
// Of packet.Limits it takes Depth as it is. Attachments is the number of binary values in
// a packet, where 0 means 1,000: the official parser has no limit, but two bytes
// of input are enough for a binary value.
type Codec struct{ json packet.JSON }

var _ packet.Codec = Codec{}

// New returns a codec with options for package json, which apply to Go values as those
// of packet.NewJSON do.
func New(opts ...json.Options) Codec { return Codec{packet.NewJSON(opts...)} }

const (
	defaultDepth       = 1000
	defaultAttachments = 1000
)

// Append implements packet.Codec. The text is always nil, and there is one attachment. The
// errors are those of packet.Append.
func (c Codec) Append(dst []byte, p *packet.Packet) (text []byte, attachments [][]byte, err error) {
	json, blobs, err := c.json.AppendPayload(dst, p)
	if err != nil {
		return nil, nil, err
	}
	json = json[len(dst):]
	nsp := p.Namespace
	if nsp == "" {
		nsp = "/"
	}
	hasID := p.HasID && (p.Type == packet.Event || p.Type == packet.Ack)
	members, size := uint32(2), len(json)+len(nsp)+40
	if len(json) > 0 {
		members++
	}
	if hasID {
		members++
	}
	for _, b := range blobs {
		size += len(b)
	}
	if size > maxSize {
		return nil, nil, errTooLong
	}
	// X1.3: the order of the members is the official one.
	data := msgp.AppendMapHeader(make([]byte, 0, size), members)
	data = msgp.AppendString(data, "type")
	data = msgp.AppendUint64(data, uint64(p.Type))
	if len(json) > 0 {
		data = msgp.AppendString(data, "data")
		data = appendJSON(data, json, blobs)
	}
	if hasID {
		data = msgp.AppendString(data, "id")
		data = msgp.AppendUint64(data, p.ID)
	}
	data = msgp.AppendString(data, "nsp")
	data = msgp.AppendString(data, nsp)
	return nil, [][]byte{data}, nil
}

// AppendPayload is packet.AppendPayload with the options of the codec.
func (c Codec) AppendPayload(dst []byte, p *packet.Packet) (json []byte, attachments [][]byte, err error) {
	return c.json.AppendPayload(dst, p)
}

// NewArgs is packet.NewArgs. What it returns has the options of the codec.
func (c Codec) NewArgs(list []byte, attachments [][]byte, l packet.Limits) (packet.Args, error) {
	return c.json.NewArgs(list, attachments, l)
}

// NewDecoder implements packet.Codec.
func (c Codec) NewDecoder(l packet.Limits) packet.MessageDecoder {
	if l.Attachments == 0 {
		l.Attachments = defaultAttachments
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	return &decoder{limits: l, json: c.json}
}
