// SPDX-License-Identifier: MIT

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// logger passes on what the NATS server says: warnings and errors only.
type logger struct {
	log *slog.Logger // nil: nothing

	mu  sync.Mutex
	err error // the last
	end error // that has ended the server
}

func (l *logger) last() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

func (l *logger) tell(level slog.Level, format string, v []any) {
	text := fmt.Sprintf(format, v...)
	if level == slog.LevelError {
		l.mu.Lock()
		l.err = errors.New(text)
		l.mu.Unlock()
	}
	if l.log != nil {
		l.log.Log(context.Background(), level, "nats: "+text)
	}
}

func (l *logger) Noticef(string, ...any) {}
func (l *logger) Debugf(string, ...any)  {}
func (l *logger) Tracef(string, ...any)  {}

func (l *logger) Warnf(format string, v ...any)  { l.tell(slog.LevelWarn, format, v) }
func (l *logger) Errorf(format string, v ...any) { l.tell(slog.LevelError, format, v) }

func (l *logger) Fatalf(format string, v ...any) {
	l.tell(slog.LevelError, format, v)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end, l.err = l.err, nil
}
