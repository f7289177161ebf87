package mail

import "crypto/x509"

// Strict treats a mail server on this machine as one elsewhere: it must speak TLS, and roots vouch for it.
func Strict(s Sender, roots *x509.CertPool) Sender {
	strict := *s.(*smtp)
	strict.clear, strict.roots = false, roots
	return &strict
}
