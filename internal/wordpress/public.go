package wordpress

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
)

// errNotPublic means that a connection was refused before it was opened.
var errNotPublic = errors.New("wordpress: this address is not on the public internet")

// global is all that IPv6 gives to the public internet. What lies outside is loopback, link-local,
// unique local, multicast, unspecified, and IPv4 in disguise: mapped, compatible and NAT64.
var global = netip.MustParsePrefix("2000::/3")

// special are the networks of IPv4, and those within global, that lead to no site on the public internet:
// IANA's special-purpose registries (RFC 6890 and what came after).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // between a carrier and its customers
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local; clouds' metadata
	netip.MustParsePrefix("172.16.0.0/12"),   // private
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // relays of 6to4
	netip.MustParsePrefix("192.168.0.0/16"),  // private
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("224.0.0.0/4"),     // multicast
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved; broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments; Teredo, which carries IPv4
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4, which carries IPv4
	netip.MustParsePrefix("3fff::/20"),       // documentation
}

// public says whether an address can be a site's on the public internet.
func public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" || !addr.Is4() && !global.Contains(addr) {
		return false
	}
	for _, network := range special {
		if network.Contains(addr) {
			return false
		}
	}
	return true
}

// admits says whether the address may be connected to.
func (cfg Config) admits(addr netip.Addr) bool {
	for _, network := range cfg.Allowed {
		if network.Contains(addr) {
			return true
		}
	}
	return public(addr)
}

// control judges a connection when its name has been resolved and its socket is about to connect: what
// is judged is what is connected to, whatever the name resolved to before.
func (cfg Config) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !cfg.admits(target.Addr()) {
		return errNotPublic
	}
	return nil
}
