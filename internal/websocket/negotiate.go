// SPDX-License-Identifier: MIT

package websocket

import (
	"github.com/gobwas/httphead"
	"github.com/gobwas/ws/wsflate"
)

// Deflate says which compression a server agrees to (RFC 7692). All fields are used as
// they are.
type Deflate struct {
	Threshold       int  // size of a message from which on it is compressed, in bytes
	Level           int  // of compress/flate, 1 to 9; without meaning below the full window
	WindowBits      int  // base-2 logarithm of the largest window, 8 to 15
	ContextTakeover bool // messages may refer to earlier ones
}

// negotiation finds the first offer that can be accepted. See RFC 7692, section 7.1.
type negotiation struct {
	deflate *Deflate
	params  *Params // what was accepted
}

// option answers one offer. No offer ends the handshake: what is not understood, or
// cannot be done, is declined.
func (n *negotiation) option(offer httphead.Option) (answer httphead.Option) {
	d := n.deflate
	var want wsflate.Parameters
	if d == nil || n.params != nil || string(offer.Name) != wsflate.ExtensionName || !strict(offer) || want.Parse(offer) != nil {
		return answer
	}
	p := &Params{OutBits: min(d.WindowBits, maxBits), Threshold: d.Threshold, Level: d.Level}
	if want.ServerMaxWindowBits.Defined() {
		p.OutBits = min(p.OutBits, int(want.ServerMaxWindowBits))
	}
	// A writer with a smaller window knows no dictionaries.
	p.OutTakeover = d.ContextTakeover && !want.ServerNoContextTakeover && p.OutBits == maxBits
	p.InTakeover = d.ContextTakeover && !want.ClientNoContextTakeover
	reply := wsflate.Parameters{ServerNoContextTakeover: !p.OutTakeover, ClientNoContextTakeover: !p.InTakeover}
	if p.OutBits < maxBits || want.ServerMaxWindowBits.Defined() { // 7.1.2.1: what was asked for is repeated
		reply.ServerMaxWindowBits = wsflate.WindowBits(p.OutBits)
	}
	if want.ClientMaxWindowBits.Defined() && d.WindowBits < maxBits {
		bits := wsflate.WindowBits(d.WindowBits)
		if want.ClientMaxWindowBits >= 8 { // 1: the client left the value open
			bits = min(bits, want.ClientMaxWindowBits)
		}
		reply.ClientMaxWindowBits = bits
	}
	n.params = p
	return reply.Option()
}

// strict checks what wsflate does not: no parameter comes twice, and no number has
// leading zeros (RFC 7692, sections 7.1 and 7.1.2.1) or so many digits that it overflows.
func strict(offer httphead.Option) bool {
	seen := make(map[string]bool)
	ok := true
	offer.Parameters.ForEach(func(name, value []byte) bool {
		ok = ok && !seen[string(name)] && len(value) <= 2 && (len(value) == 0 || value[0] != '0')
		seen[string(name)] = true
		return ok && len(seen) <= 4 // there are only four
	})
	return ok
}
