// SPDX-License-Identifier: MIT

package forward

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// secret is what the servers of a cluster share.
type secret []byte

// What is signed begins with what it is for, so that none can be taken for another.
const (
	forTag     = "sio forward tag 1"
	forAddress = "sio forward address 1"
	forRequest = "sio forward request 1"
)

// sign returns the signature of lines, none of which has a line feed.
func (s secret) sign(lines ...string) []byte {
	mac := hmac.New(sha256.New, s)
	for _, line := range lines {
		_, _ = mac.Write([]byte(line)) // never fails
		_, _ = mac.Write([]byte{'\n'})
	}
	return mac.Sum(nil)
}

func (s secret) text(lines ...string) string {
	return base64.RawURLEncoding.EncodeToString(s.sign(lines...))
}

// A tag names a server within the ids of its sessions. It is signed, so that nobody can
// have servers ask each other for what does not exist.
const (
	tagRandom = 6 // bytes
	tagMAC    = 6
	tagLength = (tagRandom + tagMAC) / 3 * 4 // of base64
)

func (s secret) newTag() string {
	var raw [tagRandom + tagMAC]byte
	_, _ = rand.Read(raw[:tagRandom]) // never fails: see crypto/rand.Read
	return s.tag(raw)
}

func (s secret) tag(raw [tagRandom + tagMAC]byte) string {
	copy(raw[tagRandom:], s.sign(forTag, base64.RawURLEncoding.EncodeToString(raw[:tagRandom])))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func (s secret) isTag(tag string) bool {
	var raw [tagRandom + tagMAC]byte
	if len(tag) != tagLength {
		return false
	}
	if _, err := base64.RawURLEncoding.Decode(raw[:], []byte(tag)); err != nil {
		return false
	}
	return equal(s.tag(raw), tag)
}

// header says of a forwarded request where it came from: the time in seconds since
// 1970, the client's address, and the signature.
const header = "Sio-Forwarded"

// maxAge is how far the clocks of two servers may be apart.
const maxAge = 5 * time.Minute

func (s secret) signRequest(r *http.Request, remote string) string {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	return now + " " + remote + " " + s.text(forRequest, r.Method, r.URL.RequestURI(), now, remote)
}

// verifyRequest returns the address of the client, if another server has forwarded the request.
func (s secret) verifyRequest(r *http.Request) (remote string, ok bool) {
	now, rest, _ := strings.Cut(r.Header.Get(header), " ")
	last := max(strings.LastIndexByte(rest, ' '), 0) // the zone of an address may have spaces
	remote, signature := rest[:last], strings.TrimPrefix(rest[last:], " ")
	if !equal(signature, s.text(forRequest, r.Method, r.RequestURI, now, remote)) {
		return "", false
	}
	seconds, err := strconv.ParseInt(now, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > maxAge {
		return "", false
	}
	return remote, true
}

// equal compares in constant time.
func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
