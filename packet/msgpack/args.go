// SPDX-License-Identifier: MIT

package msgpack

import (
	"github.com/sio-go/sio/packet"
)

// AppendArg appends the MessagePack of the i-th argument, for formats other than that of
// Codec. It panics if there is no such argument.
func AppendArg(dst []byte, args packet.Args, i int) ([]byte, error) {
	return appendArgs(dst, args.Slice(i, i+1), 1)
}

// AppendArgs appends the MessagePack of all arguments, as an array.
func AppendArgs(dst []byte, args packet.Args) ([]byte, error) {
	return appendArgs(dst, args, 0)
}

// appendArgs leaves out so many brackets on each side.
func appendArgs(dst []byte, args packet.Args, skip int) ([]byte, error) {
	json, blobs, err := packet.AppendPayload(nil, &packet.Packet{Type: packet.Ack, HasID: true, Args: []any{args}})
	if err != nil {
		return dst, err
	}
	size := len(json)
	for _, b := range blobs {
		size += len(b)
	}
	if size > maxSize {
		return dst, errTooLong
	}
	return appendJSON(dst, json[skip:len(json)-skip], blobs), nil
}

// ReadArg reads a value as the only argument of Args, and returns what follows it. Values
// become what they become with Codec. The limits are those of Codec too; the error is a
// *packet.SyntaxError.
func ReadArg(data []byte, l packet.Limits) (args packet.Args, rest []byte, err error) {
	r := newReader(data, l)
	r.json = append(r.json, '[')
	if isUndefined(data) {
		r.i += 3
		r.json = append(r.json, "null"...)
	} else if err := r.value(); err != nil {
		return packet.Args{}, nil, err
	}
	r.json = append(r.json, ']')
	return r.args()
}

// ReadArgs reads an array as Args, and returns what follows it. See ReadArg.
func ReadArgs(data []byte, l packet.Limits) (args packet.Args, rest []byte, err error) {
	r := newReader(data, l)
	if formOf(data) != list {
		return packet.Args{}, nil, r.fail(msgPayload)
	}
	if err := r.value(); err != nil {
		return packet.Args{}, nil, err
	}
	return r.args()
}

func newReader(data []byte, l packet.Limits) *reader {
	if l.Attachments == 0 {
		l.Attachments = defaultAttachments
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	r := &reader{data: data, blobsLeft: l.Attachments, depth: l.Depth}
	if l.Attachments < 0 {
		r.blobsLeft = maxSize
	}
	return r
}

func (r *reader) args() (packet.Args, []byte, error) {
	args, err := packet.NewArgs(r.json, r.blobs, packet.Limits{Attachments: -1, Depth: defaultDepth + 2})
	return args, r.rest(), err
}
