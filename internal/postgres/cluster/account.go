//go:build unix

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who runs Postgres. Postgres and initdb refuse root, so root lends them another.
type account struct {
	name       string
	credential *syscall.Credential // nil: whoever we are
}

// servant is the account that runs Postgres: ourselves, or for root the user postgres, else
// nobody. The packages of Postgres make a user of the same name as its superuser.
func servant() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{Superuser, "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if errors.Join(err1, err2) != nil || uid == 0 {
			continue
		}
		return account{name: name, credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, errors.New("Postgres does not run as root, and this machine has neither a user postgres nor a user nobody to run it as: " +
		"run this as an ordinary user")
}

// command prepares a program that runs as the account, in dir, with an environment in which
// nothing of ours can change what Postgres does.
func (a account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // Postgres's own programs, found by Find
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	return cmd
}

// own hands a path to the account.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		return fmt.Errorf("hand it to the user %s: %w", a.name, err)
	}
	return nil
}

// reaches says whether the account can enter dir, by entering it: mode bits alone do not tell of
// access lists and security modules.
func (a account) reaches(ctx context.Context, dir string) bool {
	if a.credential == nil {
		return true
	}
	return a.command(ctx, dir, "/bin/sh", "-c", ":").Run() == nil
}

// sharedData is where root's data goes when its own directories are closed to the account.
const sharedData = "/var/lib/igny8"

// place decides where the data lives. It is the directory wanted unless the account cannot reach
// it (root's home is closed to others); then it is one of its own under /var/lib, named after the
// one wanted so that two checkouts never share their data.
func (a account) place(ctx context.Context, wanted string) (string, error) {
	wanted, err := filepath.Abs(wanted)
	if err != nil {
		return "", fmt.Errorf("place the data of Postgres: %w", err)
	}
	parent := filepath.Dir(wanted)
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // the account has to pass through
		return "", fmt.Errorf("place the data of Postgres: %w", err)
	}
	if a.reaches(ctx, parent) {
		return wanted, nil
	}
	elsewhere := filepath.Join(sharedData, fingerprint(wanted), "postgres")
	parent = filepath.Dir(elsewhere)
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // the account has to pass through
		return "", fmt.Errorf("place the data of Postgres: %w", err)
	}
	if !a.reaches(ctx, parent) {
		return "", fmt.Errorf("the user %s, who runs Postgres for root, can enter neither %s nor %s", a.name, filepath.Dir(wanted), parent)
	}
	return elsewhere, nil
}
