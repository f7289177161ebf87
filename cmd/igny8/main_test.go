package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"igny8.com/accounts/graph"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/build"
)

// runAsProgram makes the test binary be the program, for tests that send signals.
const runAsProgram = "IGNY8_TEST_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// result is what a command left behind.
type result struct {
	code           int
	stdout, stderr string
}

func command(ctx context.Context, environ map[string]string, args ...string) result {
	var stdout, stderr bytes.Buffer
	if environ == nil {
		environ = map[string]string{}
	}
	code := run(process{ctx, environ, &stdout, &stderr}, args)
	return result{code, stdout.String(), stderr.String()}
}

// problems are the lines on standard error; every one must be of the program and none a stack trace.
func (r result) problems(t *testing.T) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(r.stderr) {
		text, ours := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "igny8: ")
		if !ours {
			t.Errorf("standard error has the line %q", line)
		}
		lines = append(lines, text)
	}
	return lines
}

func TestCommandLine_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"frobnicate"},
		{"serve", "now"},
		{"migrate"},
		{"migrate", "sideways"},
		{"version", "--yaml"},
		{"migrate", "down", "--steps=x"},
		{"migrate", "down", "--steps=0"},
		{"keys"},
	} {
		got := command(t.Context(), nil, args...)
		if got.code != exitUsage || len(got.problems(t)) != 1 || got.stdout != "" {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestHelp_NeedsNoManual(t *testing.T) {
	t.Parallel()
	if got := command(t.Context(), nil); got.code != exitOK || !strings.Contains(got.stdout, "Commands:") {
		t.Errorf("without arguments: %+v", got)
	}
	for _, args := range [][]string{
		{"serve"},
		{"dev"},
		{"migrate", "up"},
		{"migrate", "down"},
		{"migrate", "status"},
		{"keys", "generate"},
		{"import", "keys"},
		{"reseal"},
		{"schema"},
		{"stripe", "reconcile"},
		{"stripe", "retry"},
		{"healthcheck"},
		{"version"},
	} {
		got := command(t.Context(), nil, append(args, "--help")...)
		if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "\nExample:\n") {
			t.Errorf("%v: %+v", args, got)
		}
		for _, v := range variables() {
			if v.readBy(args[0]) != strings.Contains(got.stdout, "\n    "+v.name+"\n") &&
				v.readBy(args[0]) != strings.Contains(got.stdout, "\n    "+v.name+"  (") {
				t.Errorf("%v reads %s: %v, but its help says otherwise", args, v.name, v.readBy(args[0]))
			}
		}
	}
}

func TestVersion_SaysWhichBuildItIs(t *testing.T) {
	t.Parallel()
	if got := command(t.Context(), nil, "version"); !strings.HasPrefix(got.stdout, "igny8 "+build.Version+" (commit ") {
		t.Errorf("%+v", got)
	}
	var info build.Info
	got := command(t.Context(), nil, "version", "--json")
	if err := json.Unmarshal([]byte(got.stdout), &info); err != nil || info != build.Current() {
		t.Errorf("%+v: %v", got, err)
	}
}

func TestSchema_IsWhatTheServerServes(t *testing.T) {
	t.Parallel()
	if got := command(t.Context(), nil, "schema"); got.stdout != graph.SDL() || !strings.Contains(got.stdout, "type Query") {
		t.Errorf("code %d, %d bytes", got.code, len(got.stdout))
	}
}

func TestKeysGenerate_MakesWhatServeAccepts(t *testing.T) {
	t.Parallel()
	one, two := command(t.Context(), nil, "keys", "generate"), command(t.Context(), nil, "keys", "generate")
	if one.code != exitOK || one.stdout == two.stdout {
		t.Fatalf("%+v, then %+v", one, two)
	}
	environ := map[string]string{}
	for line := range strings.Lines(one.stdout) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		environ[name] = value
	}
	maps.Copy(environ, map[string]string{
		"DATABASE_URL": "postgres://db/igny8", "IGNY8_PUBLIC_URL": "https://accounts.example", "IGNY8_BANK_INSTRUCTIONS": "IBAN",
		"IGNY8_APP_URL": "https://app.example", "IGNY8_MAIL_URL": "smtp://localhost", "IGNY8_MAIL_FROM": "accounts@example.com",
	})
	cfg, err := readConfig(environ, "serve")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.ParseKeys(cfg.SigningKeys); err != nil {
		t.Error(err)
	}
}

func TestHealthcheck_FailsWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	got := command(t.Context(), map[string]string{"IGNY8_ADDR": addr}, "healthcheck")
	if got.code != exitFailure || len(got.problems(t)) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestLocal_LeadsToThisMachine(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80",
		"127.0.0.1:8080": "127.0.0.1:8080", "10.0.0.5:1": "10.0.0.5:1", "[::1]:9": "[::1]:9", "localhost:8080": "localhost:8080",
	} {
		if got := local(addr); got != want {
			t.Errorf("local(%s) = %s, want %s", addr, got, want)
		}
	}
}

func TestListen_SaysWhatToDoWhereThePortIsTaken(t *testing.T) {
	t.Parallel()
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	addr := listener.Addr().String()
	_, err = listen(t.Context(), addr)
	if err == nil || !strings.Contains(err.Error(), "another program listens on "+addr) || !strings.Contains(err.Error(), "IGNY8_ADDR=127.0.0.1:") {
		t.Errorf("%v", err)
	}
}

func TestSignals_DrainAtTheFirstAndEndAtTheSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals, stderr := make(chan os.Signal), &bytes.Buffer{}
		exited := -1
		ctx, release := untilSignalled(t.Context(), signals, stderr, func(code int) { exited = code })
		defer release()
		signals <- os.Interrupt
		synctest.Wait()
		if ctx.Err() == nil || exited >= 0 {
			t.Fatalf("after one signal: context %v, exit code %d", ctx.Err(), exited)
		}
		signals <- os.Interrupt // the group's copy of the first one
		synctest.Wait()
		if exited >= 0 {
			t.Fatalf("one gesture was taken for two")
		}
		time.Sleep(time.Second) //nolint:forbidigo // of the clock that synctest turns
		signals <- os.Interrupt
		synctest.Wait()
		if exited != exitFailure || !strings.Contains(stderr.String(), "at once") {
			t.Errorf("after two signals: exit code %d, said %q", exited, stderr)
		}
	})
}
