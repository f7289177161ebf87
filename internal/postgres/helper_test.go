package postgres_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// notes is a schema of its own: these tests are about the way to the database, not about what the
// product keeps there.
var notes = fstest.MapFS{
	"0001_notes.tx.up.sql": {Data: []byte(`
create table igny8_notes (
    tenant_id bigint not null,
    id        bigserial,
    body      text not null constraint igny8_notes_body_check check (body <> ''),
    parent    bigint,
    primary key (tenant_id, id),
    constraint igny8_notes_body_key unique (tenant_id, body),
    constraint igny8_notes_parent_fkey foreign key (tenant_id, parent) references igny8_notes (tenant_id, id)
);
alter table igny8_notes enable row level security;
alter table igny8_notes force row level security;
create policy tenant on igny8_notes using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint);
create policy staff on igny8_notes for select using (current_setting('app.staff', true) = 'on');
grant select, insert, update, delete on igny8_notes to igny8_app;
grant usage on sequence igny8_notes_id_seq to igny8_app;
`)},
	"0001_notes.tx.down.sql": {Data: []byte("drop table igny8_notes;\n")},
	"0002_labels.tx.up.sql": {Data: []byte(`
create extension if not exists btree_gist;
create table igny8_labels (
    name    text primary key,
    during  tstzrange not null,
    constraint igny8_labels_during_excl exclude using gist (name with =, during with &&)
);
`)},
	"0002_labels.tx.down.sql": {Data: []byte("drop table igny8_labels;\n")},
}

func newNotes(t *testing.T, opts ...pgtest.Option) *pgtest.DB {
	t.Helper()
	return pgtest.New(t, append([]pgtest.Option{pgtest.WithMigrations(notes)}, opts...)...)
}

// arrange runs statements as the superuser.
func arrange(t *testing.T, db *pgtest.DB, statements string) {
	t.Helper()
	if _, err := db.Admin.Pool.Exec(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// count is the number of notes that ctx sees.
func count(t *testing.T, ctx context.Context, db *postgres.DB) int64 {
	t.Helper()
	n, err := db.NewSelect().Table("igny8_notes").Count(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func open(t *testing.T, cfg postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func admin(db *pgtest.DB) postgres.Config { return postgres.Config{URL: db.URL(cluster.Superuser)} }

func codeOf(err error) string {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return ""
	}
	return pgErr.Code
}

// role makes a role that is dropped when the test ends. Roles belong to the whole cluster, so the
// name must be the test's own.
func role(t *testing.T, db *pgtest.DB, name, attributes string) {
	t.Helper()
	quoted := pgx.Identifier{name}.Sanitize()
	arrange(t, db, "CREATE ROLE "+quoted+" "+attributes)
	t.Cleanup(func() {
		// Its grants in this database would hold it back.
		for _, statement := range []string{
			"REASSIGN OWNED BY " + quoted + " TO " + cluster.Superuser, "DROP OWNED BY " + quoted, "DROP ROLE " + quoted,
		} {
			if _, err := db.Admin.Pool.Exec(context.Background(), statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

// arrangeLate is arrange for cleanups, when the test's context has ended.
func arrangeLate(t *testing.T, db *pgtest.DB, statements string) {
	t.Helper()
	if _, err := db.Admin.Pool.Exec(context.Background(), statements); err != nil {
		t.Error(err)
	}
}
