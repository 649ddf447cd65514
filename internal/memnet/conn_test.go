// SPDX-License-Identifier: MIT

package memnet_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

const bufferLen = 64 << 10

// read reads once, at most n bytes.
func read(c io.Reader, n int) (string, error) {
	p := make([]byte, n)
	n, err := c.Read(p)
	return string(p[:n]), err
}

func TestAfterClose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		end    func(a, b *memnet.Conn) error // "hello" is on its way from a to b
		call   func(a, b *memnet.Conn) error
		target error
	}{
		{"peer reads to the end", closeA, func(_, b *memnet.Conn) error {
			data, err := io.ReadAll(b)
			if string(data) != "hello" {
				return errors.New("got " + string(data))
			}
			return err
		}, nil},
		{"peer writes", closeA, func(_, b *memnet.Conn) error { return write(b, 1) }, syscall.EPIPE},
		{"own read", closeB, func(_, b *memnet.Conn) error { _, err := read(b, 9); return err }, net.ErrClosed},
		{"own write", closeA, func(a, _ *memnet.Conn) error { return write(a, 1) }, net.ErrClosed},
		{"own deadline", closeA, func(a, _ *memnet.Conn) error { return a.SetDeadline(time.Time{}) }, net.ErrClosed},
		{"second close", closeA, func(a, _ *memnet.Conn) error { return a.Close() }, net.ErrClosed},
		{"close write late", closeA, func(a, _ *memnet.Conn) error { return a.CloseWrite() }, net.ErrClosed},
		{"both close", closeA, func(_, b *memnet.Conn) error { return b.Close() }, nil},
		{"half: own write", halfA, func(a, _ *memnet.Conn) error { return write(a, 1) }, syscall.EPIPE},
		{"half: peer reads to the end", halfA, func(_, b *memnet.Conn) error { _, err := io.ReadAll(b); return err }, nil},
		{"half: peer writes", halfA, func(a, b *memnet.Conn) error {
			if err := write(b, 3); err != nil {
				return err
			}
			_, err := read(a, 3)
			return err
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := memnet.Pipe()
			_, err := a.Write([]byte("hello"))
			assert.NoError(t, err)
			assert.NoError(t, tt.end(a, b))
			err = tt.call(a, b)
			if tt.target == nil {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, tt.target)
			var op *net.OpError
			assert.True(t, errors.As(err, &op), "%T is no net.OpError", err)
		})
	}
}

func closeA(a, _ *memnet.Conn) error { return a.Close() }
func closeB(_, b *memnet.Conn) error { return b.Close() }
func halfA(a, _ *memnet.Conn) error  { return a.CloseWrite() }

func write(c net.Conn, n int) error {
	_, err := c.Write(make([]byte, n))
	return err
}

// TestCloseWakes checks that whoever waits learns of a close, at either end.
func TestCloseWakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		end         func(a, b *memnet.Conn) error
		read, write error // of a
	}{
		{"own close", closeA, net.ErrClosed, net.ErrClosed},
		{"peer's close", closeB, io.EOF, syscall.EPIPE},
		{"own close write", halfA, nil, syscall.EPIPE},
		{"peer's close write", func(_, b *memnet.Conn) error { return b.CloseWrite() }, io.EOF, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := memnet.Pipe()
				reads, writes := make(chan error, 1), make(chan error, 2)
				go func() { _, err := read(a, 1); reads <- err }()
				go func() { writes <- write(a, bufferLen+1) }()
				synctest.Wait()
				go func() { writes <- write(a, 1) }() // waits for the other
				synctest.Wait()
				assert.Equal(t, len(reads)+len(writes), 0)
				assert.NoError(t, tt.end(a, b))
				synctest.Wait()
				if tt.read != nil {
					assert.ErrorIs(t, <-reads, tt.read)
				}
				if tt.write != nil {
					assert.ErrorIs(t, <-writes, tt.write)
					assert.ErrorIs(t, <-writes, tt.write)
				}
				assert.Equal(t, len(reads)+len(writes), 0)
				a.Close()
				b.Close()
			})
		})
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := memnet.Pipe()
		start := time.Now()
		after := func(d time.Duration, err error) {
			t.Helper()
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
			var timeout net.Error
			assert.True(t, errors.As(err, &timeout) && timeout.Timeout(), "%v is no timeout", err)
			assert.Equal(t, time.Since(start), d)
			start = time.Now()
		}
		assert.NoError(t, a.SetReadDeadline(start.Add(time.Second)))
		_, err := read(a, 1)
		after(time.Second, err)
		assert.NoError(t, write(b, 1))
		_, err = read(a, 1) // expired, although there is data
		after(0, err)
		assert.NoError(t, write(a, bufferLen)) // the other direction goes on
		assert.NoError(t, a.SetWriteDeadline(start.Add(2*time.Second)))
		n, err := a.Write([]byte("x"))
		after(2*time.Second, err)
		assert.Equal(t, n, 0)

		// A write that is cut short says how much was taken.
		_, err = read(b, 10)
		assert.NoError(t, err)
		assert.NoError(t, a.SetDeadline(start.Add(time.Minute)))
		n, err = a.Write(make([]byte, 11))
		assert.Equal(t, n, 10)
		after(time.Minute, err)

		// Deadlines can be moved while somebody waits, and taken away.
		assert.NoError(t, a.SetDeadline(time.Time{}))
		_, err = read(a, 1)
		assert.NoError(t, err)
		assert.NoError(t, a.SetReadDeadline(start.Add(time.Hour)))
		time.AfterFunc(time.Minute, func() { a.SetReadDeadline(start.Add(3 * time.Minute)) })
		_, err = read(a, 1)
		after(3*time.Minute, err)
		assert.NoError(t, a.SetReadDeadline(time.Time{}))
		time.AfterFunc(time.Minute, func() { a.SetReadDeadline(start) }) // in the past
		_, err = read(a, 1)
		after(time.Minute, err)

		// With no deadline and nothing to come, Close leaves no timer behind.
		assert.NoError(t, a.SetDeadline(start.Add(time.Hour)))
		assert.NoError(t, a.Close())
		assert.NoError(t, b.Close())
	})
}

func TestWriterDoesNotBlockWithin64KiB(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := memnet.Pipe()
		for range 64 {
			assert.NoError(t, write(a, 1<<10))
		}
		done := make(chan error, 1)
		go func() { done <- write(a, 1) }()
		synctest.Wait()
		assert.Equal(t, len(done), 0)
		_, err := read(b, 1)
		assert.NoError(t, err)
		assert.NoError(t, <-done)
		assert.NoError(t, write(a, 0))
		_, err = read(a, 0)
		assert.NoError(t, err)
	})
}

// TestStream sends random pieces both ways and compares the hashes.
func TestStream(t *testing.T) {
	t.Parallel()
	a, b := memnet.Pipe()
	var wg sync.WaitGroup
	sums := make([][]byte, 4)
	random := make([]byte, 3*bufferLen)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for i, c := range []*memnet.Conn{a, b} {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 0))
			hash := sha256.New()
			for range 300 {
				from := rnd.IntN(len(random))
				p := random[from : from+rnd.IntN(len(random)-from)]
				hash.Write(p)
				n, err := c.Write(p)
				assert.NoError(t, err)
				assert.Equal(t, n, len(p))
			}
			assert.NoError(t, c.CloseWrite())
			sums[i] = hash.Sum(nil)
		})
		wg.Go(func() {
			hash := sha256.New()
			_, err := io.CopyBuffer(struct{ io.Writer }{hash}, c, make([]byte, 1000+i*50_000))
			assert.NoError(t, err)
			sums[3-i] = hash.Sum(nil)
		})
	}
	wg.Wait()
	assert.Equal(t, sums[3], sums[1])
	assert.Equal(t, sums[2], sums[0])
}

// TestWritesDoNotMix lets several writers send pieces that do not fit.
func TestWritesDoNotMix(t *testing.T) {
	t.Parallel()
	const writers, size = 4, bufferLen + 1000
	a, b := memnet.Pipe()
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			_, err := a.Write(bytes.Repeat([]byte{byte(i)}, size))
			assert.NoError(t, err)
		})
	}
	seen := make(map[byte]bool)
	for range writers {
		p := make([]byte, size)
		_, err := io.ReadFull(b, p)
		assert.NoError(t, err)
		assert.True(t, bytes.Count(p, p[:1]) == size, "the bytes are mixed")
		seen[p[0]] = true
	}
	wg.Wait()
	assert.Equal(t, len(seen), writers)
}

func TestPipeAddresses(t *testing.T) {
	t.Parallel()
	a, b := memnet.Pipe()
	assert.Equal(t, a.LocalAddr(), b.RemoteAddr())
	assert.Equal(t, b.LocalAddr(), a.RemoteAddr())
	assert.Equal(t, a.LocalAddr().String(), "mem:1")
	assert.Equal(t, b.LocalAddr().String(), "mem:2")
	assert.Equal(t, b.LocalAddr().Network(), "mem")
}

func BenchmarkEcho(b *testing.B) {
	x, y := memnet.Pipe()
	go io.Copy(y, y)
	p := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		x.Write(p)
		io.ReadFull(x, p)
	}
	x.Close()
}
