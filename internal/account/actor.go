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

// Actor is who makes a request, as the database knew them when the request began: a person in their own
// account, a member of staff who acts for an account, or a site's API key. The zero Actor is nobody.
type Actor struct {
	// User is the person who signed in; nil for an API key.
	User *User
	// Key is the API key; nil for a person.
	Key *Key
	// Impersonation is set where User is a member of staff who acts for Account.
	Impersonation *Impersonation
	// Account is the one that is acted for, and Plan the one that it is on.
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
func (a Actor) SignedIn() bool { return a.User != nil || a.Key != nil }

// Staff says whether the actor is a member of staff about staff's own work. One who acts for an
// account is not: what that account's people may not see, they do not see.
func (a Actor) Staff() bool {
	return a.User != nil && a.User.Role == Developer && a.Impersonation == nil
}

// Member is the actor as one of the account's people; nil for API keys and for staff who act for it.
func (a Actor) Member() *User {
	if a.Impersonation != nil {
		return nil
	}
	return a.User
}

// MemberID is the id of Member; nil where there is none.
func (a Actor) MemberID() *gid.User {
	if m := a.Member(); m != nil {
		return &m.ID
	}
	return nil
}

// AccountID is the account that is acted for; 0 for nobody.
func (a Actor) AccountID() gid.Account {
	if a.Account == nil {
		return 0
	}
	return a.Account.ID
}

// Role is what the actor may do in the account: staff who act for it are as its admins, and an API
// key is automation. Nobody has no role.
func (a Actor) Role() Role {
	switch {
	case a.Key != nil:
		return SystemBot
	case a.Impersonation != nil:
		return Admin
	case a.User != nil:
		return a.User.Role
	default:
		return ""
	}
}

// By is the actor as the audit log and the ledger of the given account record it: a member of staff
// acting on another account than their own appears as staff.
func (a Actor) By(tenant gid.Account) audit.By {
	by := audit.By{Kind: audit.System, IP: a.Origin.IP, UserAgent: a.Origin.UserAgent, RequestID: a.Origin.RequestID}
	switch {
	case a.Key != nil:
		id := int64(a.Key.ID)
		by.Kind, by.ID = audit.APIKey, &id
	case a.User != nil:
		id := int64(a.User.ID)
		by.Kind, by.ID = audit.User, &id
		if a.User.TenantID != tenant {
			by.Kind = audit.Staff
		}
		if a.Impersonation != nil && a.Impersonation.TenantID == tenant {
			by.Impersonation = &a.Impersonation.ID
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

// Door is what an operation asks of whoever enters.
type Door struct {
	// Minimum is the least role of people.
	Minimum Role
	// For is what the operation is for, which the account's status opens or shuts.
	For Access
	// Key is the scope that lets an API key in; empty where none does.
	Key Scope
	// Personal shuts the door to staff who act for the account.
	Personal bool
}

// Enter is the door of every operation that is not public: the actor's role, or their key's scope,
// must be let in, and the account's status and plan must allow what the operation is for. Errors:
// UNAUTHENTICATED, FORBIDDEN, and those of Gate.
func (a Actor) Enter(door Door) error {
	if !a.SignedIn() {
		return fault.New(fault.Unauthenticated,
			"sign in first: send Authorization: Bearer followed by the access token, or X-API-Key followed by a site's key")
	}
	if err := a.Gate(door.For); err != nil {
		return err
	}
	switch {
	case a.Key != nil && door.Key == "":
		return fault.New(fault.Forbidden, "this is for people, not for API keys")
	case a.Key != nil && !a.Key.Has(door.Key):
		return fault.New(fault.Forbidden, "this asks for a key with the scope %s", door.Key)
	case a.Key != nil:
		return nil
	case a.Impersonation != nil && door.Personal:
		return fault.New(fault.Forbidden, "this is for the account's own people, not for staff who act for it")
	case !a.Role().Reaches(door.Minimum):
		return fault.New(fault.Forbidden, "this asks for the role %s", door.Minimum)
	}
	return nil
}

// Gate judges the account's plan and status. Errors: PLAN_INACTIVE, PAYMENT_REQUIRED,
// ACCOUNT_SUSPENDED, ACCOUNT_CANCELLED; each says what to do next.
func (a Actor) Gate(purpose Access) error {
	if purpose == SessionEnd {
		return nil
	}
	role := a.Role()
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
