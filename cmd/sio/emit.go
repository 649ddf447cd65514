// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"
)

// emitTimeout is how long the backend may take.
const emitTimeout = 10 * time.Second

func emitCommand() *cli.Command {
	return &cli.Command{
		Name:      "emit",
		Usage:     "emit an event to the clients of a cluster, without being one of its servers",
		ArgsUsage: "EVENT [JSON ...]",
		Description: "The arguments are JSON; what is not is sent as a string.\n\n" +
			"  sio emit --cluster redis://127.0.0.1:6379 --room lobby news '{\"title\": \"hello\"}'",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "cluster", Usage: "the cluster's `URL`, as for sio serve", Required: true},
			&cli.StringFlag{Name: "namespace", Value: "/", Usage: "emit in the namespace `NAME`"},
			&cli.StringSliceFlag{Name: "room", Usage: "only to sockets in the room `NAME`; may be repeated"},
			&cli.StringSliceFlag{Name: "except", Usage: "not to sockets in the room `NAME`; may be repeated"},
		},
		DisableSliceFlagSeparator: true,
		Action: func(ctx context.Context, cmd *cli.Command) error {
			event := cmd.Args().First()
			if event == "" {
				return &usageError{cmd.FullName(), fmt.Errorf("the event is missing (try: %s --help)", cmd.FullName())}
			}
			if _, err := scheme(cmd.String("cluster")); err != nil {
				return &usageError{cmd.FullName(), fmt.Errorf("invalid value %q for --cluster: %w", cmd.String("cluster"), err)}
			}
			if err := emit(ctx, cmd, event); err != nil {
				return fmt.Errorf("%s: %w", cmd.FullName(), err)
			}
			return nil
		},
	}
}

func emit(ctx context.Context, cmd *cli.Command, event string) error {
	ctx, cancel := context.WithTimeout(ctx, emitTimeout)
	defer cancel()
	e, closer, err := openEmitter(ctx, cmd.String("cluster"))
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	var args []any
	for _, text := range cmd.Args().Tail() {
		if json.Valid([]byte(text)) {
			args = append(args, json.RawMessage(text))
		} else {
			args = append(args, text)
		}
	}
	return e.Context(ctx).Of(cmd.String("namespace")).To(cmd.StringSlice("room")...).Except(cmd.StringSlice("except")...).Emit(event, args...)
}
