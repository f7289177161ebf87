package account

import (
	"fmt"
	"strings"
	"unicode"

	"igny8.com/accounts/internal/mail"
)

// maxQuoted is how much of a name goes into a letter, in characters.
const maxQuoted = 100

// letter is what an invitation says. The names in it were chosen by strangers to whoever reads it, so
// they are quoted as one line and lead nowhere.
func (i *Invitation) letter(acct *Account, inviter *User, link string) mail.Letter {
	where, who := quoted(acct.Name), quoted(inviter.Name)
	if who == "" {
		who = inviter.Email
	}
	article := "a"
	if strings.ContainsRune("aeio", rune(i.Role[0])) {
		article = "an"
	}
	return mail.Letter{
		Tenant: i.TenantID, Kind: "invitation", To: i.Email,
		Subject: fmt.Sprintf("%s invites you to %s on IGNY8", who, where),
		Text: fmt.Sprintf(`Hello,

%s (%s) invites you to the account %s on IGNY8, as %s %s.

To accept, open this link, choose a password and say your name:

%s

The link works once, until %s. If you did not expect this letter,
you need not do anything: without the link nothing happens.
`, who, inviter.Email, where, article, i.Role, link, i.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC")),
	}
}

// quoted is somebody's name as a letter shows it: one line, not too long, and without what a mail
// program would turn into a link.
func quoted(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, name)
	// "www.example.com" and "https://example.com" become links by their dots and slashes, "Dr. No" does not.
	words := strings.Fields(name)
	for n, word := range words {
		if strings.Contains(word, "://") || strings.Contains(strings.Trim(word, "."), ".") {
			words[n] = strings.NewReplacer(".", " ", "/", " ", ":", " ").Replace(word)
		}
	}
	name = strings.Join(strings.Fields(strings.Join(words, " ")), " ")
	if runes := []rune(name); len(runes) > maxQuoted {
		name = string(runes[:maxQuoted-1]) + "…"
	}
	return name
}
