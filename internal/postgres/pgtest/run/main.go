//go:build unix

// Command run starts one Postgres for tests, runs a command that finds it, and stops it:
//
//	go run ./internal/postgres/pgtest/run -- go test ./...
//
// It exits as the command did. An interrupt is passed on, and the server goes down after the
// command has ended, so that tests can still clean up.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

const (
	exitCannotRun = 126 // as a shell says it
	exitSignalled = 128 // plus the signal's number
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: run [--] command [argument ...]")
		os.Exit(2)
	}
	os.Exit(run(args))
}

func run(args []string) int {
	// Caught before anything is started: an interrupt must not end us with the server running.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	starting := make(chan struct{})
	go func() {
		select {
		case <-starting:
		case s := <-signals:
			cancel()
			signals <- s
		}
	}()
	server, err := cluster.Start(ctx, pgtest.ClusterOptions())
	close(starting)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start Postgres for the tests:", err)
		return exitCannotRun
	}
	defer func() {
		stopCtx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Stop(stopCtx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()

	cmd := exec.Command(args[0], args[1:]...) // ended by signals, as it would be without us
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), pgtest.ClusterVariable+"="+server.SocketDir())
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitCannotRun
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				_ = cmd.Process.Signal(s) // it may have ended in the meantime
			}
		}
	}()
	err = cmd.Wait()
	close(done)
	return exitCode(err)
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		fmt.Fprintln(os.Stderr, err)
		return exitCannotRun
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignalled + int(status.Signal())
	}
	return exit.ExitCode()
}
