package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"igny8.com/accounts/internal/metrics"
)

// metricsServer serves metrics at an address of its own.
type metricsServer struct {
	listener net.Listener
	web      *http.Server
	log      *slog.Logger
}

// openMetrics takes the address for metrics; nil where none is configured.
func (p parts) openMetrics(ctx context.Context, counted *metrics.Metrics) (*metricsServer, error) {
	if p.cfg.MetricsAddr == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	listener, err := listen(ctx, p.cfg.MetricsAddr)
	if err != nil {
		return nil, err
	}
	const patience = 10 * time.Second
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", counted.Handler())
	p.log.Info("serving metrics", slog.String("address", listener.Addr().String()))
	return &metricsServer{
		listener: listener, log: p.log,
		web: &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience},
	}, nil
}

// run serves until ctx ends.
func (s *metricsServer) run(ctx context.Context) {
	if s == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = s.web.Close() })
	defer stop()
	if err := s.web.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("metrics are no longer served", slog.Any("error", err))
	}
}
