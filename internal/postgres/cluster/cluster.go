//go:build unix

// Package cluster runs a Postgres of our own: for `make run` one whose data lasts, for tests one
// in memory.
//
// What must always hold: the server does not outlive this process, even one killed with SIGKILL;
// it hears no Ctrl-C, but stops when Stop is called; it listens on a socket in a directory that
// only we may enter and on no network; no two processes ever use one data directory; and with
// data that lasts, what was acknowledged is on the disk.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser is the role that owns the cluster.
const Superuser = "postgres"

// Names that Postgres gives: its programs, and the database that every cluster has.
const (
	serverProgram = "postgres"
	initProgram   = "initdb"
	maintenance   = "postgres"
)

const (
	startPatience = time.Minute     // a start may have to replay the log
	killPatience  = 5 * time.Second // from an immediate shutdown to SIGKILL
)

// Options say what kind of cluster to run.
type Options struct {
	// DataDir is where the data lives and stays. Empty: in a temporary directory, in memory where
	// there is room, removed by Stop or, after a kill, by the next start.
	DataDir string
	// Fast gives up durability for speed. For tests alone.
	Fast bool
	// MaxConnections is the server's limit; 0 means 100.
	MaxConnections int
	// Log gets what the server says; nil: only its last lines are kept, for error messages.
	Log io.Writer
	// Fetch says how to get Postgres where none is installed; nil: not at all.
	Fetch *Fetch
}

// Cluster is a running server.
type Cluster struct {
	// DataDir is where the data is; not the directory asked for, if the user who runs Postgres
	// cannot reach that one.
	DataDir string
	// Binaries is the installation that runs.
	Binaries Binaries

	socket *scratch
	data   *scratch // nil for data that lasts
	held   *os.File // nil for data that does not
	server *os.Process
	down   chan struct{}
	log    *tail

	stop    sync.Once
	stopErr error
}

// Start runs a server and returns when it answers.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	who, err := servant()
	if err != nil {
		return nil, err
	}
	return start(ctx, opts, newFinder(who))
}

func start(ctx context.Context, opts Options, f finder) (_ *Cluster, err error) {
	who := f.servant
	c := &Cluster{log: &tail{to: opts.Log}, down: make(chan struct{})}
	defer func() {
		if err != nil {
			c.cleanUp()
		}
	}()

	if opts.DataDir == "" {
		if c.data, err = newScratch(fastParent(), who); err != nil {
			return nil, fmt.Errorf("make a directory for Postgres: %w", err)
		}
		c.DataDir = filepath.Join(c.data.dir, "data")
	} else {
		if c.DataDir, err = who.place(ctx, opts.DataDir); err != nil {
			return nil, err
		}
		if c.held, err = hold(ctx, c.DataDir); err != nil {
			return nil, err
		}
	}
	major, err := majorIn(c.DataDir)
	if err != nil {
		return nil, err
	}
	if c.Binaries, err = findOrFetch(ctx, f, major, opts.Fetch); err != nil {
		return nil, err
	}
	if major == 0 {
		if err := initialize(ctx, who, c.Binaries, c.DataDir, opts.Fast); err != nil {
			return nil, err
		}
	}
	// The path of a socket has room for about a hundred bytes, so it cannot be beside the data.
	if c.socket, err = newScratch("/tmp", who); err != nil {
		return nil, fmt.Errorf("make a directory for the socket of Postgres: %w", err)
	}
	if err := c.run(ctx, who, opts); err != nil {
		return nil, err
	}
	return c, nil
}

const port = "5432" // part of the socket's file name; no network port is opened

func settings(opts Options) []string {
	connections := opts.MaxConnections
	if connections == 0 {
		connections = 100
	}
	s := []string{
		"listen_addresses=", "unix_socket_permissions=0700",
		"max_connections=" + strconv.Itoa(connections),
		"timezone=UTC", "log_timezone=UTC", "log_destination=stderr", "logging_collector=off",
		"jit=off", // costs more than the short statements of this service take
	}
	if opts.Fast {
		return append(s, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal",
			"max_wal_senders=0", "autovacuum=off", "checkpoint_timeout=1h", "max_wal_size=2GB")
	}
	return append(s, "fsync=on", "synchronous_commit=on", "full_page_writes=on")
}

// URL is how a role reaches a database of the cluster. No password is asked for: whoever can
// enter the socket's directory is let in.
func (c *Cluster) URL(role, database string) string {
	return SocketURL(c.socket.dir, role, database)
}

// SocketDir is the directory of the server's socket.
func (c *Cluster) SocketDir() string { return c.socket.dir }

// SocketURL is how a role reaches a database of the cluster whose socket is in dir.
func SocketURL(dir, role, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {dir}, "port": {port}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Pid is the server's process.
func (c *Cluster) Pid() int { return c.server.Pid }

// Down is closed when the server has ended, whether by Stop or by itself.
func (c *Cluster) Down() <-chan struct{} { return c.down }

// LastLog is what the server said last, for an error message.
func (c *Cluster) LastLog() string { return c.log.String() }

// Stop ends the server: open transactions are rolled back, sessions closed, the data written out.
// When ctx ends first, the server stops at once, which loses nothing either but makes the next
// start replay the log. Further calls return what the first did.
func (c *Cluster) Stop(ctx context.Context) error {
	c.stop.Do(func() {
		c.stopErr = c.shutDown(ctx)
		c.cleanUp()
	})
	return c.stopErr
}

func (c *Cluster) run(ctx context.Context, who account, opts Options) error {
	args := make([]string, 0, 32)
	args = append(args, "-D", c.DataDir, "-k", c.socket.dir, "-p", port)
	for _, setting := range settings(opts) {
		args = append(args, "-c", setting)
	}
	// The server must not end with ctx, which may be a request's or a start's.
	cmd := who.command(context.WithoutCancel(ctx), c.DataDir, filepath.Join(c.Binaries.Dir, serverProgram), args...)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	cmd.WaitDelay = killPatience // should a child of the server keep the log's pipe open
	exited, err := spawn(cmd)
	if err != nil {
		return fmt.Errorf("start Postgres: %w", err)
	}
	c.server = cmd.Process
	go func() {
		if err := <-exited; err != nil {
			_, _ = fmt.Fprintf(c.log, "the server ended: %v\n", err)
		}
		close(c.down)
	}()
	if err := c.waitReady(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
		defer cancel()
		return errors.Join(err, c.Stop(stopCtx))
	}
	return nil
}

func (c *Cluster) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.URL(Superuser, maintenance))
		if err == nil {
			_ = conn.Close(ctx) // it has answered
			return nil
		}
		select {
		case <-c.down:
			return fmt.Errorf("Postgres ended while starting:\n%s", c.log)
		case <-ctx.Done():
			return fmt.Errorf("Postgres does not answer: %w\n%s", err, c.log)
		case <-tick.C:
		}
	}
}

func (c *Cluster) shutDown(ctx context.Context) error {
	signals := []syscall.Signal{syscall.SIGINT, quit, syscall.SIGKILL}
	if c.data != nil {
		signals = signals[1:] // there is nothing to keep, so nothing to write out
	}
	for _, signal := range signals {
		if down, err := c.signal(ctx, signal); down || err != nil {
			return err
		}
	}
	return fmt.Errorf("Postgres, process %d, does not stop", c.server.Pid)
}

// signal sends one signal and waits until the server is down or ctx has ended.
func (c *Cluster) signal(ctx context.Context, signal syscall.Signal) (down bool, err error) {
	if signal != syscall.SIGINT { // the caller's own patience is over
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), killPatience)
		defer cancel()
	}
	if err := c.server.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return false, fmt.Errorf("stop Postgres: %w", err)
	}
	select {
	case <-c.down:
		return true, nil
	case <-ctx.Done():
		return false, nil
	}
}

func (c *Cluster) cleanUp() {
	// What cannot be removed now, the next start sweeps away.
	_ = c.socket.remove()
	_ = c.data.remove()
	if c.held != nil {
		_ = c.held.Close() // the file stays: removing it could take another's lock away
	}
	c.data, c.held = nil, nil
}

// tail passes on what the server says and remembers the end of it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
	to  io.Writer
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	if t.to != nil {
		_, _ = t.to.Write(p) // a log that cannot be written must not stop the server
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
