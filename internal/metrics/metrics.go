// Package metrics counts what the service does, for Prometheus: requests by route and status, jobs by kind and
// result, how jobs and the pool of connections stand.
//
// What must always hold: a label's values are few and ours, never what a client sent, an account or a person;
// it is served at an address of its own, never at the one that clients reach.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"igny8.com/accounts/internal/postgres"
)

// Metrics is what is counted.
type Metrics struct {
	registry       *prometheus.Registry
	requests       *prometheus.CounterVec
	requestSeconds *prometheus.HistogramVec
	runs           *prometheus.CounterVec
	runSeconds     *prometheus.HistogramVec
}

// New makes the metrics of a server over its database.
func New(db *postgres.DB, log *slog.Logger) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "igny8_http_requests_total", Help: "Requests that were answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		requestSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "igny8_http_request_seconds", Help: "How long requests took, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, []string{"route"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "igny8_job_runs_total", Help: "Runs of jobs on this server, by kind and result.",
		}, []string{"kind", "result"}),
		runSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "igny8_job_run_seconds", Help: "How long runs of jobs took, by kind.",
			Buckets: []float64{.005, .01, .05, .1, .5, 1, 5, 15, 60, 300},
		}, []string{"kind"}),
	}
	m.registry.MustRegister(m.requests, m.requestSeconds, m.runs, m.runSeconds, &database{db: db, log: log},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers with all of them.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Request counts a request that was answered. Route must be one of few.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.requestSeconds.WithLabelValues(route).Observe(took.Seconds())
}

// Job counts a run of a job.
func (m *Metrics) Job(kind string, took time.Duration, err error) {
	result := "done"
	if err != nil {
		result = "failed"
	}
	m.runs.WithLabelValues(kind, result).Inc()
	m.runSeconds.WithLabelValues(kind).Observe(took.Seconds())
}

// database tells how the pool and the jobs stand when it is asked.
type database struct {
	db  *postgres.DB
	log *slog.Logger
}

// patience is how long the database may take to tell of the jobs.
const patience = 2 * time.Second

var (
	poolConns = prometheus.NewDesc("igny8_database_connections", "Connections of the pool, by what they do.", []string{"state"}, nil)
	poolMost  = prometheus.NewDesc("igny8_database_connections_max", "The most connections of the pool.", nil, nil)
	poolWaits = prometheus.NewDesc("igny8_database_waits_total", "How often a connection was waited for.", nil, nil)
	poolWait  = prometheus.NewDesc("igny8_database_wait_seconds_total", "How long connections were waited for.", nil, nil)
	jobs      = prometheus.NewDesc("igny8_jobs", "Jobs in the database, by kind and state.", []string{"kind", "state"}, nil)
	events    = prometheus.NewDesc("igny8_stripe_events", "Events of Stripe that wait to be done, and that wait for staff.", []string{"status"}, nil)
	pushes    = prometheus.NewDesc("igny8_stripe_pushes", "What Stripe is to be told and waits, or was given up and waits for staff.", []string{"status"}, nil)
	drifts    = prometheus.NewDesc("igny8_stripe_drifts", "In how many things Stripe and we differ.", nil, nil)
	overdue   = prometheus.NewDesc("igny8_jobs_overdue_seconds", "How long the oldest job waits that could be done.", nil, nil)
)

// Describe names what is told.
func (*database) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{poolConns, poolMost, poolWaits, poolWait, jobs, overdue, events, pushes, drifts} {
		to <- d
	}
}

// Collect tells it. Where the database does not answer, the pool is told of alone.
func (d *database) Collect(to chan<- prometheus.Metric) {
	stat := d.db.Pool.Stat()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(poolConns, float64(stat.AcquiredConns()), "used")
	gauge(poolConns, float64(stat.IdleConns()), "idle")
	gauge(poolMost, float64(stat.MaxConns()))
	to <- prometheus.MustNewConstMetric(poolWaits, prometheus.CounterValue, float64(stat.EmptyAcquireCount()))
	to <- prometheus.MustNewConstMetric(poolWait, prometheus.CounterValue, stat.EmptyAcquireWaitTime().Seconds())

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found := []struct {
		Kind  string  `bun:"kind"`
		State string  `bun:"state"`
		Count float64 `bun:"count"`
		Late  float64 `bun:"late"`
	}{}
	err := d.db.NewRaw(`SELECT kind, state::text AS state, count(*)::float8 AS count,
			coalesce(extract(epoch FROM max(now() - scheduled_at) FILTER (WHERE state IN ('available', 'scheduled', 'retryable'))), 0)::float8 AS late
		FROM river_job GROUP BY kind, state ORDER BY kind, state`).Scan(ctx, &found)
	if err != nil {
		d.log.LogAttrs(ctx, slog.LevelWarn, "the metrics are without the jobs", slog.Any("error", err))
		return
	}
	late := 0.0
	for _, f := range found {
		gauge(jobs, f.Count, f.Kind, f.State)
		late = max(late, f.Late)
	}
	gauge(overdue, late)

	var open struct{ Pending, Dead float64 }
	err = d.db.NewRaw(`SELECT count(*) FILTER (WHERE status = 'pending')::float8 AS pending, count(*) FILTER (WHERE status = 'dead')::float8 AS dead
		FROM igny8_stripe_events WHERE status IN ('pending', 'dead')`).Scan(ctx, &open)
	if err != nil {
		d.log.LogAttrs(ctx, slog.LevelWarn, "the metrics are without the events of Stripe", slog.Any("error", err))
		return
	}
	gauge(events, open.Pending, "pending")
	gauge(events, open.Dead, "dead")
	var told struct{ Pending, Failed, Drifts float64 }
	err = d.db.NewRaw(`SELECT count(*) FILTER (WHERE status = 'pending')::float8 AS pending, count(*) FILTER (WHERE status = 'failed')::float8 AS failed,
			(SELECT count(*)::float8 FROM igny8_stripe_drifts WHERE resolved_at IS NULL) AS drifts
		FROM igny8_stripe_pushes WHERE status IN ('pending', 'failed')`).Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)), &told)
	if err != nil {
		d.log.LogAttrs(ctx, slog.LevelWarn, "the metrics are without what Stripe is told", slog.Any("error", err))
		return
	}
	gauge(pushes, told.Pending, "pending")
	gauge(pushes, told.Failed, "failed")
	gauge(drifts, told.Drifts)
}
