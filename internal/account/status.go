package account

import (
	"io"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
)

// Status is where an account stands.
type Status string

// The statuses.
const (
	Trial          Status = "trial"
	PendingPayment Status = "pending_payment"
	Active         Status = "active"
	Suspended      Status = "suspended"
	Cancelled      Status = "cancelled"
)

// MarshalGQL writes the enum value.
func (s Status) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *Status) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Cause is why an account's status moves.
type Cause string

// The causes.
const (
	PaymentConfirmed   Cause = "a payment is confirmed"
	StaffDecision      Cause = "staff decide"
	MovedToFree        Cause = "the account moves to the free plan"
	TrialEndedPaying   Cause = "the trial ends while a declared transfer waits"
	TrialEnded         Cause = "the trial ends"
	PaymentFailed      Cause = "the payment is rejected or its deadline passes"
	GraceEnded         Cause = "the grace time is over"
	CancellationTakes  Cause = "the cancellation takes effect"
	ConfirmedForReturn Cause = "a payment is confirmed after staff reviewed the return"
)

// moves is every legal change of an account's status: from, cause, to.
var moves = map[Status]map[Cause]Status{
	Trial: {
		PaymentConfirmed:  Active,
		StaffDecision:     Active,
		MovedToFree:       Active,
		TrialEndedPaying:  PendingPayment,
		TrialEnded:        Suspended,
		CancellationTakes: Cancelled,
	},
	PendingPayment: {
		PaymentConfirmed:  Active,
		StaffDecision:     Active,
		MovedToFree:       Active,
		PaymentFailed:     Suspended,
		CancellationTakes: Cancelled,
	},
	Active: {
		// A renewal leaves the account where it is.
		PaymentConfirmed:  Active,
		GraceEnded:        Suspended,
		StaffDecision:     Suspended,
		CancellationTakes: Cancelled,
	},
	Suspended: {
		PaymentConfirmed:  Active,
		StaffDecision:     Active,
		MovedToFree:       Active,
		CancellationTakes: Cancelled,
	},
	Cancelled: {
		ConfirmedForReturn: Active,
	},
}

// Move is the status that cause leads to from s. Errors: INVALID_STATE where there is no such move.
func (s Status) Move(cause Cause) (Status, error) {
	to, ok := moves[s][cause]
	if !ok {
		return s, fault.New(fault.InvalidState, "an account that is %s does not change when %s", s.Words(), cause)
	}
	return to, nil
}

// Words is the status as people say it.
func (s Status) Words() string {
	switch s {
	case Trial:
		return "on trial"
	case PendingPayment:
		return "waiting for its payment"
	default:
		return string(s)
	}
}
