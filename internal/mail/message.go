package mail

import (
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// maxSubject is how long a subject may be, in characters; what is longer is cut.
const maxSubject = 200

// Message is a letter as it goes out.
type Message struct {
	// ID names the letter, the same at each attempt to send it, so that mail systems can tell that one
	// came twice: letters, digits, full stops, hyphens.
	ID string
	// To is the bare address of one person.
	To string
	// Subject is one line, Text plain text with lines of any length.
	Subject, Text string
	// Date is when it was written.
	Date time.Time
}

var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9.-]{1,100}$`)

// compose writes the message down as it goes over the wire. Errors: ErrRefused for one that no server
// would take.
func (m Message) compose(from *netmail.Address) (*gomail.Msg, error) {
	to, err := recipient(m.To)
	if err != nil {
		return nil, err
	}
	if !wellFormedID.MatchString(m.ID) {
		return nil, fmt.Errorf("%w: its id is none", ErrRefused)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	msg.Subject(line(m.Subject))
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetDateWithValue(m.Date.UTC())
	// RFC 3834: nobody's holiday notice answers it.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	return msg, nil
}

// recipient reads the bare address of one person: ASCII without spaces, no name, no group, no comment.
// Errors: ErrRefused; none of them shows the address.
func recipient(text string) (*netmail.Address, error) {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return nil, fmt.Errorf("%w: the recipient is no address", ErrRefused)
		}
	}
	parsed, err := netmail.ParseAddress(text)
	if err != nil || parsed.Address != text {
		return nil, fmt.Errorf("%w: the recipient is no address", ErrRefused)
	}
	return parsed, nil
}

// line is text as one line of a bounded length, without what would end a header or turn the direction
// of what is read.
func line(text string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
	text = strings.Join(words, " ")
	if runes := []rune(text); len(runes) > maxSubject {
		text = string(runes[:maxSubject-1]) + "…"
	}
	return text
}
