package fault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"igny8.com/accounts/internal/fault"
)

func TestOf_LooksThroughWrapping(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.Taken, "taken").At("slug")
	if got := fault.Of(fmt.Errorf("create: %w", f)); len(got) != 1 || got[0] != f {
		t.Errorf("%v", got)
	}
	if got := fault.Of(fmt.Errorf("create: %w", fault.List{f, f})); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if got := fault.Of(errors.New("disk full")); got != nil {
		t.Errorf("%v", got)
	}
	if !fault.Is(fault.List{fault.New(fault.Required, "r"), f}, fault.Taken) || fault.Is(f, fault.Required) {
		t.Error("Is")
	}
}

func TestWith_LeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.PlanLimitReached, "full").With("limit", 1)
	g := f.With("used", 1).At("name")
	if len(f.Details) != 1 || len(g.Details) != 2 || f.Field != nil {
		t.Errorf("%v, %v", f, g)
	}
}

func TestList_IsNoErrorWhenEmpty(t *testing.T) {
	t.Parallel()
	var l fault.List
	l.Add(nil)
	if err := l.Err(); err != nil {
		t.Errorf("%v", err)
	}
}

func TestCorrectable_TellsDataFromErrors(t *testing.T) {
	t.Parallel()
	if !fault.New(fault.LastOwner, "").Correctable() || fault.New(fault.Throttled, "").Correctable() || fault.New(fault.Internal, "").Correctable() {
		t.Error("the two kinds are mixed")
	}
}

func TestCheckText_RefusesWhatCannotBeKept(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault.Code{
		"": fault.Required, "　": fault.Required, "äöüß!": "", "äöüß!?": fault.TooLong, "a\x00b": fault.Invalid, "a\xff": fault.Invalid,
	} {
		f := fault.CheckText(text, "name", 5)
		if (f == nil) != (want == "") || (f != nil && (f.Code != want || f.Field[0] != "name")) {
			t.Errorf("%q: %v, want %s", text, f, want)
		}
	}
	if f := fault.CheckLength("", "note", 5); f != nil {
		t.Errorf("blank text that may be blank: %v", f)
	}
	if f := fault.CheckIdempotencyKey(""); f == nil || f.Field[0] != "idempotencyKey" {
		t.Errorf("no key: %v", f)
	}
}

func TestCheckObject_WritesObjectsInOneWayAndRefusesWhatPostgresCannotKeep(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "null": "", "{}": "{}", `{ "b" : 1.50, "a":[true,null] }`: `{"a":[true,null],"b":1.50}`, `{"a":1e30}`: `{"a":1e30}`,
	} {
		if got, f := fault.CheckObject(json.RawMessage(text), "details", 100); f != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, f)
		}
	}
	for text, code := range map[string]fault.Code{
		`{"a":"` + strings.Repeat("x", 100) + `"}`: fault.TooLong, "[]": fault.Invalid, `"a"`: fault.Invalid, "{": fault.Invalid,
		"{} {}": fault.Invalid, "{}]": fault.Invalid, `{"a":"\u0000"}`: fault.Invalid, `{"\u0000":1}`: fault.Invalid, `{"a":[0e-99999]}`: fault.Invalid,
		`{"a":1e31}`: fault.Invalid, `{"a":{"b":1e999999999999}}`: fault.Invalid,
	} {
		if got, f := fault.CheckObject(json.RawMessage(text), "details", 100); f == nil || f.Code != code || f.Field[0] != "details" {
			t.Errorf("%q: %q, %v", text, got, f)
		}
	}
}
