package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// RequestIDHeader carries a request's id: out with every answer, in from a trusted proxy.
const RequestIDHeader = "X-Request-Id"

// visit is what the server knows of one request.
type visit struct {
	id     string
	client netip.Addr

	mu    sync.Mutex
	notes []slog.Attr
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// RequestID is the id of the request that ctx belongs to; empty outside of requests.
func RequestID(ctx context.Context) string {
	if v := visitOf(ctx); v != nil {
		return v.id
	}
	return ""
}

// ClientIP is the address of the client whose request ctx belongs to; the zero Addr where it is not
// known.
func ClientIP(ctx context.Context) netip.Addr {
	if v := visitOf(ctx); v != nil {
		return v.client
	}
	return netip.Addr{}
}

// Annotate adds to the request's line in the access log. Nothing secret belongs there.
func Annotate(ctx context.Context, notes ...slog.Attr) {
	if v := visitOf(ctx); v != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.notes = append(v.notes, notes...)
	}
}

// identify gives the request its id and its client's address.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{}
		peer := peerOf(r)
		v.client = peer
		if s.trusts(peer) {
			v.client = s.clientBehind(peer, r.Header.Values("X-Forwarded-For"))
			if id := r.Header.Get(RequestIDHeader); saneID(id) {
				v.id = id
			}
		}
		if v.id == "" {
			v.id = rand.Text()
		}
		w.Header().Set(RequestIDHeader, v.id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
	})
}

// saneID says whether an id from a proxy can go into logs and answers as it is.
func saneID(id string) bool {
	const shortest, longest = 8, 64
	if len(id) < shortest || len(id) > longest {
		return false
	}
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// peerOf is the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func (s *Server) trusts(addr netip.Addr) bool {
	for _, prefix := range s.cfg.TrustedProxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// clientBehind walks X-Forwarded-For from the right, where the nearest proxy wrote, and takes the
// first address that is not a proxy of ours: what stands left of it may be the client's invention.
// An entry that is no address ends the walk at the last one that was.
func (s *Server) clientBehind(peer netip.Addr, forwarded []string) netip.Addr {
	client := peer
	for _, hop := range slices.Backward(strings.Split(strings.Join(forwarded, ","), ",")) {
		addr, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			return client
		}
		client = addr
		if !s.trusts(addr) {
			return client
		}
	}
	return client
}

// parseHop reads an entry of X-Forwarded-For: an address, and with some proxies a port.
func parseHop(text string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}
