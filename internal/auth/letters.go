package auth

import (
	"fmt"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/mail"
)

// The letters hold no text that a stranger chose, no name either: whoever gets one by mistake, or because
// somebody typed their address, must not be spoken to by that somebody.

func resetLetter(link string) mail.Letter {
	return mail.Letter{Kind: "password_reset", Subject: "Choose a new IGNY8 password", Text: fmt.Sprintf(`Hello,

somebody, we hope you, asked for a new password for your IGNY8 account.
To choose one, open this link within 30 minutes:

%s

The link works once. If it was not you, you need not do anything: your
password stays as it is.

IGNY8
`, link)}
}

func verificationLetter(link string) mail.Letter {
	return mail.Letter{Kind: "email_verification", Subject: "Confirm your email address for IGNY8", Text: fmt.Sprintf(`Hello,

this address was given for an account on IGNY8. To confirm that it is
yours, open this link within 24 hours:

%s

If you know nothing of it, please ignore this letter.

IGNY8
`, link)}
}

// changedLetter is the notice of a new password. how says how it came about.
func changedLetter(how string, origin account.Origin, now time.Time) mail.Letter {
	from := origin.IP
	if from == "" {
		from = "an unknown address"
	}
	return mail.Letter{Kind: "password_changed", Subject: "Your IGNY8 password was changed", Text: fmt.Sprintf(`Hello,

the password of your IGNY8 account was changed %s, on %s,
from %s. All other devices were signed out.

If it was not you, choose a new password at once: on the sign-in page,
follow "Forgot your password?". Then tell the owner of your account.

IGNY8
`, how, now.UTC().Format("2 January 2006 at 15:04 UTC"), from)}
}
