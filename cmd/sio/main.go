// SPDX-License-Identifier: MIT

// Command sio runs a Socket.IO server to play with. See "sio help".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // it could not be done
	exitUsage   = 2 // it was asked for in the wrong way
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run runs the program until it is done or ctx ends, and returns its exit code. All
// but exitOK come with exactly one line about the reason, on stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := newCommand(stdout, stderr).Run(ctx, args)
	if err == nil {
		return exitOK
	}
	line := strings.Join(strings.Fields(err.Error()), " ")
	_, _ = fmt.Fprintln(stderr, line)
	if _, isUsage := errors.AsType[*usageError](err); isUsage {
		return exitUsage
	}
	return exitFailure
}

// newCommand returns the command line. Each subcommand has a file of its own.
func newCommand(stdout, stderr io.Writer) *cli.Command {
	root := &cli.Command{
		Name:            "sio",
		Usage:           "a Socket.IO server to play with, and a load generator",
		Version:         version(),
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true, // ours gives the right exit code
		ExitErrHandler:  func(context.Context, *cli.Command, error) {},
		Action:          help,
		Commands: []*cli.Command{
			serveCommand(),
			emitCommand(),
			benchCommand(),
			{Name: "version", Usage: "print the version", Action: func(_ context.Context, cmd *cli.Command) error {
				if err := noArgs(cmd); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.Root().Writer, "sio %s (%s %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return err
			}},
			{Name: "help", Aliases: []string{"h"}, Usage: "print help on sio or on a command", ArgsUsage: "[command]", Action: help},
		},
	}
	setUsageErrors(root)
	return root
}

// help prints help on the program, or on the command named by the first argument.
func help(ctx context.Context, cmd *cli.Command) error {
	root := cmd.Root()
	name := cmd.Args().First()
	if name == "" {
		return cli.ShowRootCommandHelp(root)
	}
	if root.Command(name) == nil {
		return &usageError{"sio", fmt.Errorf("unknown command %q (try: sio help)", name)}
	}
	return cli.ShowCommandHelp(ctx, root, name)
}

// usageError says that a command was used in the wrong way.
type usageError struct {
	command string // its full name
	err     error
}

func (e *usageError) Error() string { return e.command + ": " + e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// setUsageErrors makes the errors of the library's parser usage errors.
func setUsageErrors(cmd *cli.Command) {
	cmd.OnUsageError = func(_ context.Context, cmd *cli.Command, err error, _ bool) error {
		return &usageError{cmd.FullName(), fmt.Errorf("%w (try: %s --help)", err, cmd.FullName())}
	}
	for _, sub := range cmd.Commands {
		sub.HideHelpCommand = true
		setUsageErrors(sub)
	}
}

// noArgs refuses arguments that are not flags.
func noArgs(cmd *cli.Command) error {
	if cmd.Args().Present() {
		return &usageError{cmd.FullName(), fmt.Errorf("unexpected argument %q", cmd.Args().First())}
	}
	return nil
}

// version returns the version that the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
