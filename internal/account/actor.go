package account

import (
	"context"
	"io"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
)

// Actor is who makes a request, as the database knew them when the request began. The zero Actor
// is nobody.
type Actor struct {
	User      *User
	Account   *Account
	Plan      *plan.Plan
	SessionID gid.Session
	Origin    Origin
}

// Origin is where a request comes from.
type Origin struct {
	IP        string
	UserAgent string
	RequestID string
}

// SignedIn says whether the actor is somebody.
func (a Actor) SignedIn() bool { return a.User != nil }

// Staff says whether the actor is a member of staff.
func (a Actor) Staff() bool { return a.User != nil && a.User.Role == Developer }

// AccountID is the actor's account; 0 for nobody.
func (a Actor) AccountID() gid.Account {
	if a.Account == nil {
		return 0
	}
	return a.Account.ID
}

// Role is what the actor may do in their account.
func (a Actor) Role() Role { return a.User.Role }

// By is the actor as the audit log and the ledger of the given account record it: a member of staff
// acting on another account than their own appears as staff.
func (a Actor) By(tenant gid.Account) audit.By {
	by := audit.By{Kind: audit.System, IP: a.Origin.IP, UserAgent: a.Origin.UserAgent, RequestID: a.Origin.RequestID}
	if a.User != nil {
		id := int64(a.User.ID)
		by.ID, by.Kind = &id, audit.User
		if a.User.TenantID != tenant {
			by.Kind = audit.Staff
		}
	}
	return by
}

// Access is what an operation is for; the account's status opens or shuts it.
type Access string

// What operations are for.
const (
	Read    Access = "read"
	Write   Access = "write"
	Billing Access = "billing"
	// SessionEnd is ending one's own session, which no status shuts.
	SessionEnd Access = "session"
)

// MarshalGQL writes the enum value.
func (a Access) MarshalGQL(w io.Writer) { enum.Marshal(w, a) }

// UnmarshalGQL reads the enum value.
func (a *Access) UnmarshalGQL(v any) error { return enum.Unmarshal(a, v) }

// Enter is the door of every operation that is not public: the actor's role must reach min, and
// the account's status and plan must allow what the operation is for. Errors: UNAUTHENTICATED,
// FORBIDDEN, and those of Gate.
func (a Actor) Enter(minimum Role, purpose Access) error {
	if !a.SignedIn() {
		return fault.New(fault.Unauthenticated, "sign in first: send Authorization: Bearer followed by the access token")
	}
	if err := a.Gate(purpose); err != nil {
		return err
	}
	if !a.User.Role.Reaches(minimum) {
		return fault.New(fault.Forbidden, "this asks for the role %s", minimum)
	}
	return nil
}

// Gate judges the account's plan and status. Errors: PLAN_INACTIVE, PAYMENT_REQUIRED,
// ACCOUNT_SUSPENDED, ACCOUNT_CANCELLED; each says what to do next.
func (a Actor) Gate(purpose Access) error {
	if purpose == SessionEnd {
		return nil
	}
	role := a.User.Role
	switch a.Account.Status {
	case Trial, Active:
	case PendingPayment:
		if purpose == Write {
			return a.refusal(fault.PaymentRequired, "waits for a payment: it can be read and paid until the payment is confirmed")
		}
	case Suspended:
		if purpose == Write || !role.Reaches(Admin) {
			return a.refusal(fault.AccountSuspended, "is suspended: an owner can pay to open it again")
		}
	case Cancelled:
		if purpose == Write || !role.Reaches(Owner) {
			return a.refusal(fault.AccountCancelled, "is cancelled: an owner can still read and pay")
		}
	default:
		return a.refusal(fault.Forbidden, "is in a state that opens nothing")
	}
	// An owner must be able to leave a plan that was withdrawn, so billing stays open.
	if !a.Plan.Active && purpose != Billing {
		return fault.New(fault.PlanInactive, "the plan %s is no longer offered: choose another plan", a.Plan.Name).
			With("plan", a.Plan.Slug)
	}
	return nil
}

func (a Actor) refusal(code fault.Code, text string) error {
	return fault.New(code, "this account %s", text).With("accountStatus", string(a.Account.Status))
}

type actorKey struct{}

// WithActor puts the request's actor into its context.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom is the request's actor; nobody where none was put.
func ActorFrom(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}
