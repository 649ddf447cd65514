// SPDX-License-Identifier: MIT

package adapter

import "github.com/sio-go/sio/packet"

// Args encodes values as the arguments of a Message: as packet.Append does, so that a
// []byte at any depth is binary data. The error is a *packet.ArgError.
func Args(values ...any) (packet.Args, error) {
	list, attachments, err := packet.AppendPayload(nil, &packet.Packet{Type: packet.Ack, HasID: true, Args: values})
	if err != nil {
		return packet.Args{}, err
	}
	return packet.NewArgs(list, attachments, unlimited)
}

// unlimited is for what this program has encoded.
var unlimited = packet.Limits{Attachments: -1, Depth: 1 << 20}
