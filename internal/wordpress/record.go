package wordpress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
)

// Bounds of a report: lengths in characters, MaxDetails in bytes of JSON.
const (
	MaxItems      = 1_000_000
	MaxMessage    = 500
	MaxDetails    = 4096
	MaxExternalID = 200
)

const (
	// ahead is how far the bridge's clock may go before ours.
	ahead = 24 * time.Hour
)

// NewEvent is something that was synced, as the bridge reports it.
type NewEvent struct {
	// SiteID may be left out by an API key, which has one site.
	SiteID    *gid.Site
	Kind      SyncKind
	Direction SyncDirection
	Outcome   SyncOutcome
	Items     int
	Message   string
	// Details are a JSON object; empty or null for none.
	Details json.RawMessage
	// ExternalID is the bridge's own id of the event, by which a repeated report is known.
	ExternalID string
	// OccurredAt is now where it is nil.
	OccurredAt *time.Time
}

// Record keeps what the bridge reports of a site that the actor reaches: for an API key, its own. A report
// that comes again with the same facts answers the first event. Faults: REQUIRED, NOT_FOUND at siteId;
// INVALID at kind, direction, outcome and items; TOO_LONG, INVALID at message and details; REQUIRED,
// TOO_LONG, INVALID and, for a report with other facts, IDEMPOTENCY_CONFLICT at externalId; INVALID at
// occurredAt for more than a day ahead or a year ago. All that are found are told at once.
func Record(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in NewEvent) (*SyncEvent, error) {
	var event *SyncEvent
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		reach := site.ReachOf(actor)
		reported, err := in.judge(ctx, tx, actor, reach, now)
		if err != nil {
			return err
		}
		// Of a report that came before the time does not matter: it was in time then.
		if event, err = recall(ctx, tx, reach, reported); event != nil || err != nil {
			return err
		}
		if f := in.checkTime(now); f != nil {
			return f
		}
		by := actor.By(acct.ID)
		reported.TenantID, reported.ActorKind, reported.ActorID, reported.CreatedAt = acct.ID, by.Kind, by.ID, now
		// All is read back, so that the first answer and the repeated are written alike.
		if _, err := tx.NewInsert().Model(reported).Returning("*").Exec(ctx); err != nil {
			return fmt.Errorf("record sync event: %w", err)
		}
		event = reported
		return live.Notify(ctx, tx, live.Topic{Account: acct.ID, Kind: live.Sync, Subject: int64(event.SiteID)})
	})
	if err != nil {
		return nil, err
	}
	return event, nil
}

// recall finds the event that was reported under the same id; nil where there is none. The account is
// locked, so that stays true until the commit. Fault: IDEMPOTENCY_CONFLICT at externalId.
func recall(ctx context.Context, tx bun.Tx, reach site.Reach, reported *SyncEvent) (*SyncEvent, error) {
	first := []*SyncEvent{}
	err := scopedEvents(tx, reach, &first).Where("sync_event.site_id = ?", reported.SiteID).
		Where("sync_event.external_id = ?", reported.ExternalID).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("recall sync event: %w", err)
	}
	if len(first) == 0 {
		return nil, nil
	}
	if !bytes.Equal(first[0].Fingerprint, reported.Fingerprint) {
		return nil, fault.New(fault.IdempotencyConflict, "another event was reported under this id").At("externalId")
	}
	return first[0], nil
}

// judge makes the event, or says everything that is wrong with the report.
func (in NewEvent) judge(ctx context.Context, tx bun.Tx, actor account.Actor, reach site.Reach, now time.Time) (*SyncEvent, error) {
	event := &SyncEvent{
		Kind: in.Kind, Direction: in.Direction, Outcome: in.Outcome, Items: in.Items, Message: in.Message,
		ExternalID: in.ExternalID, OccurredAt: now,
	}
	var faults fault.List
	if id := in.site(actor); id == nil {
		faults.Add(fault.New(fault.Required, "say which site was synced").At("siteId"))
	} else {
		event.SiteID = *id
		err := checkSite(ctx, tx, reach, *id)
		found := fault.Of(err)
		if err != nil && found == nil {
			return nil, err
		}
		faults = append(faults, found...)
	}
	faults.Add(oneOf(in.Kind, "kind", Publish, Update, Delete, Import, Status, Media, Taxonomy))
	faults.Add(oneOf(in.Direction, "direction", ToSite, FromSite))
	faults.Add(oneOf(in.Outcome, "outcome", Succeeded, Partial, Failed))
	if in.Items < 0 || in.Items > MaxItems {
		faults.Add(fault.New(fault.Invalid, "from 0 to %d items", MaxItems).At("items"))
	}
	faults.Add(fault.CheckLength(in.Message, "message", MaxMessage))
	faults.Add(fault.CheckText(in.ExternalID, "externalId", MaxExternalID))
	var f *fault.Error
	event.Details, f = cleanDetails(in.Details)
	faults.Add(f)
	if len(faults) > 0 {
		faults.Add(in.checkTime(now))
		return nil, faults.Err()
	}
	var occurred *time.Time
	if in.OccurredAt != nil {
		event.OccurredAt = period.Instant(*in.OccurredAt)
		occurred = &event.OccurredAt
	}
	event.Fingerprint = fingerprint(in.Kind, in.Direction, in.Outcome, in.Items, in.Message, event.Details, occurred)
	return event, nil
}

// site is the site that the report is about: an API key's own where none is named.
func (in NewEvent) site(actor account.Actor) *gid.Site {
	if in.SiteID == nil && actor.Key != nil {
		return &actor.Key.SiteID
	}
	return in.SiteID
}

// checkTime judges when it happened. Fault: INVALID at occurredAt.
func (in NewEvent) checkTime(now time.Time) *fault.Error {
	const field = "occurredAt"
	switch at := in.OccurredAt; {
	case at == nil:
		return nil
	case at.After(now.Add(ahead)):
		return fault.New(fault.Invalid, "this is more than a day in the future").At(field)
	case at.Before(now.AddDate(-1, 0, 0)):
		return fault.New(fault.Invalid, "this is more than a year ago").At(field)
	}
	return nil
}

func oneOf[T ~string](value T, field string, known ...T) *fault.Error {
	if slices.Contains(known, value) {
		return nil
	}
	return fault.New(fault.Invalid, "this is none of the values that are known here").At(field)
}

// fingerprint is a hash of a report's facts, in a fixed order.
func fingerprint(facts ...any) []byte {
	raw, _ := json.Marshal(facts) //nolint:errchkjson // strings, numbers, times and checked JSON always marshal
	sum := sha256.Sum256(raw)
	return sum[:]
}

// cleanDetails brings the details into the form that they are kept in. Faults: TOO_LONG, INVALID at details.
func cleanDetails(raw json.RawMessage) (json.RawMessage, *fault.Error) {
	clean, f := fault.CheckObject(raw, "details", MaxDetails)
	if clean == nil && f == nil {
		clean = json.RawMessage("{}")
	}
	return clean, f
}
