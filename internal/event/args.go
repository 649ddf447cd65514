// SPDX-License-Identifier: MIT

package event

import "github.com/sio-go/sio/packet"

// None stands for no argument.
type None struct{}

// Args2 stands for two arguments.
type Args2[A, B any] struct {
	A A
	B B
}

// Args3 stands for three arguments.
type Args3[A, B, C any] struct {
	A A
	B B
	C C
}

// many is implemented by what stands for another number of arguments than one.
type many interface {
	decodeArgs(args packet.Args) error
	spread() []any
}

func (*None) decodeArgs(packet.Args) error { return nil }
func (*None) spread() []any                { return nil }

func (v *Args2[A, B]) decodeArgs(args packet.Args) error { return decodeAll(args, &v.A, &v.B) }
func (v *Args2[A, B]) spread() []any                     { return []any{v.A, v.B} }

func (v *Args3[A, B, C]) decodeArgs(args packet.Args) error {
	return decodeAll(args, &v.A, &v.B, &v.C)
}
func (v *Args3[A, B, C]) spread() []any { return []any{v.A, v.B, v.C} }

func decodeAll(args packet.Args, dst ...any) error {
	for i, v := range dst {
		if err := args.Unmarshal(i, v); err != nil {
			return err
		}
	}
	return nil
}

// Decode returns the value that the arguments stand for.
func Decode[T any](args packet.Args) (v T, err error) {
	switch p := any(&v).(type) {
	case *packet.Args:
		*p = args
	case many:
		err = p.decodeArgs(args)
	default:
		err = args.Unmarshal(0, p)
	}
	return v, err
}

// Spread returns the arguments that v stands for.
func Spread[T any](v T) []any {
	if p, ok := any(&v).(many); ok {
		return p.spread()
	}
	return []any{v}
}

// Bind decodes the arguments, in order, into what dst points to. A nil dst skips one.
func Bind(args packet.Args, dst ...any) error {
	for i, v := range dst {
		if i >= args.Len() {
			break
		}
		if v == nil {
			continue
		}
		if err := args.Unmarshal(i, v); err != nil {
			return err
		}
	}
	return nil
}
