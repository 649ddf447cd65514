// SPDX-License-Identifier: MIT

// Oldglibc makes a shared object that was built with a newer glibc load with that of this
// machine.
//
// usage: oldglibc FILE
//
// glibc 2.38 has a second set of strtol, sscanf and so on, which know the binary numbers
// of C23. Code that was compiled with its headers asks for __isoc23_strtol@GLIBC_2.38
// instead of strtol, and is not loaded by an older one, whether it ever reads a binary
// number or not. This points such symbols at their elder namesakes and lets the missing
// version be missing. A file that asks for anything else of 2.38 is left alone.
package main

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	newer  = "GLIBC_2.38"
	prefix = "__isoc23_"
	weak   = 0x2 // VER_FLG_WEAK
)

func main() {
	if len(os.Args) != 2 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: oldglibc FILE")
		os.Exit(2) //nolint:forbidigo // a program
	}
	if err := patch(os.Args[1]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "oldglibc:", err)
		os.Exit(1) //nolint:forbidigo // a program
	}
}

func patch(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := rewrite(f, data); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o755) //nolint:gosec // it is to be loaded
}

func rewrite(f *elf.File, data []byte) error {
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB {
		return errors.New("not a 64-bit little-endian file")
	}
	le := binary.LittleEndian
	symbols, versions, needs, names := f.Section(".dynsym"), f.Section(".gnu.version"), f.Section(".gnu.version_r"), f.Section(".dynstr")
	if symbols == nil || versions == nil || needs == nil || names == nil {
		return errors.New("no versioned symbols")
	}
	text := func(offset uint32) string {
		s, _, _ := strings.Cut(string(data[names.Offset+uint64(offset):names.Offset+names.Size]), "\x00")
		return s
	}

	// The versions that are needed of libc (Elf64_Verneed and its Elf64_Vernaux).
	index := map[string]uint16{}
	for need := needs.Offset; ; {
		for i, aux := uint16(0), need+uint64(le.Uint32(data[need+8:])); i < le.Uint16(data[need+2:]); i++ {
			version := text(le.Uint32(data[aux+8:]))
			if strings.HasPrefix(text(le.Uint32(data[need+4:])), "libc.so") {
				index[version] = le.Uint16(data[aux+6:])
			}
			if version == newer {
				le.PutUint16(data[aux+4:], le.Uint16(data[aux+4:])|weak)
			}
			aux += uint64(le.Uint32(data[aux+12:]))
		}
		next := uint64(le.Uint32(data[need+12:]))
		if next == 0 {
			break
		}
		need += next
	}
	from, to := index[newer], index["GLIBC_2.2.5"]
	if from == 0 || to == 0 {
		return fmt.Errorf("does not need %s", newer)
	}

	const size = 24 // of Elf64_Sym
	for i := range symbols.Size / size {
		version, symbol := data[versions.Offset+2*i:], data[symbols.Offset+size*i:]
		if le.Uint16(version) != from {
			continue
		}
		name := text(le.Uint32(symbol))
		if !strings.HasPrefix(name, prefix) {
			return fmt.Errorf("needs %s of %s, too", name, newer)
		}
		le.PutUint32(symbol, le.Uint32(symbol)+uint32(len(prefix)))
		le.PutUint16(version, to)
	}
	return nil
}
