//go:build linux

package torture_test

import (
	"encoding/json"
	"fmt"
	"maps"
)

// told is what one answer says of a movement, and what the database can be asked to confirm. Empty and 0
// where the command writes no line or has no hold.
type told struct {
	Line                      string
	Seq, Amount, BalanceAfter int64
	Hold                      string
	Balance, Held             int64
}

// movement is one command, sent until it is answered.
type movement struct {
	command string // as igny8_credit_requests names it
	key     string
	input   map[string]any
	// answer is the data of the first answer, as the bytes that came.
	answer []byte
	told   told
	doubts int // how many times it was sent without an answer
}

// name is what the movement's ledger line bears as its key.
func (m *movement) name() string { return m.command + ":" + m.key }

const (
	lineFields   = `transaction { id seq type amount balanceAfter operation quantity unitCredits unitSize description metadata createdAt }`
	holdFields   = `hold { id status operation quantity amount capturedQuantity createdAt expiresAt closedAt }`
	creditFields = `credits { balance held available } userErrors { code field message }`
)

// operations are the commands' mutations, by the names of the commands.
var operations = map[string]string{
	"spend":   mutation("spendCredits", "SpendCreditsInput", lineFields),
	"reserve": mutation("reserveCredits", "ReserveCreditsInput", holdFields),
	"capture": mutation("captureCredits", "CaptureCreditsInput", lineFields+" "+holdFields),
	"release": mutation("releaseCredits", "ReleaseCreditsInput", holdFields),
	"refund":  mutation("refundCredits", "RefundCreditsInput", lineFields),
}

func mutation(field, input, fields string) string {
	return fmt.Sprintf("mutation ($input: %s!) { %s(input: $input) { %s %s } }", input, field, fields, creditFields)
}

// newMovement is a command with its key among its input.
func newMovement(command, key string, input map[string]any) *movement {
	input = maps.Clone(input)
	if input == nil {
		input = map[string]any{}
	}
	input["idempotencyKey"] = key
	return &movement{command: command, key: key, input: input}
}

// read takes what an answer says; it is an error where the answer refuses or says too little.
func (m *movement) read(data []byte) (told, error) {
	var answer map[string]*struct {
		Transaction *struct {
			ID                        string
			Seq, Amount, BalanceAfter int64
		}
		Hold       *struct{ ID string }
		Credits    *struct{ Balance, Held int64 }
		UserErrors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return told{}, fmt.Errorf("%s is answered with %s: %w", m.name(), data, err)
	}
	for _, a := range answer {
		switch {
		case a == nil, len(a.UserErrors) > 0, a.Credits == nil, a.Transaction == nil && a.Hold == nil:
			return told{}, fmt.Errorf("%s is refused: %s", m.name(), data)
		}
		said := told{Balance: a.Credits.Balance, Held: a.Credits.Held}
		if a.Transaction != nil {
			said.Line, said.Seq = a.Transaction.ID, a.Transaction.Seq
			said.Amount, said.BalanceAfter = a.Transaction.Amount, a.Transaction.BalanceAfter
		}
		if a.Hold != nil {
			said.Hold = a.Hold.ID
		}
		return said, nil
	}
	return told{}, fmt.Errorf("%s is answered with %s", m.name(), data)
}
