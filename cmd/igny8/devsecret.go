package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/vault"
)

// useLastingSecrets reads dev's keys and secret from the data directory, and makes them at the first
// start, so that whoever signed in stays signed in over restarts.
func (cfg *config) useLastingSecrets() error {
	for _, s := range []struct {
		name     string
		into     *string
		generate func() (string, error)
	}{
		{"signing-key", &cfg.SigningKeys, auth.GenerateKey},
		{"secret", &cfg.Secret, newSecret},
		{"vault-key", &cfg.VaultKeys, func() (string, error) { return vault.Generate(), nil }},
	} {
		text, err := lasting(filepath.Join(cfg.DataDir, s.name), s.generate)
		if err != nil {
			return err
		}
		*s.into = text
	}
	return nil
}

// lasting reads the file, which is made first if it is not there. It is readable by nobody else, and
// whole or absent: of two processes that make it at once both read the first one's.
func lasting(path string, generate func() (string, error)) (string, error) {
	if text, err := read(path); !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	text, err := generate()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // the user who runs Postgres passes through; the files are closed
		return "", fmt.Errorf("make the data directory: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // closed to others, mode 0600
	if err != nil {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.WriteString(text + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	return read(path)
}

func read(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: chmod 600 it, or remove it to have a new one made", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
