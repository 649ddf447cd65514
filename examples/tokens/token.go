// SPDX-License-Identifier: MIT

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// tokens makes and checks tokens: a user, a time, and a signature of both. They stand for
// those of a library, such as JWTs.
type tokens struct {
	key  []byte
	life time.Duration
}

func (t tokens) make(user string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(user)) + "." + strconv.FormatInt(time.Now().Add(t.life).UnixMilli(), 10)
	return text + "." + t.sign(text)
}

var errToken = errors.New("invalid or expired token")

// check returns whose token it is, and when it expires.
func (t tokens) check(token string) (user string, expires time.Time, err error) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !hmac.Equal([]byte(token[i+1:]), []byte(t.sign(token[:i]))) {
		return "", expires, errToken
	}
	name, due, _ := strings.Cut(token[:i], ".")
	bytes, _ := base64.RawURLEncoding.DecodeString(name) // signed, so well-formed
	ms, _ := strconv.ParseInt(due, 10, 64)
	if expires = time.UnixMilli(ms); time.Now().After(expires) {
		return "", expires, errToken
	}
	return string(bytes), expires, nil
}

func (t tokens) sign(text string) string {
	h := hmac.New(sha256.New, t.key)
	h.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
