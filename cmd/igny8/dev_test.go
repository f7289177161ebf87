package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// program is a copy of igny8 dev that runs as a process of its own.
type program struct {
	*exec.Cmd

	stdout, stderr *output
	ended          chan struct{}
	code           int
}

func startDev(t *testing.T, environ ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.CommandContext(t.Context(), self, "dev"), stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{})}
	p.Env = append([]string{runAsProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "PGBIN=" + os.Getenv("PGBIN")}, environ...)
	p.Stdout, p.Stderr = p.stdout, p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Wait() // the exit code tells
		p.code = p.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		<-p.ended
	})
	return p
}

// api waits until the program serves.
func (p *program) api(t *testing.T) api {
	t.Helper()
	return api(p.stdout.find(t, `GraphiQL\s+(http://\S+)/\n`, p.ended))
}

// wait waits for the end of the program and returns its exit code.
func (p *program) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.code
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", p.stderr)
		return 0
	}
}

// postmaster is the process of the Postgres that works on the data directory; 0 when there is none.
func postmaster(dataDir string) int {
	text, err := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || !runs(pid) {
		return 0
	}
	return pid
}

// runs says whether the process runs. One that has ended stays in the table until its parent asks for it,
// and whoever adopted an orphan in a container may never ask.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// gone waits until the process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for runs(pid) {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// openTempDir is a directory that whoever runs Postgres for root can reach.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

const logIn = `mutation { logIn(input: {email: "scale@igny8.com", password: "` + demo.Password + `"}) {
	session { accessToken refreshToken } userErrors { message } } }`

func TestDev_KeepsItsDataThroughAKillAndStopsInOrder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openTempDir(t), ".data")
	// Tokens name the public URL, which must outlive the port.
	environ := []string{"IGNY8_DATA_DIR=" + dir, "IGNY8_ADDR=127.0.0.1:0", "IGNY8_PUBLIC_URL=http://localhost:8080"}

	first := startDev(t, environ...)
	a := first.api(t)
	for _, user := range demoUsers() {
		first.stdout.find(t, `(`+strings.ReplaceAll(user.Email, "+", `\+`)+`)`, first.ended)
	}
	data := first.stdout.find(t, `data in (\S+)\.`, first.ended)
	if status, body := a.get(t, "/"); status != http.StatusOK || !strings.Contains(body, demo.Password) {
		t.Errorf("the page does not offer the demo users: %d", status)
	}
	session := dig(t, a.post(t, "", logIn), "logIn", "session")
	access, _ := dig(t, session, "accessToken").(string)
	refresh, _ := dig(t, session, "refreshToken").(string)

	// A year can be shown on the demo state without further ado.
	staff, _ := dig(t, a.post(t, "", strings.Replace(logIn, "scale@igny8.com", "dev@igny8.com", 1)), "logIn", "session", "accessToken").(string)
	if at := dig(t, a.post(t, staff, `mutation { createTestClock(input: {accountId: "acct_30", idempotencyKey: "try"}) { account { testClock { now } } } }`),
		"createTestClock", "account", "testClock", "now"); at == nil {
		t.Error("the demo's staff cannot make a test clock")
	}

	second := startDev(t, environ...)
	if code := second.wait(t); code != exitFailure || !strings.Contains(second.stderr.String(), strconv.Itoa(first.Process.Pid)) {
		t.Errorf("a second copy on the same data ended with %d and said\n%s", code, second.stderr)
	}

	pid := postmaster(data)
	if pid == 0 {
		t.Fatalf("no Postgres works in %s", data)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.wait(t)
	gone(t, pid)

	third := startDev(t, environ...)
	a = third.api(t)
	if name := dig(t, a.post(t, access, `{ account { name } }`), "account", "name"); name != "Scale Account" {
		t.Errorf("after the kill, the token is of %v", name)
	}
	if next := dig(t, a.post(t, "", `mutation { refreshSession(input: {refreshToken: "`+refresh+`"}) { session { accessToken } } }`),
		"refreshSession", "session"); next == nil {
		t.Error("after the kill, the refresh token does not work")
	}
	for _, name := range []string{"signing-key", "secret"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	pid = postmaster(data)
	if err := third.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := third.wait(t); code != exitOK {
		t.Errorf("Ctrl-C ended it with %d:\n%s", code, third.stderr)
	}
	gone(t, pid)
}

func TestDev_LeavesADatabaseWithAccountsAsItIs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	dir := t.TempDir()
	environ := []string{"IGNY8_DATA_DIR=" + dir, "IGNY8_ADDR=127.0.0.1:0", "DATABASE_URL=" + db.URL(cluster.Superuser)}
	count := func(table string) (n int) {
		if err := db.Admin.Pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	first := startDev(t, environ...)
	first.api(t).post(t, "", logIn)
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := first.wait(t); code != exitOK {
		t.Fatalf("SIGTERM ended it with %d:\n%s", code, first.stderr)
	}
	accounts, lines := count("igny8_tenants"), count("igny8_credit_transactions")
	if accounts != len(demo.Emails()) || lines < 280 {
		t.Errorf("%d accounts with %d ledger lines were loaded", accounts, lines)
	}

	// No longer the demo: neither loaded again nor offered.
	if _, err := db.Admin.Pool.Exec(t.Context(), "DELETE FROM igny8_database_marks"); err != nil {
		t.Fatal(err)
	}
	second := startDev(t, environ...)
	if _, page := second.api(t).get(t, "/"); strings.Contains(page, demo.Password) {
		t.Error("the page offers demo users that the database does not have")
	}
	if count("igny8_tenants") != accounts || count("igny8_credit_transactions") != lines {
		t.Error("the second start changed the database")
	}
	if strings.Contains(second.stdout.String(), demo.Password) {
		t.Errorf("it says\n%s", second.stdout)
	}
}

func TestDev_EndsWhenItsPostgresDies(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openTempDir(t), ".data")
	p := startDev(t, "IGNY8_DATA_DIR="+dir, "IGNY8_ADDR=127.0.0.1:0")
	p.api(t)
	pid := postmaster(p.stdout.find(t, `data in (\S+)\.`, p.ended))
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != exitFailure || !strings.Contains(p.stderr.String(), "Postgres ended by itself") {
		t.Errorf("it ended with %d and said\n%s", code, p.stderr)
	}
}

func TestDev_SaysWhoHasThePort(t *testing.T) {
	t.Parallel()
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	got := command(t.Context(), map[string]string{"IGNY8_ADDR": listener.Addr().String(), "IGNY8_DATA_DIR": t.TempDir()}, "dev")
	if lines := got.problems(t); got.code != exitFailure || len(lines) != 1 || !strings.Contains(lines[0], "another program listens on") {
		t.Errorf("%+v", got)
	}
}

func TestDev_IsBriefAboutBeingStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := command(ctx, map[string]string{"IGNY8_ADDR": "127.0.0.1:0", "IGNY8_DATA_DIR": filepath.Join(openTempDir(t), ".data")}, "dev")
	if lines := got.problems(t); got.code != exitFailure || len(lines) != 1 || lines[0] != "stopped before it was done" {
		t.Errorf("%+v", got)
	}
}

func TestLasting_MakesASecretOnceAndKeepsItClosed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	const copies = 8
	type secrets struct{ keys, secret, vault string }
	results := make(chan secrets, copies)
	for range copies {
		go func() {
			cfg := config{DataDir: dir}
			if err := cfg.useLastingSecrets(); err != nil {
				t.Error(err)
			}
			results <- secrets{cfg.SigningKeys, cfg.Secret, cfg.VaultKeys}
		}()
	}
	first := <-results
	for range copies - 1 {
		if other := <-results; other != first {
			t.Errorf("two copies that started at once have %v and %v", first, other)
		}
	}
	if weakKeys(first.keys, parseSigningKeys) != "" || weakKeys(first.vault, parseVaultKeys) != "" || weakness([]byte(first.secret)) != "" {
		t.Errorf("weak: %v", first)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	path := filepath.Join(dir, "secret")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (&config{DataDir: dir}).useLastingSecrets(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others can read: %v", err)
	}
}
