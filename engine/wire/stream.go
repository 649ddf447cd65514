// SPDX-License-Identifier: MIT

package wire

import "encoding/binary"

// MaxStreamHeader is the size of the longest header of AppendStreamHeader, in bytes.
const MaxStreamHeader = 9

// AppendStreamHeader appends the header of a packet of n bytes on a WebTransport stream,
// which has no messages of its own (E7.3): a bit for binary, and a length of 7, 16 or 64
// bits. The content of the packet is that of a WebSocket message, as Append has it.
func AppendStreamHeader(dst []byte, n int, isBinary bool) []byte {
	kind := byte(0)
	if isBinary {
		kind = 0x80
	}
	switch {
	case n < 126:
		return append(dst, kind|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, kind|126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, kind|127), uint64(n))
}

// ParseStreamHeader parses the header that data begins with. size is the number of its
// own bytes, or 0 if data is too short to tell. n is the length of the packet; it is
// negative if it does not fit.
func ParseStreamHeader(data []byte) (size int, n int64, isBinary bool) {
	if len(data) == 0 {
		return 0, 0, false
	}
	isBinary = data[0]&0x80 != 0
	switch short := data[0] & 0x7f; {
	case short < 126:
		return 1, int64(short), isBinary
	case short == 126 && len(data) >= 3:
		return 3, int64(binary.BigEndian.Uint16(data[1:])), isBinary
	case short == 127 && len(data) >= MaxStreamHeader:
		return MaxStreamHeader, int64(binary.BigEndian.Uint64(data[1:])), isBinary
	}
	return 0, 0, isBinary
}
