package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"igny8.com/accounts/graph"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/build"
	"igny8.com/accounts/internal/vault"
)

type keysCmd struct {
	Generate keysGenerateCmd `cmd:"" help:"Make a signing key, a secret and a vault key, as lines for an environment file."`
}

type keysGenerateCmd struct{}

// Help is what `igny8 keys generate --help` says beyond the flags.
func (keysGenerateCmd) Help() string {
	return `Prints three lines, each made of 32 bytes from the system's source of randomness. Nothing is
stored: keep them where secrets are kept. docs/operating.md says how keys are replaced
without signing anybody out.

Example:

    (umask 077; igny8 keys generate > igny8.env)`
}

// Run makes keys.
func (keysGenerateCmd) Run(p process) error {
	key, err := auth.GenerateKey()
	if err != nil {
		return err
	}
	secret, err := newSecret()
	if err != nil {
		return err
	}
	p.sayf("IGNY8_SIGNING_KEYS=%s", key)
	p.sayf("IGNY8_SECRET=%s", secret)
	p.sayf("IGNY8_VAULT_KEYS=%s", vault.Generate())
	return nil
}

type schemaCmd struct{}

// Help is what `igny8 schema --help` says beyond the flags.
func (schemaCmd) Help() string {
	return `Prints what a running server serves at /schema.graphql, for code generators and for comparing versions.

Example:

    igny8 schema > schema.graphql`
}

// Run prints the schema.
func (schemaCmd) Run(p process) error {
	return p.write(graph.SDL())
}

type versionCmd struct {
	JSON bool `help:"Print JSON."`
}

// Help is what `igny8 version --help` says beyond the flags.
func (versionCmd) Help() string {
	return `A running server says the same at /healthz. "unknown" as the commit means that the program was not built by make.

Example:

    igny8 version --json`
}

// Run prints the build.
func (c versionCmd) Run(p process) error {
	if c.JSON {
		text, err := json.Marshal(build.Current())
		if err != nil {
			return fmt.Errorf("write the version: %w", err)
		}
		return p.write(string(text) + "\n")
	}
	return p.write(build.Current().String() + "\n")
}

type healthcheckCmd struct {
	URL   string `help:"The server's URL; without it, the one that IGNY8_ADDR leads to on this machine."`
	Ready bool   `help:"Ask /readyz, whether it can answer requests, rather than /healthz, whether it lives."`
}

// Help is what `igny8 healthcheck --help` says beyond the flags.
func (healthcheckCmd) Help() string {
	return `Ends with 0 when the server is well and with 1 when not, for containers whose image holds nothing else that could ask.

Example:

    igny8 healthcheck --ready

` + environmentHelp("healthcheck")
}

// healthPatience is how long the server may take to answer; /readyz itself gives the database a second.
const healthPatience = 3 * time.Second

// Run asks the server.
func (c healthcheckCmd) Run(p process) error {
	cfg, err := readConfig(p.environ, "healthcheck")
	if err != nil {
		return err
	}
	url := c.URL
	if url == "" {
		url = "http://" + local(cfg.Addr)
	}
	url += map[bool]string{false: "/healthz", true: "/readyz"}[c.Ready]

	ctx, cancel := context.WithTimeout(p.ctx, healthPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return usageError{"--url is no URL"}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	const most = 4 << 10 // more than it ever says
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return fmt.Errorf("the server broke off its answer: %w", err)
	}
	return p.write(string(body))
}

// local is the address at which this machine reaches a server that listens on addr.
func local(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
