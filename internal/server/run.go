package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// How long a client may take. The whole answer's limit is the request's and a little more, so that a
// request that runs out of time can still be told so.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeGrace        = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// Run serves on the listener until ctx ends, then takes no new connections and waits for the requests
// under way, as long as Config.DrainTimeout says. It returns nil when all of them were answered. It
// closes the listener.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	// Requests must outlive ctx, whose end asks for a drain; they end when the drain gives up.
	base, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()

	web := &http.Server{
		Handler:           s,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      s.cfg.RequestTimeout + writeGrace,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}

	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer cancel()
	streams := make(chan error, 1)
	go func() {
		if s.cfg.Drain == nil {
			streams <- nil
			return
		}
		streams <- s.cfg.Drain(drain)
	}()
	err := errors.Join(web.Shutdown(drain), <-streams)
	if err == nil {
		return nil
	}
	abandon()
	closeErr := web.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("some requests were not finished within %s and were broken off", s.cfg.DrainTimeout)
	}
	return errors.Join(err, closeErr)
}
