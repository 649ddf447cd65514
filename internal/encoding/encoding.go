// SPDX-License-Identifier: MIT

// Package encoding compresses the bodies of HTTP responses (E3.14, S2.5).
package encoding

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Coding is a content coding of HTTP (RFC 9110, section 8.4.1). It is safe for concurrent
// use.
type Coding struct {
	name     string
	listed   bool // "*" does not stand for it
	encoders sync.Pool
}

// codings are those known, the best first (E3.14): it is taken if the client likes
// several equally well. The "deflate" of HTTP is the zlib format.
//
// JS differs: E3.14, the official server knows no zstd. Neither knows brotli: clients
// that do know gzip as well, and all it would save is a few bytes.
var codings = [...]*Coding{
	{name: "zstd", listed: true, encoders: sync.Pool{New: newZstd}},
	{name: "gzip", encoders: sync.Pool{New: newGzip}},
	{name: "deflate", encoders: sync.Pool{New: newDeflate}},
}

// encoder compresses one body at a time. None of the compressors starts a goroutine
// or uses a channel that would keep it in one synctest bubble.
type encoder struct {
	compressor interface {
		io.WriteCloser
		Reset(w io.Writer)
	}
	dst []byte
}

// The levels and options below are valid: there is no error.

func newGzip() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return &encoder{compressor: w}
}

func newDeflate() any {
	w, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed)
	return &encoder{compressor: w}
}

func newZstd() any {
	w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstdWindow),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	return &encoder{compressor: w}
}

// zstdWindow bounds the memory of an encoder, and of the client's decoder.
const zstdWindow = 64 << 10

// Name returns the name that header fields have for it.
func (c *Coding) Name() string { return c.name }

// Append appends src, compressed, to dst.
func (c *Coding) Append(dst, src []byte) []byte {
	e := c.encoders.Get().(*encoder)
	e.dst = dst
	e.compressor.Reset(e)
	_, _ = e.compressor.Write(src) // nothing can fail: Write below does not
	_ = e.compressor.Close()
	dst, e.dst = e.dst, nil
	c.encoders.Put(e)
	return dst
}

// Write takes what the compressor writes.
func (e *encoder) Write(p []byte) (int, error) {
	e.dst = append(e.dst, p...)
	return len(p), nil
}

// Accepted returns the coding that the fields of an Accept-Encoding header prefer, or
// nil for none (RFC 9110, section 12.5.3). The server's preference decides between
// those of the same weight.
func Accepted(fields []string) *Coding {
	const unset = -1
	weights := [len(codings)]int{unset, unset, unset}
	others, identity := 0, 0
	for _, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			name = strings.TrimSpace(name)
			q := quality(parameters)
			switch {
			case name == "*":
				others = q
			case strings.EqualFold(name, "identity"):
				identity = q
			}
			for i, c := range codings {
				if strings.EqualFold(name, c.name) {
					weights[i] = q
				}
			}
		}
	}
	var best *Coding
	most := 0
	for i, c := range codings {
		if weights[i] == unset && !c.listed {
			weights[i] = others
		}
		if weights[i] > most {
			best, most = c, weights[i]
		}
	}
	if identity > most {
		return nil
	}
	return best
}

// quality returns the value of the parameter q in thousandths: 1000 without one, 0 if
// it is malformed.
func quality(parameters string) int {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 32)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return int(q * 1000)
	}
	return 1000
}
