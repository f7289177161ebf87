package billing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
)

// queue lists payments for staff by the names that they were given.
func (h *house) queue(names map[gid.Payment]string, f billing.QueueFilter, o billing.QueueOrder, now time.Time) string {
	h.t.Helper()
	var all []string
	size := 2
	args := page.Args{First: &size}
	for {
		c, err := billing.Queue(postgres.WithStaff(as(h.t.Context(), h.staff)), h.App, f, o, now, args)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, p := range c.Nodes() {
			all = append(all, names[p.ID])
		}
		if !c.PageInfo.HasNextPage {
			n, err := c.TotalCount(postgres.WithStaff(as(h.t.Context(), h.staff)))
			if err != nil || n != len(all) {
				h.t.Errorf("%d are counted, %d listed: %v", n, len(all), err)
			}
			return strings.Join(all, " ")
		}
		args.After = c.PageInfo.EndCursor
	}
}

func TestQueue_HasOnTopWhatWaitsLongestForStaff(t *testing.T) {
	t.Parallel()
	h := build(t)
	ada, bob, gone := h.open("ada"), h.open("bob"), h.open("gone")
	names := map[gid.Payment]string{}
	byName := map[string]*billing.Payment{}
	ask := func(name string, by account.Actor, minutes int) *billing.Payment {
		p, err := office.RequestTransfer(as(t.Context(), by), h.App, by, paid.Add(time.Duration(minutes)*time.Minute),
			billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: name})
		if err != nil {
			t.Fatal(err)
		}
		names[p.ID], byName[name] = name, p
		return p
	}
	declare := func(name string, by account.Actor, minutes int) {
		_, err := office.DeclarePayment(as(t.Context(), by), h.App, by, paid.Add(time.Duration(minutes)*time.Minute),
			billing.Declare{PaymentID: byName[name].ID, SentOn: paid, PayerName: "Ada"})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"asked", "declared-late", "declared-early", "part", "confirmed", "over", "rejected", "of-bob"} {
		by := ada
		if name == "of-bob" {
			by = bob
		}
		ask(name, by, i)
	}
	ask("of-gone", gone, 9)
	h.exec(`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, gone.AccountID())
	declare("declared-late", ada, 40)
	declare("declared-early", ada, 20)
	h.mustRecord(sum(byName["part"], 100, "P"), paid.Add(30*time.Minute))
	if err := h.confirm(t.Context(), facts(byName["confirmed"], "C"), paid); err != nil {
		t.Fatal(err)
	}
	h.mustRecord(sum(byName["over"], 10000, "O"), paid.Add(10*time.Minute))
	if _, err := office.RejectPayment(as(t.Context(), h.staff), h.App, h.staff, paid, byName["rejected"].ID, "no"); err != nil {
		t.Fatal(err)
	}
	o := careful()
	large := ask("approved", bob, 15)
	h.exec(`UPDATE igny8_payments SET amount_minor = 20000, net_minor = 20000 WHERE id = ?`, large.ID)
	large.AmountMinor = 20000
	if _, err := o.ConfirmPayment(as(t.Context(), h.staff), h.App, h.staff, paid.Add(time.Hour), facts(large, "A")); err != nil {
		t.Fatal(err)
	}
	// A refund that waits for a second word is found by that alone; one that money went back before is not.
	h.exec(`UPDATE igny8_payments SET refunded_minor = 10000, amount_minor = 30000, net_minor = 30000 WHERE id = ?`, byName["confirmed"].ID)
	if done, err := h.refundBy(h.staff, back(byName["confirmed"], 1, "r"), paid.Add(time.Hour)); done || err != nil {
		t.Fatal(done, err)
	}
	now := paid.Add(time.Hour)
	yes, no := true, false
	confirmed, transfer, card := billing.Confirmed, billing.BankTransfer, billing.Stripe
	of := bob.AccountID()
	reference := strings.ToLower(strings.ReplaceAll(byName["rejected"].Reference, "-", " "))
	soon, asked := paid.Add(25*time.Minute), paid.Add(3*time.Minute)
	days := 1
	for name, c := range map[string]struct {
		f    billing.QueueFilter
		o    billing.QueueOrder
		now  time.Time
		want string
	}{
		"all that wait":    {want: "over declared-early part declared-late asked of-bob approved"},
		"the other way":    {o: billing.QueueOrder{Descending: true}, want: "approved of-bob asked declared-late part declared-early over"},
		"by asking":        {o: billing.QueueOrder{Field: billing.ByAskedAt}, want: "asked declared-late declared-early part over of-bob approved"},
		"declared":         {f: billing.QueueFilter{Declared: &yes}, want: "declared-early declared-late"},
		"not declared":     {f: billing.QueueFilter{Declared: &no}, want: "over part asked of-bob approved"},
		"with held money":  {f: billing.QueueFilter{Held: &yes}, want: "over part"},
		"without":          {f: billing.QueueFilter{Held: &no}, want: "declared-early declared-late asked of-bob approved"},
		"to approve":       {f: billing.QueueFilter{AwaitsApproval: &yes}, want: "confirmed approved"},
		"refunds":          {f: billing.QueueFilter{AwaitsApproval: &yes, Status: &confirmed}, want: "confirmed"},
		"nothing of that":  {f: billing.QueueFilter{AwaitsApproval: &no}, want: "over declared-early part declared-late asked of-bob"},
		"approvals over":   {f: billing.QueueFilter{AwaitsApproval: &yes}, now: now.AddDate(0, 0, 14), want: ""},
		"confirmed":        {f: billing.QueueFilter{Status: &confirmed}, want: "over confirmed"},
		"confirmed, asked": {f: billing.QueueFilter{Status: &confirmed}, o: billing.QueueOrder{Field: billing.ByAskedAt}, want: "confirmed over"},
		"of an account":    {f: billing.QueueFilter{AccountID: &of}, want: "of-bob approved"},
		"transfers":        {f: billing.QueueFilter{Method: &transfer, Held: &yes}, want: "over part"},
		"cards":            {f: billing.QueueFilter{Method: &card}, want: ""},
		"a reference":      {f: billing.QueueFilter{Reference: &reference}, want: "rejected"},
		"waiting since":    {f: billing.QueueFilter{WaitingBefore: &soon}, want: "over declared-early"},
		"confirmed, held":  {f: billing.QueueFilter{Status: &confirmed, WaitingBefore: &soon}, want: "over"},
		"held since":       {f: billing.QueueFilter{Held: &yes, WaitingBefore: &soon}, want: "over"},
		"asked before":     {f: billing.QueueFilter{CreatedBefore: &asked}, want: "declared-early declared-late asked"},
		"a day old":        {f: billing.QueueFilter{OlderThanDays: &days}, now: paid.Add(24*time.Hour + 2*time.Minute), want: "declared-early declared-late asked"},
	} {
		at := c.now
		if at.IsZero() {
			at = now
		}
		if got := h.queue(names, c.f, c.o, at); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	h.exec(`UPDATE igny8_payments SET refunded_minor = 10001 WHERE id = ?`, byName["confirmed"].ID)
	if got := h.queue(names, billing.QueueFilter{AwaitsApproval: &yes}, billing.QueueOrder{}, now); got != "approved" {
		t.Errorf("once money went back the word on a refund waits for nobody: %q", got)
	}
	bad := -1
	mistyped := "IGNY8-1-1-Z"
	for field, f := range map[string]billing.QueueFilter{"olderThanDays": {OlderThanDays: &bad}, "reference": {Reference: &mistyped}} {
		_, err := billing.Queue(postgres.WithStaff(t.Context()), h.App, f, billing.QueueOrder{}, now, page.Args{})
		if faults := fault.Of(err); len(faults) != 1 || faults[0].Code != fault.BadUserInput || fmt.Sprint(faults[0].Field) != "[filter "+field+"]" {
			t.Errorf("%s: %v", field, err)
		}
	}
	// In no scope of staff it finds nobody else's.
	c, err := billing.Queue(as(t.Context(), bob), h.App, billing.QueueFilter{}, billing.QueueOrder{}, now, page.Args{})
	if err != nil || len(c.Nodes()) != 2 {
		t.Errorf("an account's own scope: %d, %v", len(c.Nodes()), err)
	}
}

func TestReference_IsFoundHoweverItIsTypedAndItsMistakesAreSeen(t *testing.T) {
	t.Parallel()
	for _, id := range []billing.PaymentKey{{Tenant: 30, Payment: 8}, {Tenant: 1, Payment: 1}, {Tenant: 304, Payment: 5}, {Tenant: 987654, Payment: 1234567}} {
		right := billing.Reference(id.Tenant, id.Payment)
		for _, typed := range []string{
			right, strings.ToLower(right), strings.ReplaceAll(right, "-", " "), "  " + right + " ", strings.TrimPrefix(right, "IGNY8-"),
			strings.ReplaceAll(right, "-", ""), strings.ReplaceAll(right, "-", "/"), strings.Replace(right, "IGNY8-", "IGNY8", 1),
		} {
			keys, err := billing.ParseReference(typed)
			if err != nil || !slices.Contains(keys, id) {
				t.Errorf("%q means %v, %v; want %v", typed, keys, err, id)
			}
		}
		if keys, err := billing.ParseReference(right); err != nil || len(keys) != 1 {
			t.Errorf("%q means %v, %v", right, keys, err)
		}
		// Every digit that is another one, and every two that change places.
		for i := len("IGNY8-"); i < len(right)-2; i++ {
			for d := '0'; d <= '9'; d++ {
				wrong := right[:i] + string(d) + right[i+1:]
				if right[i] == '-' || rune(right[i]) == d {
					continue
				}
				if keys, err := billing.ParseReference(wrong); !fault.Is(err, fault.Invalid) {
					t.Errorf("%q for %q means %v", wrong, right, keys)
				}
			}
			if a, b := right[i], right[i+1]; a != b && i+1 < len(right)-2 {
				wrong := right[:i] + string(b) + string(a) + right[i+2:]
				// A hyphen that wanders away leaves the digits to say it; it never means another payment.
				if keys, err := billing.ParseReference(wrong); !fault.Is(err, fault.Invalid) && (len(keys) != 1 || keys[0] != id) {
					t.Errorf("%q for %q means %v", wrong, right, keys)
				}
			}
		}
		for _, l := range right[len(right)-1:] {
			if strings.ContainsRune("IOZ0123456789", l) {
				t.Errorf("%q ends with what is mistaken for something else", right)
			}
		}
	}
	for _, none := range []string{"", "-", "IGNY8", "IGNY8-30", "K", "30-8", "IGNY8-30-8-", "IGNY8-030-8-K", strings.Repeat("1", 1000), "IGNY8-99999999999999999999-1-A", "😀", "\x00"} {
		if keys, err := billing.ParseReference(none); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q means %v", none, keys)
		}
	}
}
