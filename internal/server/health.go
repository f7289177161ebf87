package server

import (
	"context"
	"log/slog"
	"net/http"

	"igny8.com/accounts/internal/build"
)

// ReadyFunc says why requests cannot be answered; nil when they can.
type ReadyFunc func(context.Context) error

func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" }

// health is what /healthz answers.
type health struct {
	build.Info

	Status string `json:"status"`
}

// healthz says that the process lives and which build it is. It asks nobody, so that an outage of
// the database does not get healthy processes killed.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "ok", Info: s.cfg.Build})
}

// readyz says whether requests can be answered. The reason why not goes to the log: it may name
// hosts, which are nobody's business.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	status, code := "ready", http.StatusOK
	if err := s.ready(r.Context()); err != nil {
		status, code = "unavailable", http.StatusServiceUnavailable
		s.cfg.Log.LogAttrs(r.Context(), slog.LevelWarn, "not ready",
			slog.String("request_id", RequestID(r.Context())), slog.Any("error", err))
	}
	writeJSON(w, code, map[string]string{"status": status})
}

// ready asks the database on behalf of everybody who asks at the moment, so that probes, which
// anyone may send, never hold more than one connection.
func (s *Server) ready(ctx context.Context) error {
	result := s.probes.DoChan("ready", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ReadyTimeout)
		defer cancel()
		return nil, s.cfg.Ready(ctx)
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
