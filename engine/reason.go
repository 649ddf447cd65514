// SPDX-License-Identifier: MIT

package engine

// Reason says why a session ended. The texts are those of the official server
// (E10.2), so that logs and dashboards of mixed fleets agree.
type Reason string

// The reasons of a session's end.
const (
	// ReasonPingTimeout: the peer did not answer a ping in time.
	ReasonPingTimeout Reason = "ping timeout"
	// ReasonTransportError: the peer broke a rule of the transport, or I/O failed.
	ReasonTransportError Reason = "transport error"
	// ReasonTransportClose: the peer closed the connection.
	ReasonTransportClose Reason = "transport close"
	// ReasonParseError: the peer sent something that is no Engine.IO packet.
	ReasonParseError Reason = "parse error"
	// ReasonForcedClose: this side closed the session.
	ReasonForcedClose Reason = "forced close"
	// ReasonSlowConsumer: the peer took less than it was sent, and what waits for it has
	// reached the limit of the outbox. The official server has no limit.
	ReasonSlowConsumer Reason = "slow consumer"
	// ReasonFlood: the peer sent faster than Config.Flood allows.
	ReasonFlood Reason = "flood"
)
