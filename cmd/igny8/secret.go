package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/vault"
)

const (
	shortestSecret = 32 // bytes
	// fewestDistinct is how many different bytes a secret has at least; 32 random hexadecimal digits
	// have fewer than that once in some ten thousand.
	fewestDistinct = 10
)

// placeholders are what people write where they mean to put a secret later.
var placeholders = []string{demo.Password, "changeme", "change-me", "change_me", "secret", "password", "example", "igny8", "placeholder"}

// weakness says why a secret must not be used; empty when nothing speaks against it.
func weakness(secret []byte) string {
	if len(secret) < shortestSecret {
		return fmt.Sprintf("is shorter than %d bytes", shortestSecret)
	}
	lower := strings.ToLower(string(secret))
	for _, word := range placeholders {
		if strings.Contains(lower, word) {
			return "is a placeholder"
		}
	}
	distinct := map[byte]bool{}
	steps := 0
	for i, c := range secret {
		distinct[c] = true
		if i > 0 && (c == secret[i-1]+1 || c == secret[i-1]-1 || c == secret[i-1]) {
			steps++
		}
	}
	if len(distinct) < fewestDistinct {
		return "is made of too few different characters"
	}
	for period := 1; period <= len(secret)/2; period++ {
		if bytes.Equal(secret[period:], secret[:len(secret)-period]) {
			return "repeats itself"
		}
	}
	if 2*steps > len(secret) {
		return "is a sequence"
	}
	return ""
}

func parseSigningKeys(text string) error {
	_, err := auth.ParseKeys(text)
	return err
}

func parseVaultKeys(text string) error {
	_, err := vault.Parse(text)
	return err
}

// weakKeys says what is wrong with id:key pairs; empty when nothing is. It never quotes a key.
func weakKeys(text string, parse func(string) error) string {
	if err := parse(text); err != nil {
		return err.Error()
	}
	for i, pair := range strings.Split(text, ",") {
		_, encoded, _ := strings.Cut(strings.TrimSpace(pair), ":")
		seed, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil {
			return err.Error()
		}
		if why := weakness(seed); why != "" {
			return fmt.Sprintf("key %d %s: take one from igny8 keys generate", i+1, why)
		}
	}
	return ""
}

// newSecret makes a secret that weakness has nothing against.
func newSecret() (string, error) {
	const attempts = 8
	for range attempts {
		random := make([]byte, shortestSecret)
		_, _ = rand.Read(random) // never fails
		if text := base64.RawURLEncoding.EncodeToString(random); weakness([]byte(text)) == "" {
			return text, nil
		}
	}
	return "", errors.New("make a secret: the system's source of randomness is broken")
}
