package jobs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
)

// Late is how long after its time something may be undone before that is told as wrong.
const Late = 15 * time.Minute

// Report is how the jobs stand.
type Report struct {
	Kinds []Standing
	// Failed are the jobs that failed last, and will be tried again or were given up. One that was given up and
	// done by a later job is not among them.
	Failed []Failure
	// Problems is what somebody has to look at, a line each.
	Problems []string
}

// Standing is how one kind of jobs stands.
type Standing struct {
	Kind string `bun:"kind"`
	// LastDone is when one was done last, Next when one will be begun; nil where none is known.
	LastDone *time.Time `bun:"last_done"`
	Next     *time.Time `bun:"next"`
	// Scheduled have a time that is to come, Waiting could be done now, Running are under way, Retried failed
	// and will be tried again, Done and GivenUp are over and not forgotten yet.
	Scheduled int `bun:"scheduled"`
	Waiting   int `bun:"waiting"`
	Running   int `bun:"running"`
	Retried   int `bun:"retried"`
	Done      int `bun:"done"`
	GivenUp   int `bun:"given_up"`
}

// Failure is a job that failed.
type Failure struct {
	ID          int64      `bun:"id"`
	Kind        string     `bun:"kind"`
	Args        string     `bun:"args"`
	Attempt     int        `bun:"attempt"`
	MaxAttempts int        `bun:"max_attempts"`
	GivenUp     bool       `bun:"given_up"`
	Next        *time.Time `bun:"next"`
	Error       string     `bun:"error"`
}

// mostFailures bounds a report.
const mostFailures = 50

// Look reads how the jobs stand at the instant now. It changes nothing.
func Look(ctx context.Context, db bun.IDB, now time.Time) (*Report, error) {
	now = period.Instant(now)
	found := []Standing{}
	err := db.NewRaw(`SELECT kind, max(finalized_at) FILTER (WHERE state = 'completed') AS last_done,
			min(scheduled_at) FILTER (WHERE state IN ('scheduled', 'available', 'retryable')) AS next,
			count(*) FILTER (WHERE state = 'scheduled' AND scheduled_at > ?0 AND coalesce(cardinality(errors), 0) = 0) AS scheduled,
			count(*) FILTER (WHERE (state IN ('available', 'pending') OR state = 'scheduled' AND scheduled_at <= ?0)
				AND coalesce(cardinality(errors), 0) = 0) AS waiting,
			count(*) FILTER (WHERE state = 'running') AS running,
			count(*) FILTER (WHERE state IN ('retryable', 'available', 'scheduled') AND cardinality(errors) > 0) AS retried,
			count(*) FILTER (WHERE state = 'completed') AS done, count(*) FILTER (WHERE state = 'discarded') AS given_up
		FROM river_job GROUP BY kind ORDER BY kind`, now).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("read how the jobs stand: %w", err)
	}
	r := &Report{}
	for _, kind := range Kinds() {
		r.Kinds = append(r.Kinds, r.standing(kind, found, now))
	}
	err = db.NewRaw(`SELECT id, kind, args::text AS args, attempt, max_attempts, state = 'discarded' AS given_up,
			CASE WHEN finalized_at IS NULL THEN scheduled_at END AS next, coalesce(errors[cardinality(errors)]->>'error', '') AS error
		FROM river_job AS job
		WHERE finalized_at IS NULL AND cardinality(errors) > 0 OR state = 'discarded' AND NOT EXISTS (
			SELECT FROM river_job AS later
			WHERE later.kind = job.kind AND later.args = job.args AND later.state = 'completed' AND later.finalized_at > job.finalized_at)
		ORDER BY id DESC LIMIT ?`, mostFailures).Scan(ctx, &r.Failed)
	if err != nil {
		return nil, fmt.Errorf("read which jobs failed: %w", err)
	}
	for _, f := range r.Failed {
		if f.GivenUp {
			r.problemf("the job %d, %s %s, was given up after %d attempts", f.ID, f.Kind, f.Args, f.Attempt)
		}
	}
	if err := r.overdue(ctx, db, now); err != nil {
		return nil, err
	}
	return r, nil
}

// standing is how a kind stands.
func (r *Report) standing(kind Kind, found []Standing, now time.Time) Standing {
	s := Standing{Kind: kind.Name}
	for _, f := range found {
		if f.Kind == kind.Name {
			s = f
		}
	}
	if kind.Every == 0 {
		return s
	}
	if s.LastDone != nil && s.Next == nil {
		next := s.LastDone.Add(kind.Every)
		s.Next = &next
	}
	switch {
	case s.LastDone == nil:
		r.problemf("%s was never done: does a server run?", kind.Name)
	case s.LastDone.Before(now.Add(-Late - kind.pause())):
		r.problemf("%s is overdue: it was done last at %s", kind.Name, when(s.LastDone))
	}
	return s
}

// overdue looks for accounts for which something is undone that fell due long ago.
func (r *Report) overdue(ctx context.Context, db bun.IDB, now time.Time) error {
	var due struct {
		Accounts int        `bun:"accounts"`
		Since    *time.Time `bun:"since"`
	}
	err := db.NewRaw(`SELECT count(*) AS accounts, min(s.due_at) AS since FROM igny8_subscriptions AS s
		JOIN igny8_tenants AS a ON a.id = s.tenant_id AND a.deleted_at IS NULL WHERE s.due_at <= ?`, now.Add(-Late)).
		Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)), &due)
	if err != nil {
		return fmt.Errorf("look for what is overdue: %w", err)
	}
	if due.Accounts > 0 {
		r.problemf("something is overdue for %d accounts, for the first since %s", due.Accounts, when(due.Since))
	}
	return nil
}

func (r *Report) problemf(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// OK says whether nobody has to look at anything.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Text is the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	const row = "%-18s  %-20s  %-20s  %9v  %7v  %7v  %7v  %7v  %8v\n"
	fmt.Fprintf(&b, row, "kind", "last done", "next", "scheduled", "waiting", "running", "retried", "done", "given up")
	for _, s := range r.Kinds {
		fmt.Fprintf(&b, row, s.Kind, when(s.LastDone), when(s.Next), s.Scheduled, s.Waiting, s.Running, s.Retried, s.Done, s.GivenUp)
	}
	if len(r.Failed) > 0 {
		b.WriteString("\nfailed\n")
	}
	for _, f := range r.Failed {
		next := "given up"
		if !f.GivenUp {
			next = "again at " + when(f.Next)
		}
		fmt.Fprintf(&b, "  %d  %s %s  attempt %d of %d, %s: %s\n", f.ID, f.Kind, f.Args, f.Attempt, f.MaxAttempts, next, line(f.Error))
	}
	if len(r.Problems) > 0 {
		b.WriteString("\nwrong\n")
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	return b.String()
}

func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// line is a text on one line that fits a screen.
func line(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
