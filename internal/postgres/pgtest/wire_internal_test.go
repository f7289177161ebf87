package pgtest

import (
	"bytes"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"
)

// noted keeps what it is told, and rewrites what it has another text for.
type noted struct {
	instead map[string]string
	ran     []string
	owners  []int64
}

func (n *noted) rewrite(statement string) string {
	if other, ok := n.instead[statement]; ok {
		return other
	}
	return statement
}
func (n *noted) run(statement string) { n.ran = append(n.ran, statement) }
func (n *noted) read(tenant int64)    { n.owners = append(n.owners, tenant) }

type sink struct {
	net.Conn
	bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) { return s.Buffer.Write(p) }
func (s *sink) Read(p []byte) (int, error)  { return s.Buffer.Read(p) }

func encoded(t *testing.T, messages ...pgproto3.Message) []byte {
	t.Helper()
	var b []byte
	for _, m := range messages {
		var err error
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestWire_RewritesStatementsHoweverTheyAreSentAndCut(t *testing.T) {
	t.Parallel()
	start := &pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "u"}}
	in := encoded(t, start,
		&pgproto3.Query{String: "simple"}, &pgproto3.Parse{Query: "alone", ParameterOIDs: []uint32{20}}, &pgproto3.Bind{},
		&pgproto3.Parse{Name: "kept", Query: "named"}, &pgproto3.Bind{PreparedStatement: "kept"}, &pgproto3.Bind{PreparedStatement: "kept"},
		&pgproto3.Query{String: "as it is"}, &pgproto3.Sync{})
	want := encoded(t, start,
		&pgproto3.Query{String: "a longer one"}, &pgproto3.Parse{Query: "b", ParameterOIDs: []uint32{20}}, &pgproto3.Bind{},
		&pgproto3.Parse{Name: "kept", Query: "c"}, &pgproto3.Bind{PreparedStatement: "kept"}, &pgproto3.Bind{PreparedStatement: "kept"},
		&pgproto3.Query{String: "as it is"}, &pgproto3.Sync{})
	for _, size := range []int{1, 3, len(in)} {
		n := &noted{instead: map[string]string{"simple": "a longer one", "alone": "b", "named": "c"}}
		out := &sink{}
		w := &wire{Conn: out, statements: n, prepared: map[string]string{}}
		for rest := in; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			part := rest[:min(size, len(rest))]
			if written, err := w.Write(part); err != nil || written != len(part) {
				t.Fatalf("%d of %d bytes, %v", written, len(part), err)
			}
		}
		if diff := cmp.Diff(want, out.Bytes()); diff != "" {
			t.Errorf("in parts of %d (-want +got):\n%s", size, diff)
		}
		if diff := cmp.Diff([]string{"simple", "alone", "named", "named", "as it is"}, n.ran); diff != "" {
			t.Errorf("what ran (-want +got):\n%s", diff)
		}
	}
}

func TestWire_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	w := &wire{Conn: &sink{}, statements: &noted{}, started: true, prepared: map[string]string{}}
	if _, err := w.Write([]byte{'Q', 0, 0, 0, 6, 'a', 'b'}); err == nil {
		t.Error("a statement without an end was sent")
	}
}

func TestWire_TellsWhoseRowsAreHandedOver(t *testing.T) {
	t.Parallel()
	column := func(name string, format int16) pgproto3.FieldDescription {
		return pgproto3.FieldDescription{Name: []byte(name), DataTypeOID: 20, DataTypeSize: 8, Format: format}
	}
	in := encoded(t,
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{column("id", 0), column("tenant_id", 0), column("tenant_id", 1)}},
		&pgproto3.DataRow{Values: [][]byte{nil, []byte("30"), {0, 0, 0, 0, 0, 0, 1, 2}}},
		&pgproto3.DataRow{Values: [][]byte{[]byte("1"), nil, nil}},
		&pgproto3.CommandComplete{CommandTag: []byte("SELECT 2")},
		// These have no description of their own.
		&pgproto3.DataRow{Values: [][]byte{[]byte("1"), []byte("31"), nil}},
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{column("id", 0)}},
		&pgproto3.DataRow{Values: [][]byte{[]byte("32")}},
		&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for _, size := range []int{1, 7, len(in)} {
		n := &noted{}
		w := &wire{Conn: &sink{}, statements: n}
		w.Conn.(*sink).Buffer.Write(in)
		var got []byte
		for buf := make([]byte, size); len(got) < len(in); {
			read, err := w.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:read]...)
		}
		if !bytes.Equal(in, got) {
			t.Error("what was read is not what was answered")
		}
		if diff := cmp.Diff([]int64{30, 258}, n.owners); diff != "" {
			t.Errorf("in parts of %d (-want +got):\n%s", size, diff)
		}
	}
}
