package staff

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/postgres"
)

// RecordUse writes into the account's log that staff who act for it are about to run an operation: its
// kind, as GraphQL calls it (query, mutation, subscription), and the names of its root fields. It is one
// statement, committed when it returns, so that nothing is read before the log says so. For everybody
// else it does nothing. A mutation's own event, where it makes a change, stands beside this one.
func RecordUse(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, operationKind string, fields []string) error {
	imp := actor.Impersonation
	if imp == nil {
		return nil
	}
	action := "impersonation.read"
	if operationKind == "mutation" {
		action = "impersonation.write"
	}
	names := slices.Clone(fields)
	slices.Sort(names)
	names = slices.Compact(names)
	return audit.Note(postgres.WithTenant(ctx, int64(imp.TenantID)), db, imp.TenantID, actor.By(imp.TenantID), now,
		audit.On(action, "impersonation", imp.ID).To(map[string]any{"operation": operationKind, "fields": names}))
}
