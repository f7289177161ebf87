package billing

import (
	"fmt"
	"strconv"
	"strings"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

const (
	referencePrefix = "IGNY8"
	// checkLetters are none that is mistaken for another or for a digit: without I and O, and Z goes over. Their
	// number is a prime.
	checkLetters = "ABCDEFGHJKLMNPQRSTUVWXY"
	// maxReference is how long a reference may be that somebody looks for, in bytes: two numbers and what stands around them.
	maxReference = 60
)

// Reference is what a customer writes on a transfer: account, payment and a check letter that catches a mistyped
// digit, two neighbours that changed places, and a hyphen that stands a digit too early or too late.
func Reference(tenant gid.Account, id gid.Payment) string {
	numbers := fmt.Sprintf("%d-%d", tenant, id)
	return fmt.Sprintf("%s-%s-%c", referencePrefix, numbers, checkLetter(numbers))
}

// checkLetter weighs each digit by its place, modulo a prime, so that every single mistake changes the sum. The
// hyphen takes a place.
func checkLetter(numbers string) byte {
	sum, weight := 0, 2
	for _, r := range numbers {
		if r != '-' {
			sum += weight * int(r-'0')
		}
		weight++
	}
	return checkLetters[sum%len(checkLetters)]
}

// ParseReference finds the payments that a reference can mean as somebody typed it or a bank passed it on: in
// either case, with other signs between its parts or with none, with or without the part that all of them begin
// with. There is more than one only where what parted the numbers is lost. Errors: INVALID.
func ParseReference(text string) ([]PaymentKey, error) {
	mistyped := fault.New(fault.Invalid, "this is no reference of a payment: it looks like %s-30-8-%c, and its last letter checks the rest",
		referencePrefix, checkLetter("30-8"))
	if len(text) > maxReference {
		return nil, mistyped
	}
	parts := strings.FieldsFunc(strings.ToUpper(text), func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') })
	if len(parts) > 1 && parts[0] == referencePrefix {
		parts = parts[1:]
	} else if len(parts) > 0 {
		parts[0] = strings.TrimPrefix(parts[0], referencePrefix)
	}
	joined := strings.Join(parts, "")
	if len(joined) < 3 {
		return nil, mistyped
	}
	digits, letter := joined[:len(joined)-1], joined[len(joined)-1]
	var keys []PaymentKey
	for i := 1; i < len(digits); i++ {
		if len(parts) > 2 && i != len(parts[0]) {
			continue // the parts are told apart
		}
		tenant, account := number(digits[:i])
		id, payment := number(digits[i:])
		if account && payment && checkLetter(digits[:i]+"-"+digits[i:]) == letter {
			keys = append(keys, PaymentKey{gid.Account(tenant), gid.Payment(id)})
		}
	}
	if len(keys) == 0 {
		return nil, mistyped
	}
	return keys, nil
}

// number reads digits as an id is written: without zeros before it.
func number(digits string) (int64, bool) {
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && digits[0] != '0'
}
