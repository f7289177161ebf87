//go:build unix

package cluster

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"igny8.com/accounts/internal/postgres"
)

func TestStart_KeepsDataThatLasts(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := begin(t, Options{DataDir: dir})
	if first.DataDir != dir {
		t.Errorf("the data is in %s, want %s", first.DataDir, dir)
	}
	if err := postgres.Bootstrap(t.Context(), first.URL(Superuser, postgres.Database)); err != nil {
		t.Fatal(err)
	}
	do(t, connect(t, first.URL(Superuser, postgres.Database)), "CREATE TABLE kept AS SELECT 42 AS answer")
	end(t, first)
	if exists(filepath.Join(dir, "postmaster.pid")) || exists(first.socket.dir) {
		t.Error("a stopped server has left its traces")
	}

	second := begin(t, Options{DataDir: dir})
	if got := ask(t, connect(t, second.URL(Superuser, postgres.Database)), "SELECT answer FROM kept"); got != "42" {
		t.Errorf("the table has %s", got)
	}
	// What serve demands of a server, this one fulfills without allowances.
	db, err := postgres.Open(t.Context(), postgres.Config{URL: second.URL(postgres.AppRole, postgres.Database)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := postgres.Check(t.Context(), db.Pool); err != nil {
		t.Error(err)
	}
}

func TestStart_ListensOnASocketThatOnlyWeCanReach(t *testing.T) {
	t.Parallel()
	c := begin(t, Options{Fast: true, MaxConnections: 17})
	conn := connect(t, c.URL(Superuser, "postgres"))
	for setting, want := range map[string]string{
		"listen_addresses": "", "unix_socket_directories": c.SocketDir(), "max_connections": "17", "fsync": "off",
		"server_encoding": "UTF8", "lc_collate": "C", "TimeZone": "UTC",
	} {
		if got := ask(t, conn, fmt.Sprintf("SELECT current_setting('%s')", setting)); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	for _, dir := range []string{c.SocketDir(), c.DataDir, filepath.Dir(c.DataDir)} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", dir, info.Mode().Perm())
		}
	}
	if !strings.HasPrefix(c.SocketDir(), "/tmp/") || len(c.SocketDir()) > 80 {
		t.Errorf("the socket is in %s", c.SocketDir())
	}
}

func TestStop_RemovesATemporaryServerAltogether(t *testing.T) {
	t.Parallel()
	c := begin(t, Options{Fast: true})
	pid, data, socket := c.Pid(), filepath.Dir(c.DataDir), c.SocketDir()
	end(t, c)
	end(t, c) // once more does no harm
	select {
	case <-c.Down():
	default:
		t.Error("Stop came back before the server was down")
	}
	if running(pid) {
		t.Errorf("process %d runs on", pid)
	}
	for _, path := range []string{data, data + ".lock", socket, socket + ".lock"} {
		if exists(path) {
			t.Errorf("%s was left", path)
		}
	}
}

func TestStop_GetsItsWayWithAServerThatWaitsForAClient(t *testing.T) {
	t.Parallel()
	c := begin(t, Options{DataDir: dataDir(t)})
	conn := connect(t, c.URL(Superuser, "postgres"))
	do(t, conn, "BEGIN")
	do(t, conn, "CREATE TABLE open (id bigint)")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no time for a clean shutdown at all
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
	if running(c.Pid()) {
		t.Error("the server runs on")
	}
}

func TestDown_TellsOfAServerThatEndsByItself(t *testing.T) {
	t.Parallel()
	c := begin(t, Options{Fast: true})
	if err := syscall.Kill(c.Pid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-c.Down()
	if !strings.Contains(c.LastLog(), "shut down") {
		t.Errorf("its last words are %q", c.LastLog())
	}
}

func TestStart_TwiceOnOneDataDirectorySaysWhoHoldsIt(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	holder, line := launch(t, dir)
	if !strings.HasPrefix(line, "ready") {
		t.Fatal(line)
	}
	c, err := Start(t.Context(), Options{DataDir: dir})
	if err == nil {
		end(t, c)
		t.Fatal("two processes have the same data")
	}
	if want := fmt.Sprintf("held by process %d,", holder.cmd.Process.Pid); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v; want it to say %q and %s", err, want, dir)
	}
}

func TestStart_ManyAtOnceOnNewDataLetsOneIn(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	type outcome struct {
		p    *process
		line string
	}
	outcomes := make(chan outcome, 3)
	for range cap(outcomes) {
		go func() {
			p, line := launch(t, dir)
			outcomes <- outcome{p, line}
		}()
	}
	ready := 0
	for range cap(outcomes) {
		switch o := <-outcomes; {
		case strings.HasPrefix(o.line, "ready"):
			ready++
		case !strings.Contains(o.line, "held by process"):
			t.Error(o.line)
		}
	}
	if ready != 1 {
		t.Errorf("%d processes have the data, want one", ready)
	}
}

func TestKill_LeavesNoOrphanAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	victim, line := launch(t, dir)
	if !strings.HasPrefix(line, "ready") {
		t.Fatal(line)
	}
	conn := connect(t, SocketURL(victim.socket, Superuser, "postgres"))
	do(t, conn, "CREATE TABLE acknowledged AS SELECT generate_series(1, 1000) AS id")
	do(t, conn, "BEGIN")
	do(t, conn, "INSERT INTO acknowledged VALUES (1001)") // never committed

	victim.kill(t)
	// At once, while the old server may still be going down.
	c := begin(t, Options{DataDir: dir})
	if running(victim.pid) {
		t.Errorf("the server of the killed process, %d, runs on", victim.pid)
	}
	if got := ask(t, connect(t, c.URL(Superuser, "postgres")), "SELECT count(*) FROM acknowledged"); got != "1000" {
		t.Errorf("%s rows, want the 1000 that were acknowledged", got)
	}
	if exists(victim.socket) {
		t.Errorf("the killed process's %s was not swept away", victim.socket)
	}
}

func TestKill_TemporaryServerIsSweptAwayByTheNextStart(t *testing.T) {
	t.Parallel()
	victim, line := launch(t, "")
	if !strings.HasPrefix(line, "ready") {
		t.Fatal(line)
	}
	survivor, line := launch(t, "")
	if !strings.HasPrefix(line, "ready") {
		t.Fatal(line)
	}
	victim.kill(t)
	waitUntil(t, "the killed process's server is down", func() bool { return !running(victim.pid) })
	begin(t, Options{Fast: true})
	if data := filepath.Dir(victim.data); exists(data) || exists(data+".lock") || exists(victim.socket) || exists(victim.socket+".lock") {
		t.Errorf("%s or %s is still there", data, victim.socket)
	}
	if !exists(survivor.data) || !exists(survivor.socket) {
		t.Error("the sweep took a living server's files")
	}
	connect(t, SocketURL(survivor.socket, Superuser, "postgres"))
}

func TestInterrupt_ReachesUsAndNotTheServer(t *testing.T) {
	t.Parallel()
	p, line := launch(t, dataDir(t))
	if !strings.HasPrefix(line, "ready") {
		t.Fatal(line)
	}
	// What a terminal does at Ctrl-C: the signal goes to the whole group.
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, SocketURL(p.socket, Superuser, "postgres"))
	if got := ask(t, conn, "SELECT 1"); got != "1" {
		t.Errorf("the server answers %s", got)
	}
	_ = conn.Close(t.Context())
	_ = p.stdin.Close()
	var last string
	for p.lines.Scan() {
		if text := p.lines.Text(); text == "stopped" {
			last = text
		}
	}
	if last != "stopped" || running(p.pid) {
		t.Errorf("after its own stop the process said %q and its server runs: %t", last, running(p.pid))
	}
}

func TestStart_FinishesWhatAKilledInitialisationLeft(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	half := dir + ".new-123"
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, Options{DataDir: dir})
	if exists(half) {
		t.Error("the half-made directory is still there")
	}
}

func TestStart_SaysWhyTheServerDidNotStart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	end(t, begin(t, Options{DataDir: dir}))
	config := filepath.Join(dir, "postgresql.conf")
	f, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("no_such_setting = on\n"); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	_, err = Start(t.Context(), Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("the error is %v", err)
	}
	// It gave up the data, too: the next start gets as far as this one.
	if _, err := Start(t.Context(), Options{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("the second error is %v", err)
	}
}

func TestStart_RefusesDataOfAVersionThatIsNotInstalled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte("99\n"), fs.FileMode(0o644)); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "for data made by Postgres 99") {
		t.Errorf("the error is %v", err)
	}
}
