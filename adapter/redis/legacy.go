// SPDX-License-Identifier: MIT

package redis

import (
	"slices"
	"strings"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// writeLegacy writes the answer to a request that was made a FetchSockets of. It reports whether
// m is such an answer, and whether there is something to send.
func writeLegacy(w *envelope.Writer, m *adapter.Message) (legacy, send bool) {
	if m.Type != adapter.FetchSocketsResponse || !strings.HasPrefix(m.Request, "\x00") {
		return false, false
	}
	var key string
	var list []string
	id, found := strings.CutPrefix(m.Request, asDone)
	if found {
		if len(m.Sockets) == 0 {
			return true, false // another has the socket
		}
		w.Object(1)
	} else {
		w.Object(2)
	}
	if rest, ok := strings.CutPrefix(m.Request, asIDs); ok {
		key, id = "sockets", rest
		for i := range m.Sockets {
			list = append(list, m.Sockets[i].ID)
		}
	}
	if rest, ok := strings.CutPrefix(m.Request, asRooms); ok {
		key, id = "rooms", rest
		for i := range m.Sockets {
			list = append(list, m.Sockets[i].Rooms...)
		}
		slices.Sort(list)
		list = slices.Compact(list)
	}
	w.Key("requestId")
	w.String(id)
	if key != "" {
		w.Key(key)
		w.Strings(list)
	}
	w.End()
	return true, true
}
