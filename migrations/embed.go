// Package migrations holds the database's schema as steps.
//
// Each step is a pair of files, NNNN_name.tx.up.sql and NNNN_name.tx.down.sql; numbers rise
// without gaps, and a step that has been released is never edited. Each file is one transaction,
// run as the role igny8_owner; statements that must be sent apart stand between lines that read
// --bun:split. A down file leaves nothing of its step behind.
//
// schema.sql is the whole database on one page. It is dumped, not written:
//
//	go test ./internal/postgres/schema -update
package migrations

import "embed"

// FS holds the steps.
//
//go:embed *.sql
var FS embed.FS
