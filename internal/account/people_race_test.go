package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// A thousand tries by people who were owners and admins when they began, most of them at each other:
// at no instant is the account without an owner or does it name somebody who is none, and the log,
// replayed from the start, has nobody who gave or changed what was above them.
func TestPeople_AThousandRacingTriesKeepAnOwnerAndTheOrderOfRoles(t *testing.T) {
	t.Parallel()
	const tries, workers = 1000, 16
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	f := newFirm(t, db, enterprise)
	people := []account.Actor{f.owner}
	for i := range 9 {
		people = append(people, f.person([]account.Role{account.Owner, account.Admin, account.Editor}[i%3]))
	}
	start := f.roles()

	watched, stop := f.watch(db)
	var done, next atomic.Int64
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for next.Add(1) <= tries {
				err := f.try(r, people)
				if err != nil && len(fault.Of(err)) != 1 {
					t.Errorf("not one fault: %v", err)
				}
				if err == nil {
					done.Add(1)
				}
			}
		})
	}
	wg.Wait()
	stop()
	if n := done.Load(); n < tries/100 || watched.Load() < 20 {
		t.Errorf("only %d tries changed something, %d looks", n, watched.Load())
	}
	f.replay(start)
}

// try is one command by somebody on somebody.
func (f *firm) try(r *rand.Rand, people []account.Actor) error {
	by, on := people[r.IntN(len(people))], people[r.IntN(len(people))].User.ID
	var err error
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		_, err = account.ChangeRole(f.ctx(), f.db.App, by, today, on, fourRoles[r.IntN(4)])
	case 4, 5:
		_, err = account.RemoveMember(f.ctx(), f.db.App, by, today, on)
	case 6:
		_, err = account.RemoveMember(f.ctx(), f.db.App, by, today, by.User.ID)
	case 7, 8:
		_, err = account.RestoreMember(f.ctx(), f.db.App, by, today, on)
	default:
		_, err = account.TransferOwnership(f.ctx(), f.db.App, by, today, on)
	}
	return err
}

// watch looks at the account, again and again, until it is stopped.
func (f *firm) watch(db *pgtest.DB) (looks *atomic.Int64, stop func()) {
	looks = &atomic.Int64{}
	ctx, cancel := context.WithCancel(f.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			var owners, named int
			err := db.Admin.NewRaw(`SELECT count(*), count(*) FILTER (WHERE u.id = a.owner_id) FROM igny8_tenants a
				JOIN igny8_users u ON u.tenant_id = a.id AND u.role = 'owner' AND u.deleted_at IS NULL WHERE a.id = ?`, f.id).
				Scan(ctx, &owners, &named)
			switch {
			case ctx.Err() != nil:
			case err != nil || owners < 1 || named != 1:
				f.t.Errorf("%d owners, of whom the account names %d, %v", owners, named, err)
				return
			default:
				looks.Add(1)
			}
		}
	})
	return looks, func() { cancel(); wg.Wait() }
}

// replay walks through the audit log, which stands in the order of the changes, because each was
// made with the account locked.
func (f *firm) replay(roles map[gid.User]account.Role) {
	f.t.Helper()
	var events []struct {
		Action        string
		SubjectID     gid.User
		ActorID       gid.User
		Before, After json.RawMessage
	}
	err := f.db.Admin.NewRaw(`SELECT action, subject_id, actor_id, before, after FROM igny8_audit_events
		WHERE tenant_id = ? ORDER BY id`, f.id).Scan(f.t.Context(), &events)
	if err != nil {
		f.t.Fatal(err)
	}
	role := func(raw json.RawMessage) account.Role {
		var fact struct{ Role account.Role }
		if raw != nil && json.Unmarshal(raw, &fact) != nil {
			f.t.Fatalf("%s", raw)
		}
		return fact.Role
	}
	transferred := gid.User(0)
	for n, e := range events {
		own, was, now := roles[e.ActorID], role(e.Before), role(e.After)
		say := fmt.Sprintf("event %d: %s (%s) does %s on %s (%s → %s)", n, gid.Format(e.ActorID), own, e.Action, gid.Format(e.SubjectID), was, now)
		switch e.Action {
		case "member.role_changed":
			// The second half of a transfer: the owner steps down after the new one stepped up.
			if roles[e.SubjectID] != was || !own.Reaches(account.Admin) || !own.Reaches(was) || !own.Reaches(now) {
				f.t.Error(say)
			}
			roles[e.SubjectID] = now
			transferred = e.ActorID
		case "member.removed":
			if roles[e.SubjectID] != was || !own.Reaches(was) || (e.ActorID != e.SubjectID && !own.Reaches(account.Admin)) {
				f.t.Error(say)
			}
			delete(roles, e.SubjectID)
		case "member.restored":
			if _, here := roles[e.SubjectID]; here || !own.Reaches(account.Admin) || !own.Reaches(now) {
				f.t.Error(say)
			}
			roles[e.SubjectID] = now
		case "account.ownership_transferred":
			if transferred != e.ActorID || own != account.Admin {
				f.t.Error(say)
			}
		default:
			f.t.Error(say)
		}
	}
	if got := f.roles(); fmt.Sprint(got) != fmt.Sprint(roles) {
		f.t.Errorf("the log ends with %v, the account has %v", roles, got)
	}
}

// Owners who all leave at once leave one behind.
func TestPeople_OwnersWhoAllLeaveAtOnceLeaveOneBehind(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	f := newFirm(t, db, enterprise)
	owners := []account.Actor{f.owner}
	for range 19 {
		owners = append(owners, f.person(account.Owner))
	}
	outcomes := together(t, len(owners), func(i int) error {
		if i%2 == 0 {
			_, err := account.RemoveMember(f.ctx(), db.App, owners[i], today, owners[i].User.ID)
			return err
		}
		_, err := account.ChangeRole(f.ctx(), db.App, owners[i], today, owners[i].User.ID, account.Viewer)
		return err
	})
	if outcomes["ok"] != 19 || outcomes["LAST_OWNER"] != 1 {
		t.Errorf("%v", outcomes)
	}
	if roles := f.roles(); roles[f.named()] != account.Owner {
		t.Errorf("the account names a %s", roles[f.named()])
	}
}
