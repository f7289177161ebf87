package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Close closes the browser and returns the URL of every request that a page, or anything that a page
// started, made over the network: the DevTools protocol shows a page's own requests alone, the browser's
// network log those of its workers too. What the browser asks for on its own account (its updates, say;
// they fail, as there is no other host) is left out.
func Close(ctx context.Context, tb testing.TB, record *Record) []string {
	tb.Helper()
	bounded, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// An error tells of a directory that could not be removed; what counts is that the log is whole.
	closing := chromedp.Cancel(bounded)
	text, err := os.ReadFile(record.netLog)
	if err != nil {
		tb.Fatalf("webtest: %v (closing: %v)", err, closing)
	}
	urls, err := initiatedByPages(text)
	if err != nil {
		tb.Fatalf("webtest: the browser's network log: %v (closing: %v)", err, closing)
	}
	return urls
}

// initiatedByPages picks from a network log the requests whose initiator is an origin.
func initiatedByPages(text []byte) ([]string, error) {
	var netLog struct {
		Constants struct {
			LogEventTypes map[string]int `json:"logEventTypes"`
		} `json:"constants"`
		Events []struct {
			Type   int `json:"type"`
			Params struct {
				URL       string `json:"url"`
				Initiator string `json:"initiator"`
			} `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal(text, &netLog); err != nil {
		return nil, err
	}
	start, ok := netLog.Constants.LogEventTypes["URL_REQUEST_START_JOB"]
	if !ok {
		return nil, fmt.Errorf("it has no events of the kind URL_REQUEST_START_JOB")
	}
	var urls []string
	for _, event := range netLog.Events {
		initiator, err := url.Parse(event.Params.Initiator)
		if event.Type == start && err == nil && strings.HasPrefix(initiator.Scheme, "http") {
			urls = append(urls, event.Params.URL)
		}
	}
	return urls, nil
}
