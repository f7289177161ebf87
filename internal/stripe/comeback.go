package stripe

import (
	"net/url"
	"strings"

	"igny8.com/accounts/internal/fault"
)

// maxURL is how long an address to come back to may be, in bytes.
const maxURL = 2000

// comeBack is where an owner comes back to from Stripe: a page of the web application and of nobody else, so that no
// link of ours sends people to a stranger's.
func (t *Till) comeBack(given *string, field, usual string) (string, *fault.Error) {
	app := t.office.Mail.App
	if given == nil {
		return strings.TrimSuffix(app, "/") + usual, nil
	}
	if len(*given) > maxURL {
		return "", fault.New(fault.TooLong, "at most %d characters", maxURL).At(field)
	}
	home, err := url.Parse(app)
	if err != nil || home.Host == "" {
		return "", fault.New(fault.Invalid, "the web application's address is not known").At(field)
	}
	u, err := url.Parse(*given)
	// What parsers disagree on is no address of ours: backslashes, spaces, control characters, names and passwords.
	if err != nil || strings.ContainsFunc(*given, odd) || u.User != nil || u.Opaque != "" ||
		u.Scheme != home.Scheme || !strings.EqualFold(u.Host, home.Host) {
		return "", fault.New(fault.Invalid, "an address that begins with %s://%s/", home.Scheme, home.Host).At(field)
	}
	return *given, nil
}

func odd(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }
