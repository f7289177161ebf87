package apikey

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/slug"
	"igny8.com/accounts/internal/vault"
)

// MaxImport is how many keys one file can carry over.
const MaxImport = 100_000

// Report says what came of an import.
type Report struct {
	// Imported keys are new here; Present ones had been carried over before.
	Imported, Present int
}

// LineError is what is wrong with a line of a file; the fault's field is the column.
type LineError struct {
	Line  int
	Fault *fault.Error
}

// ImportError is everything that is wrong with a file of keys. It holds no key.
type ImportError struct{ Lines []LineError }

func (e *ImportError) Error() string {
	const most = 20
	var text strings.Builder
	for i, line := range e.Lines {
		if i == most {
			fmt.Fprintf(&text, "and %d lines more\n", len(e.Lines)-most)
			break
		}
		fmt.Fprintf(&text, "line %d: %s\n", line.Line, line.Fault)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func (e *ImportError) add(line int, f *fault.Error) {
	e.Lines = append(e.Lines, LineError{Line: line, Fault: f})
}

// orNil is nil where nothing is wrong.
func (e *ImportError) orNil() error {
	if len(e.Lines) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Lines, func(a, b LineError) int { return a.Line - b.Line })
	return e
}

// row is a line of a file.
type row struct {
	line   int
	tenant gid.Account
	slug   string // of the account, where the line does not name it by its id
	site   siteRef
	key    string
}

// ImportCSV carries keys over from a file: a heading tenant,site,key and a line a key, where an account and a
// site are named by their ids (30 or acct_30, 19 or site_19) or their slugs; what is digits alone is an id.
// Either every line is carried over or none. It holds the accounts until it is done. Errors: *ImportError.
func ImportCSV(ctx context.Context, db bun.IDB, v *vault.Vault, r io.Reader, now time.Time) (Report, error) {
	var malformed ImportError
	rows, err := readRows(r, &malformed)
	if err != nil {
		return Report{}, err
	}
	var report Report
	err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		report = Report{}
		wrong := ImportError{Lines: slices.Clone(malformed.Lines)}
		seen := map[string]*account.Key{}
		byTenant, err := resolve(ctx, tx, rows, &wrong)
		if err != nil {
			return err
		}
		for _, of := range byTenant {
			if err := importTenant(ctx, tx, v, now, of, seen, &report, &wrong); err != nil {
				return err
			}
		}
		return wrong.orNil()
	})
	if err != nil {
		return Report{}, err
	}
	return report, nil
}

// importTenant carries the keys of one account's lines over.
func importTenant(
	ctx context.Context, tx bun.Tx, v *vault.Vault, now time.Time, rows []row, seen map[string]*account.Key,
	report *Report, wrong *ImportError,
) error {
	tenant := rows[0].tenant
	// One transaction writes to several accounts, so the scope moves inside of it; it is gone with the
	// transaction, and the connection goes back to the pool in the scope that the pool gave it.
	if _, err := tx.ExecContext(ctx, "SELECT set_config('app.tenant_id', ?::text, true)", tenant); err != nil {
		return fmt.Errorf("enter the account: %w", err)
	}
	var refs siteRefs
	values := make([]string, len(rows))
	for i, row := range rows {
		values[i] = row.key
		if row.site.id != 0 {
			refs.ids = append(refs.ids, row.site.id)
		} else {
			refs.slugs = append(refs.slugs, row.site.slug)
		}
	}
	c, err := newCarrier(ctx, tx, v, now, tenant, refs, values, seen)
	if found := fault.Of(err); found != nil {
		for _, row := range rows {
			wrong.add(row.line, found[0])
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, f := c.judge(row.site, row.key); f != nil {
			wrong.add(row.line, f)
			continue
		}
		report.Present++
	}
	report.Imported += len(c.fresh)
	report.Present -= len(c.fresh)
	if len(wrong.Lines) > 0 {
		return nil // all of it is rolled back
	}
	return c.write(ctx, tx)
}

// resolve finds the accounts that lines name by slug, and groups the lines by account, in the order in
// which accounts are locked. Lines of accounts that are not there it adds to wrong.
func resolve(ctx context.Context, tx bun.Tx, rows []row, wrong *ImportError) ([][]row, error) {
	slugs := []string{}
	for _, row := range rows {
		if row.tenant == 0 {
			slugs = append(slugs, row.slug)
		}
	}
	found := []struct {
		Slug     string
		TenantID gid.Account
	}{}
	if len(slugs) > 0 {
		err := tx.NewSelect().Table("igny8_slug_directory").Column("slug", "tenant_id").
			Where("slug IN (?)", bun.List(slugs)).Scan(ctx, &found)
		if err != nil {
			return nil, fmt.Errorf("read slugs of accounts: %w", err)
		}
	}
	bySlug := make(map[string]gid.Account, len(found))
	for _, f := range found {
		bySlug[f.Slug] = f.TenantID
	}
	groups := map[gid.Account][]row{}
	order := []gid.Account{}
	for _, row := range rows {
		if row.tenant == 0 {
			row.tenant = bySlug[row.slug]
		}
		if row.tenant == 0 {
			wrong.add(row.line, fault.New(fault.NotFound, "there is no such account").At(tenantColumn))
			continue
		}
		if groups[row.tenant] == nil {
			order = append(order, row.tenant)
		}
		groups[row.tenant] = append(groups[row.tenant], row)
	}
	slices.Sort(order)
	byTenant := make([][]row, len(order))
	for i, tenant := range order {
		byTenant[i] = groups[tenant]
	}
	return byTenant, nil
}

// readRows reads the whole file, so that no transaction waits for it. Lines that can be none it adds to
// wrong. Errors: *ImportError where the rest cannot be read for it.
func readRows(r io.Reader, wrong *ImportError) ([]row, error) {
	columns := []string{tenantColumn, siteColumn, keyColumn}
	in := csv.NewReader(r)
	in.FieldsPerRecord = len(columns)
	heading, err := in.Read()
	_, malformed := errors.AsType[*csv.ParseError](err)
	if err != nil && !malformed && !errors.Is(err, io.EOF) {
		return nil, unreadable(err)
	}
	if !slices.Equal(heading, columns) {
		wrong.add(1, fault.New(fault.Invalid, "a file of keys begins with the line %s", strings.Join(columns, ",")))
		return nil, wrong.orNil()
	}
	rows := []row{}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if malformed, ok := errors.AsType[*csv.ParseError](err); ok {
			// Of the parser's error only the kind is told: a line holds a key.
			wrong.add(malformed.StartLine, fault.New(fault.Invalid, "%s", malformed.Err.Error()))
			if errors.Is(err, csv.ErrFieldCount) {
				continue
			}
			return nil, wrong.orNil()
		}
		if err != nil {
			return nil, unreadable(err)
		}
		line, _ := in.FieldPos(0)
		if len(rows) == MaxImport {
			wrong.add(line, fault.New(fault.TooLong, "a file has at most %d keys; split it", MaxImport))
			return nil, wrong.orNil()
		}
		if read, ok := readRow(line, record, wrong); ok {
			rows = append(rows, read)
		}
	}
}

func unreadable(err error) error { return fmt.Errorf("read the keys to import: %w", err) }

// readRow reads a line's names; those that can be none it adds to wrong.
func readRow(line int, record []string, wrong *ImportError) (row, bool) {
	read := row{line: line, key: record[2]}
	tenant, tenantSlug, tenantOK := reference[gid.Account](record[0])
	id, siteSlug, siteOK := reference[gid.Site](record[1])
	if !tenantOK {
		wrong.add(line, fault.New(fault.NotFound, "there is no such account").At(tenantColumn))
	}
	if !siteOK {
		wrong.add(line, fault.New(fault.NotFound, "there is no such site in this account").At(siteColumn))
	}
	read.tenant, read.slug, read.site = tenant, tenantSlug, siteRef{id: id, slug: siteSlug}
	return read, tenantOK && siteOK
}

// reference reads an id, as a number or in the API's form, or a slug; false where the text can be neither.
func reference[T gid.ID](text string) (id T, slugged string, ok bool) {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		text = id.Prefix() + "_" + text
	}
	if strings.Contains(text, "_") {
		id, err := gid.Parse[T](text)
		return id, "", err == nil
	}
	return 0, text, slug.Valid(text)
}
