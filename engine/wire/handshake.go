// SPDX-License-Identifier: MIT

package wire

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Handshake is the data of the Open packet, with which a server greets a client.
type Handshake struct {
	// SID is the id of the session.
	SID string `json:"sid"`
	// Upgrades are the transports to which the client may upgrade.
	Upgrades []string `json:"upgrades"`
	// PingInterval is the time between two pings, in milliseconds.
	PingInterval int `json:"pingInterval"`
	// PingTimeout is the time in which a ping must be answered, in milliseconds.
	PingTimeout int `json:"pingTimeout"`
	// MaxPayload is the greatest size of a payload that the server takes, in bytes.
	MaxPayload int64 `json:"maxPayload"`
}

// AppendHandshake appends the JSON of h and returns the extended buffer. The keys
// are in the order in which the official server has them, and upgrades is a list even
// if h.Upgrades is nil, because clients iterate over it.
func AppendHandshake(dst []byte, h Handshake) []byte {
	dst = append(dst, `{"sid":`...)
	dst = appendString(dst, h.SID)
	dst = append(dst, `,"upgrades":[`...)
	for i, name := range h.Upgrades {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, name)
	}
	dst = append(dst, `],"pingInterval":`...)
	dst = strconv.AppendInt(dst, int64(h.PingInterval), 10)
	dst = append(dst, `,"pingTimeout":`...)
	dst = strconv.AppendInt(dst, int64(h.PingTimeout), 10)
	dst = append(dst, `,"maxPayload":`...)
	dst = strconv.AppendInt(dst, h.MaxPayload, 10)
	return append(dst, '}')
}

// appendString appends s in quotes. What is not UTF-8 becomes U+FFFD; that is all its
// error would tell.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
