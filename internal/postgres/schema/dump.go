//go:build unix

// Package schema writes a database's whole schema on one page, the way migrations/schema.sql has
// it.
//
// What must always hold: the page depends on the schema alone, not on the day, the machine or the
// owner's name, so that two pages are equal exactly when two schemas are; and it can be read back
// into an empty database.
package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"igny8.com/accounts/internal/postgres/cluster"
)

// Header starts the page.
const Header = `-- The whole database on one page, for reading: tables, constraints, indexes, policies, grants.
-- Dumped from a database that has all migrations, never edited. To bring it up to date:
--
--     go test ./internal/postgres/schema -update
`

// Dump gives the schema of the database at url, without the table of migrations. It runs pg_dump
// as the URL's user, who must be able to read all of it: a superuser or the owner.
func Dump(ctx context.Context, url string) (string, error) {
	program, err := cluster.Tool(ctx, "pg_dump")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, "--schema-only", "--no-owner", "--no-tablespaces", //nolint:gosec // Postgres's own program
		"--no-table-access-method", "--exclude-table=igny8_migrations", "--exclude-table=igny8_migrations_id_seq", "--dbname="+url)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("pg_dump: %w", errors.Join(err, errors.New(strings.TrimSpace(complaint.String()))))
	}
	return Header + "\n" + normalise(out.String()), nil
}

var (
	// noise are the lines of a dump that say nothing of the schema: psql's guards, the settings of
	// the session that would load it, the extension's own comment, and pg_dump's comments, which
	// repeat the statement below them and name versions.
	noise = regexp.MustCompile(`(?m)^(\\(un)?restrict .*|SET \w+ = .*;|SELECT pg_catalog\.set_config\('search_path'.*|COMMENT ON EXTENSION .*|--.*)\n`)
	// inPublic is the only schema there is.
	inPublic = regexp.MustCompile(`\bpublic\.`)
	// plainSequence is a sequence with nothing but defaults.
	plainSequence = regexp.MustCompile(`(CREATE SEQUENCE \w+)\n    START WITH 1\n    INCREMENT BY 1\n    NO MINVALUE\n    NO MAXVALUE\n    CACHE 1;`)
	blankLines    = regexp.MustCompile(`\n{3,}`)
)

func normalise(dump string) string {
	dump = noise.ReplaceAllString(dump, "")
	dump = inPublic.ReplaceAllString(dump, "")
	dump = plainSequence.ReplaceAllString(dump, "$1;")
	return strings.TrimSpace(blankLines.ReplaceAllString(dump, "\n\n")) + "\n"
}
