// SPDX-License-Identifier: MIT

package adapter

import (
	"context"
	"time"

	"github.com/sio-go/sio/packet"
)

// Bus connects the servers of a cluster by way of a backend, such as Redis. It belongs to
// one server, which closes it. It supplies the transport and nothing else: who is there,
// who has to answer, and what a message does is the business of this package.
//
// All methods of a Bus and of its Links may be called concurrently, and none but those with
// a context waits for I/O. When the backend is lost, a Bus connects to it again, for as long as
// it takes, and tells the Receivers (Fail, then Up).
type Bus interface {
	// Join makes the server take part in a namespace. It begins to subscribe and does not
	// wait for it: Receiver.Up tells when that is done. It does not fail because the
	// backend is not there; an error says that the namespace cannot be joined at all. The
	// Receiver may be called before Join has returned, but not by the goroutine that is in it.
	//
	// A namespace may be joined again while a former Link to it is about to leave. The
	// two have different UIDs, and a message is handed to both.
	Join(p Peer) (Link, error)

	// Close leaves what is still joined, sends what is queued for as long as a second or
	// so, and ends all connections and goroutines. Receivers are not called when it has
	// returned. Further calls do nothing.
	Close() error
}

// Peer is this server's part in a namespace.
type Peer struct {
	Namespace string // starts with a slash
	UID       string // of the messages that are sent
	Receiver  Receiver
}

// Receiver is what a Bus tells what comes. Its methods do not wait, may be called
// concurrently, and must not be called with a lock held that Link's methods take.
//
// Messages of one sender are handed over in the order in which it has published them, so
// one goroutine for each connection or subscription should call Receive.
type Receiver interface {
	// Receive takes a message. It ignores messages of its own UID, and those of the types
	// that ask for nothing. The Bus must set Namespace, and need not copy m.
	Receive(m *Message)

	// Up says that the subscription is complete: what is published from now on arrives.
	// It is called again when the subscription is complete again after it was lost.
	Up()

	// Fail tells of something that went wrong and that is nobody's return value:
	//   - a *MalformedError: something was received that is no message;
	//   - a *LostError: messages that Publish had accepted were not sent;
	//   - any other: trouble with the backend.
	// All are counted, and logged with a limit.
	Fail(err error)
}

// Link is a namespace that was joined. It may implement Counter, Router and Log.
//
// Messages are queued, within a limit of the Bus. A Link must not change the Message, but
// may keep it.
type Link interface {
	// Publish sends m to all other nodes of the namespace. What one goroutine publishes
	// is sent in this order. ErrQueueFull means that m was dropped, ErrClosed that the link
	// has left; other errors say that m cannot be sent at all, for example because the
	// backend cannot carry messages so long.
	Publish(m *Message) error

	// Reply sends m, whose type is a response, to the node with the UID to. It may be
	// sent to all, who then ignore it.
	Reply(to string, m *Message) error

	// Leave ends the subscription. What was queued is still sent. Receiver is not called
	// when it has returned, unless a call is going on. Further calls do nothing.
	Leave() error
}

// Counter is implemented by Links of backends that know how many nodes listen. Then there
// are no heartbeats.
type Counter interface {
	// Count returns the number of nodes that take part in the namespace, this one included.
	Count(ctx context.Context) (int, error)
}

// Router is implemented by Links that need not receive broadcasts to rooms that no
// socket of this node is in.
//
// Rooms are told of in pairs: on, later off, and each call comes after the one before has
// returned. Unless Private says so, a socket's own room, that of its id, is not told of if
// its name is 20 characters long: broadcasts to a single room with such a name must be received
// always (A4.4).
type Router interface {
	// Route says whether broadcasts to the room are wanted. It does not wait.
	Route(room string, on bool)

	// Private reports whether it is told of the own rooms of all sockets, too, and
	// broadcasts to them need not be received otherwise. The answer does not change.
	Private() bool
}

// Log is implemented by Links of backends that keep broadcasts and sessions, so that
// clients can return to any node (behaviour.md, section 3.8). It is used if recovery is
// turned on; otherwise broadcasts are published.
//
// A position, or offset, is one or more decimal numbers joined by dashes, such as "17" or
// "1700000000000-3": see CompareOffsets. Later broadcasts have greater ones. Each node gets the
// broadcasts of a namespace in this order, and all of them if the Link is no Router; if it has
// missed one, it is told by Fail.
type Log interface {
	// Append publishes a Broadcast that has no Request, and keeps it. It does not wait: done
	// is called once, with the message's position, or with an error and "" if it was not
	// kept, or if that is not known. It may be called before Append returns.
	//
	// done and Receive are called in the order of the log: a node learns of its own broadcasts
	// in between those of others. (Whoever reads the log finds them there. An answer to
	// the request that appends may come too early.) Otherwise a client whose last event is
	// the later one would miss the earlier one when it returns. done with an error is called
	// in the order of the calls of Append.
	Append(m *Message, done func(offset string, err error))

	// Save keeps a session for a while. It does not wait. What was saved before under the
	// same PID is replaced. It is called while a server shuts down, too: what is queued
	// then is among what Bus.Close sends.
	Save(s *Session, keep time.Duration) error

	// Take returns a session and removes it, so that it is taken once. The error is
	// ErrNoSession if there is none, or if the log does not have the message at offset.
	Take(ctx context.Context, pid, offset string) (*Session, error)

	// Since calls yield for the Broadcasts of the namespace that come behind offset, in order,
	// with Offset set, until it returns false. Those that were handed to a Receiver, or to
	// done, before Since was called are among them. The error is ErrNoSession if the log
	// does not reach back to offset any more.
	Since(ctx context.Context, offset string, yield func(m *Message) bool) error
}

// Session is a socket whose client may return.
type Session struct {
	ID, PID string
	Rooms   []string    // its own included
	Data    packet.Args // one argument, as in Socket
}
