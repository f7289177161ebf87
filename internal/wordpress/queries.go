package wordpress

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/site"
)

// scoped starts every read of connections: those of sites within reach.
func scoped(db bun.IDB, reach site.Reach, connections *[]*Connection) *bun.SelectQuery {
	return reach.Keep(db.NewSelect().Model(connections), "connection")
}

// scopedEvents starts every read of sync events: those of sites within reach.
func scopedEvents(db bun.IDB, reach site.Reach, events *[]*SyncEvent) *bun.SelectQuery {
	return reach.Keep(db.NewSelect().Model(events), "sync_event")
}

// ConnectionsBySites reads the connections of sites within reach, in no order; a site that is not
// connected has none.
func ConnectionsBySites(ctx context.Context, db bun.IDB, reach site.Reach, ids []gid.Site) ([]*Connection, error) {
	connections := []*Connection{}
	if err := scoped(db, reach, &connections).Where("connection.site_id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read WordPress connections: %w", err)
	}
	return connections, nil
}

// find reads the connection of a site within reach. Fault: NOT_FOUND at siteId.
func find(ctx context.Context, db bun.IDB, reach site.Reach, id gid.Site) (*Connection, error) {
	found, err := ConnectionsBySites(ctx, db, reach, []gid.Site{id})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "there is no such site that is connected to WordPress").At("siteId")
	}
	return found[0], nil
}

// checkSite judges whether a site is within reach. Fault: NOT_FOUND at siteId.
func checkSite(ctx context.Context, db bun.IDB, reach site.Reach, id gid.Site) error {
	found, err := site.ByIDs(ctx, db, reach, []gid.Site{id})
	if err == nil && len(found) == 0 {
		return fault.New(fault.NotFound, "there is no such site").At("siteId")
	}
	return err
}

// Events reads a page of a site's sync events, newest first; none of a site that is out of reach.
// Errors: BAD_USER_INPUT for arguments that ask for no page of this list.
func Events(ctx context.Context, db bun.IDB, reach site.Reach, id gid.Site, args page.Args) (*EventConnection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	of := func(events *[]*SyncEvent) *bun.SelectQuery {
		return scopedEvents(db, reach, events).Where("sync_event.site_id = ?", id)
	}
	events := []*SyncEvent{}
	q, err := page.Apply(of(&events), w, page.Key{Column: "sync_event.id", Value: new(gid.SyncEvent), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list sync events: %w", err)
	}
	return page.New(w, events,
		eventKey,
		page.Counter(func() *bun.SelectQuery { return of(&[]*SyncEvent{}) }),
	), nil
}

// eventKey is what pages of sync events go by.
func eventKey(e *SyncEvent) []any { return []any{e.ID} }

// FirstEvents reads the first page of the sync events of several sites at once, newest first, in one
// statement; sites out of reach have an empty one. count counts one site's events when it is asked to.
// Errors: BAD_USER_INPUT for a size that no page has and for cursors, which are of one site's list.
func FirstEvents(
	ctx context.Context, db bun.IDB, reach site.Reach, ids []gid.Site, args page.Args,
	count func(context.Context, gid.Site) (int, error),
) (map[gid.Site]*EventConnection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	if w.Key != nil {
		return nil, fault.New(fault.BadUserInput, "a cursor is one site's: ask for that site alone")
	}
	order := "sync_event.id DESC"
	if w.Backward {
		order = "sync_event.id ASC"
	}
	each := scopedEvents(db, reach, &[]*SyncEvent{}).Where("sync_event.site_id = wanted.id").OrderExpr(order).Limit(int64(w.Limit))
	events := []*SyncEvent{}
	err = db.NewSelect().Model(&events).
		ModelTableExpr("unnest(?::bigint[]) AS wanted (id) CROSS JOIN LATERAL (?) AS sync_event", pgdialect.Array(ids), each).
		OrderExpr(order).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sync events of sites: %w", err)
	}
	bySite := map[gid.Site][]*SyncEvent{}
	for _, e := range events {
		bySite[e.SiteID] = append(bySite[e.SiteID], e)
	}
	pages := make(map[gid.Site]*EventConnection, len(ids))
	for _, id := range ids {
		pages[id] = page.New(w, bySite[id], eventKey, func(ctx context.Context) (int, error) { return count(ctx, id) })
	}
	return pages, nil
}

// CountEvents counts the sync events of sites within reach.
func CountEvents(ctx context.Context, db bun.IDB, reach site.Reach, ids []gid.Site) (map[gid.Site]int, error) {
	var counts []struct {
		SiteID gid.Site
		N      int
	}
	err := scopedEvents(db, reach, &[]*SyncEvent{}).ColumnExpr("sync_event.site_id, count(*) AS n").
		Where("sync_event.site_id IN (?)", bun.List(ids)).GroupExpr("sync_event.site_id").Scan(ctx, &counts)
	if err != nil {
		return nil, fmt.Errorf("count sync events of sites: %w", err)
	}
	found := make(map[gid.Site]int, len(counts))
	for _, c := range counts {
		found[c.SiteID] = c.N
	}
	return found, nil
}

// EventsByIDs reads sync events of sites within reach, in no order.
func EventsByIDs(ctx context.Context, db bun.IDB, reach site.Reach, ids []gid.SyncEvent) ([]*SyncEvent, error) {
	events := []*SyncEvent{}
	if err := scopedEvents(db, reach, &events).Where("sync_event.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read sync events: %w", err)
	}
	return events, nil
}

// EventsAfter reads up to limit sync events of a site within reach that were reported after the event with
// that number, in the order in which they were reported. Fault: NOT_FOUND at siteId.
func EventsAfter(ctx context.Context, db bun.IDB, reach site.Reach, id gid.Site, after gid.SyncEvent, limit int) ([]*SyncEvent, error) {
	if err := checkSite(ctx, db, reach, id); err != nil {
		return nil, err
	}
	events := []*SyncEvent{}
	// Reports of one account come one after the other behind its lock, so their numbers grow as they are committed.
	err := scopedEvents(db, reach, &events).Where("sync_event.site_id = ?", id).Where("sync_event.id > ?", after).
		OrderExpr("sync_event.id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sync events: %w", err)
	}
	return events, nil
}

// LastEvent is the number of the newest sync event of a site within reach; 0 where there is none. Fault:
// NOT_FOUND at siteId.
func LastEvent(ctx context.Context, db bun.IDB, reach site.Reach, id gid.Site) (gid.SyncEvent, error) {
	if err := checkSite(ctx, db, reach, id); err != nil {
		return 0, err
	}
	events := []*SyncEvent{}
	err := scopedEvents(db, reach, &events).Column("tenant_id", "id").Where("sync_event.site_id = ?", id).
		OrderExpr("sync_event.id DESC").Limit(1).Scan(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the last sync event: %w", err)
	}
	if len(events) == 0 {
		return 0, nil
	}
	return events[0].ID, nil
}
