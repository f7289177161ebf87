package wordpress_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
)

// names is a resolver that answers every name's n-th question for IPv4 addresses by answer(n), counted
// from 1, and knows no others.
func names(tb testing.TB, answer func(n int) []string) *net.Resolver {
	tb.Helper()
	asked := make(chan int, 1)
	asked <- 0
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer func() { _ = ours.Close() }()
			for {
				query, err := readMessage(ours)
				if err != nil {
					return
				}
				var addrs []string
				if question(query) == typeA {
					n := <-asked + 1
					asked <- n
					addrs = answer(n)
				}
				if _, err := ours.Write(reply(query, addrs)); err != nil {
					return
				}
			}
		}()
		return theirs, nil
	}}
}

const (
	typeA     = 1
	dnsHeader = 12
)

// readMessage reads a DNS message as it is sent over TCP, behind its length.
func readMessage(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

// endOfQuestion is where the first question of a message ends: behind its labels, type and class.
func endOfQuestion(message []byte) int {
	at := dnsHeader
	for message[at] != 0 {
		at += int(message[at]) + 1
	}
	return at + 5
}

func question(message []byte) uint16 {
	return binary.BigEndian.Uint16(message[endOfQuestion(message)-4:])
}

// reply answers a query with addresses, behind its length.
func reply(query []byte, addrs []string) []byte {
	out := append([]byte{}, query[:endOfQuestion(query)]...)
	copy(out[2:], []byte{0x81, 0x80, 0, 1, 0, byte(len(addrs)), 0, 0, 0, 0})
	for _, addr := range addrs {
		ip := netip.MustParseAddr(addr).As4()
		out = append(out, 0xc0, dnsHeader, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, ip[:]...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)
}
