// Command igny8 is the accounts service: the server, its migrations and what its operators need.
//
// What must always hold: config.go is the only reader of the environment; `serve` starts on an
// explicit and safe configuration or not at all; a command ends with 0 when it did what was asked,
// 1 when it could not, 2 when it was asked wrongly; what went wrong is told in one line each on
// standard error, and never as a stack trace.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// cli is what can be typed.
type cli struct {
	Serve       serveCmd       `cmd:"" help:"Serve the API in production, on an explicit and safe configuration."`
	Dev         devCmd         `cmd:"" help:"Serve the API on this machine with the demo state, on a Postgres of its own."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database's schema up to date, take steps back, or tell where it stands."`
	Doctor      doctorCmd      `cmd:"" help:"Report what the database holds and check that it all adds up."`
	Jobs        jobsCmd        `cmd:"" help:"Tell how the jobs stand that do what falls due, and which failed."`
	Stripe      stripeCmd      `cmd:"" help:"Compare Stripe with what stands here, and have Stripe told again of what it was not."`
	Import      importCmd      `cmd:"" help:"Carry data over from the system before this one."`
	Reseal      resealCmd      `cmd:"" help:"Seal what is kept sealed with the newest vault key."`
	Keys        keysCmd        `cmd:"" help:"Make the keys and secrets that serve needs."`
	Schema      schemaCmd      `cmd:"" help:"Print the GraphQL schema."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running server whether it is well."`
	Version     versionCmd     `cmd:"" help:"Print the version and the commit."`
}

const about = `IGNY8's accounts service: accounts, plans, sites, credits and payments behind one GraphQL API.

Try it on this machine: igny8 dev. Everything is configured by environment variables; the help of each command lists its own.`

// process is what a command has of the world.
type process struct {
	ctx            context.Context //nolint:containedctx // the process's own, given to the command that is the process
	environ        map[string]string
	stdout, stderr io.Writer
}

func main() {
	ctx, release := untilInterrupted(context.Background(), os.Stderr, os.Exit)
	code := run(process{ctx, environment(), os.Stdout, os.Stderr}, os.Args[1:])
	release()
	os.Exit(code)
}

// run does what the arguments ask for and returns the exit code.
func run(p process, args []string) (code int) {
	parser, err := kong.New(&cli{},
		kong.Name("igny8"), kong.Description(about), kong.Writers(p.stdout, p.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: helpWidth}),
		// kong exits in the middle of parsing after it has printed the help.
		kong.Exit(func(code int) { panic(exited(code)) }),
	)
	if err != nil {
		return tell(p.stderr, err)
	}
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case exited:
			code = int(cause)
		default:
			panic(cause)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return tell(p.stderr, usageError{err.Error() + " (igny8 --help lists the commands)"})
	}
	err = command.Run(p)
	if p.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("stopped before it was done")
	}
	return tell(p.stderr, err)
}

// exited carries the exit code out of kong.
type exited int

// usageError is everything that is wrong with how the program was called or configured.
type usageError []string

func (e usageError) Error() string { return strings.Join(e, "\n") }

// tell writes what went wrong, a line each, and returns the exit code for it.
func tell(w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	usage, isUsage := errors.AsType[usageError](err)
	lines := []string(usage)
	if !isUsage {
		lines = flatten(err)
	}
	for _, line := range lines {
		_, _ = fmt.Fprintln(w, "igny8:", line)
	}
	if isUsage {
		return exitUsage
	}
	return exitFailure
}

// flatten takes apart errors that were found together.
func flatten(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || strings.Count(err.Error(), "\n") == 0 {
		return []string{err.Error()}
	}
	var lines []string
	for _, e := range joined.Unwrap() {
		lines = append(lines, flatten(e)...)
	}
	return lines
}
