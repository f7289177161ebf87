package audit

import (
	"strconv"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// subjectPrefixes are the prefixes of the global ids of what events are about.
var subjectPrefixes = map[string]string{
	"account": gid.Account(0).Prefix(), "user": gid.User(0).Prefix(), "session": gid.Session(0).Prefix(),
	"site": gid.Site(0).Prefix(), "sector": gid.Sector(0).Prefix(), "payment": gid.Payment(0).Prefix(),
	"receipt":      gid.Receipt(0).Prefix(),
	"subscription": gid.Subscription(0).Prefix(),
	"invitation":   gid.Invitation(0).Prefix(), "api_key": gid.APIKey(0).Prefix(), "impersonation": gid.Impersonation(0).Prefix(),
	"stripe_event": gid.StripeEvent(0).Prefix(),
}

// subjectTypes are the types by the prefixes of their global ids.
var subjectTypes = func() map[string]string {
	types := make(map[string]string, len(subjectPrefixes))
	for name, prefix := range subjectPrefixes {
		types[prefix] = name
	}
	return types
}()

// SubjectID is the global id of what it was done on.
func (e *Event) SubjectID() string {
	return subjectPrefixes[e.SubjectType] + "_" + strconv.FormatInt(e.SubjectKey, 10)
}

// Subject is something that events are about.
type Subject struct {
	Type string
	Key  int64
}

// ParseSubject reads a global id of anything that events are about. Errors: INVALID_ID.
func ParseSubject(id string) (Subject, error) {
	prefix, key, err := gid.Split(id)
	if err != nil {
		return Subject{}, err
	}
	name, known := subjectTypes[prefix]
	if !known {
		return Subject{}, fault.New(fault.InvalidID, "no event is about what this id names")
	}
	return Subject{Type: name, Key: key}, nil
}
