package web_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"igny8.com/accounts/web"
)

func examples(t *testing.T) []web.Example {
	t.Helper()
	all, err := web.Examples()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExamples_AreValidAgainstTheSchema(t *testing.T) {
	t.Parallel()
	schema := productSchema(t)
	for _, example := range examples(t) {
		document, errs := gqlparser.LoadQueryWithRules(schema, example.Query, rules.NewDefaultRules())
		if errs != nil {
			t.Errorf("%s: %v", example.Name, errs)
			continue
		}
		if len(document.Operations) != 1 || document.Operations[0].Name != example.Name {
			t.Errorf("%s: the file holds other operations", example.Name)
		}
		variables, err := example.FillIn("a-key", time.Now(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := validator.VariableValues(schema, document.Operations[0], variables); err != nil {
			t.Errorf("%s: variables: %v", example.Name, err)
		}
	}
}

func TestExamples_AreCompleteAndGroupedInOrder(t *testing.T) {
	t.Parallel()
	order := []string{"Anyone", "Signed in", "Owner", "Staff"}
	names := map[string]bool{}
	last := 0
	for _, example := range examples(t) {
		if names[example.Name] {
			t.Errorf("%s is there twice", example.Name)
		}
		names[example.Name] = true
		if example.Title == "" || example.About == "" {
			t.Errorf("%s has no title or no description", example.Name)
		}
		place := slices.Index(order, example.Group)
		if place < last {
			t.Errorf("%s: group %q comes after %q", example.Name, example.Group, order[last])
		}
		last = max(last, place)
	}
	for _, name := range []string{
		"Plans", "Industries", "SignUp", "LogIn", "MyAccount", "Sites", "Ledger", "CreditUsage", "CreateSite", "RequestBankTransfer",
		"DeclarePayment", "PaymentQueue", "ConfirmPayment",
	} {
		if !names[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestFillIn_ReplacesPlaceholders(t *testing.T) {
	t.Parallel()
	example := web.Example{Variables: `{"key": "${uuid}", "day": "${today}", "id": "${pay.id:-pay_1}", "also": "x-${pay.id}", "none": "${site.id}"}`}
	late := time.Date(2026, time.March, 31, 23, 30, 0, 0, time.FixedZone("west", -3*60*60))

	variables, err := example.FillIn("k", late, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"key": "k", "day": "2026-04-01", "id": "pay_1", "also": "x-", "none": ""} {
		if variables[name] != want {
			t.Errorf("%s is %q, want %q", name, variables[name], want)
		}
	}

	variables, err = example.FillIn("k", late, map[string]string{"pay.id": `pay_"7"`})
	if err != nil {
		t.Fatal(err)
	}
	if variables["id"] != `pay_"7"` || variables["also"] != `x-pay_"7"` {
		t.Errorf("known facts are not in place: %v", variables)
	}
}

func TestExamples_CarryNoPassword(t *testing.T) {
	t.Parallel()
	for _, example := range examples(t) {
		if strings.Contains(example.Variables+example.Query, demoPassword) {
			t.Errorf("%s shows the demo password to servers without demo state too", example.Name)
		}
	}
}
