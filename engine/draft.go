// SPDX-License-Identifier: MIT

package engine

import (
	"math/bits"
	"sync"

	"github.com/sio-go/sio/engine/wire"
)

// Messages of NewDraft are kept by the size of their buffers, so that none is much larger
// than what is in it: an outbox counts what its messages say and not what they hold.
const (
	minDraft     = 7 // log2 of the smallest buffer
	maxDraft     = 16
	draftClasses = maxDraft - minDraft + 1
)

var drafts [draftClasses]sync.Pool

// NewDraft returns a message in the making, with room for sizeHint bytes of text. Append to
// its Buffer, and call Finish. It may be given to one Session.Send, and to nothing else:
// that uses its memory again when the message has left.
func NewDraft(sizeHint int) *Message {
	class := max(bits.Len(uint(textStart+sizeHint-1)), minDraft) - minDraft //nolint:gosec // not negative
	if class >= draftClasses {
		return &Message{buf: NewBuffer(sizeHint), draft: true}
	}
	m, ok := drafts[class].Get().(*Message)
	if !ok {
		m = &Message{buf: make([]byte, 1<<(class+minDraft)), draft: true}
	}
	m.buf = m.buf[:textStart]
	return m
}

// Buffer returns the buffer to append the packet's text to.
func (m *Message) Buffer() []byte { return m.buf }

// Finish makes m the message of NewMessage. buf is what Buffer returned, appended to. It
// returns m.
func (m *Message) Finish(buf []byte, attachments [][]byte) *Message {
	m.seal(wire.Message, buf)
	m.attach(attachments)
	return m
}

// Discard takes back a draft that is not sent, or has been. For other messages it does nothing.
func (m *Message) Discard() {
	if !m.draft {
		return
	}
	class := bits.Len(uint(cap(m.buf))) - 1 - minDraft
	if class < 0 || class >= draftClasses {
		return
	}
	poison(m.buf)
	m.attachments, m.size, m.start, m.plain, m.last = nil, 0, 0, false, false
	m.packed.Store(nil)
	drafts[class].Put(m)
}
