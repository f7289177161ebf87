// Package webtest drives a real Chromium in tests and keeps a record of what it did.
//
// What must always hold: the browser starts with an empty profile and reaches 127.0.0.1 alone, so a
// page that needs any other host fails the test instead of passing on a machine that is online.
package webtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Environment variables that tests with a browser heed.
const (
	// EnvBrowser names the browser's binary where it is not found in PATH.
	EnvBrowser = "IGNY8_CHROMIUM"
	// EnvRequire makes tests fail, where they would skip because there is no browser.
	EnvRequire = "IGNY8_REQUIRE_CHROMIUM"
	// EnvScreenshots names the directory that Screenshot writes to.
	EnvScreenshots = "IGNY8_SCREENSHOT_DIR"
)

// deadline bounds a test's browser; on two busy cores a test takes some seconds.
const deadline = 3 * time.Minute

// Chromium starts a browser for the test and closes it at its end. Actions run with the context; the
// record fills as the page does things. Where no Chromium is installed the test is skipped, or fails if
// IGNY8_REQUIRE_CHROMIUM is set.
func Chromium(tb testing.TB) (context.Context, *Record) {
	tb.Helper()
	binary := find(tb)

	record := &Record{netLog: filepath.Join(tb.TempDir(), "network.json")}
	options := []chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Headless,
		chromedp.ExecPath(binary),
		chromedp.WindowSize(1440, 900),
		chromedp.NoSandbox, // The tests also run as root, where the sandbox refuses to start.
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-dev-shm-usage", true), // Containers often give /dev/shm 64 MB.
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
		chromedp.Flag("no-proxy-server", true), // A proxy would look names up where the rule above does not hold.
		chromedp.Flag("log-net-log", record.netLog),
	}
	ctx, cancelTimeout := context.WithTimeout(context.Background(), deadline)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	ctx, cancelBrowser := chromedp.NewContext(ctx, chromedp.WithErrorf(record.protocolErrorf))
	tb.Cleanup(func() {
		cancelBrowser()
		cancelAllocator()
		cancelTimeout()
	})

	chromedp.ListenTarget(ctx, record.event)
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable()); err != nil {
		tb.Fatalf("webtest: start %s: %v", binary, err)
	}
	return ctx, record
}

// find looks for a browser where the environment says, then in PATH.
func find(tb testing.TB) string {
	tb.Helper()
	if named := os.Getenv(EnvBrowser); named != "" {
		return named
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if binary, err := exec.LookPath(name); err == nil {
			return binary
		}
	}
	const missing = "webtest: no Chromium in PATH (Debian: apt-get install -y --no-install-recommends chromium)"
	if os.Getenv(EnvRequire) != "" {
		tb.Fatalf("%s, and %s is set", missing, EnvRequire)
	}
	tb.Skipf("%s; set %s to make this a failure", missing, EnvRequire)
	return ""
}

// WaitFor waits until the JavaScript expression is true, looking again with each frame.
func WaitFor(ctx context.Context, tb testing.TB, expression string) {
	tb.Helper()
	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// The expression may fail while the page is still being built.
	poll := fmt.Sprintf("(() => { try { return Boolean(%s) } catch { return false } })()", expression)
	if err := chromedp.Run(wait, chromedp.Poll(poll, nil, chromedp.WithPollingTimeout(0))); err != nil {
		var page string
		_ = chromedp.Run(ctx, chromedp.Evaluate("document.body.innerText.slice(0, 2000)", &page))
		tb.Fatalf("webtest: waiting for %s: %v\nthe page shows:\n%s", expression, err, page)
	}
}

// Do runs actions and fails the test where one fails.
func Do(ctx context.Context, tb testing.TB, actions ...chromedp.Action) {
	tb.Helper()
	bounded, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Run(bounded, actions...); err != nil {
		tb.Fatalf("webtest: %v", err)
	}
}

// Evaluate returns what the JavaScript expression is in the page.
func Evaluate[T any](ctx context.Context, tb testing.TB, expression string) T {
	tb.Helper()
	var value T
	Do(ctx, tb, chromedp.Evaluate(expression, &value))
	return value
}

// Screenshot writes what the browser shows to name.png in IGNY8_SCREENSHOT_DIR, if that is set.
func Screenshot(ctx context.Context, tb testing.TB, name string) {
	tb.Helper()
	directory := os.Getenv(EnvScreenshots)
	if directory == "" {
		return
	}
	var picture []byte
	Do(ctx, tb, chromedp.CaptureScreenshot(&picture))
	if err := os.MkdirAll(directory, 0o750); err != nil {
		tb.Fatalf("webtest: %v", err)
	}
	if err := os.WriteFile(filepath.Join(directory, name+".png"), picture, 0o600); err != nil {
		tb.Fatalf("webtest: %v", err)
	}
}
