package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// Low is that an account's credits are low.
type Low struct {
	Credits *Account
	// Below is the number below which what is available is low, Since since when it is.
	Below int64
	Since time.Time
}

// LowOf says whether an account's credits are low; nil while they are not.
func LowOf(ctx context.Context, db bun.IDB, tenant gid.Account) (*Low, error) {
	rows := []*watched{}
	if err := db.NewSelect().Model(&rows).Where("tenant_id = ?", tenant).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read whether credits are low: %w", err)
	}
	if len(rows) == 0 || rows[0].LowSince == nil {
		return nil, nil
	}
	return &Low{Credits: &rows[0].Account, Below: rows[0].LowBelow, Since: rows[0].LowSince.UTC()}, nil
}
