package gqlhttp

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

func testPreparer(entries, bytes int) *preparer {
	limits := DefaultLimits()
	return &preparer{
		limits:    limits,
		validator: newValidator(testserver.New().Schema(), limits.Errors),
		cache:     newDocumentCache(entries, bytes),
	}
}

func mustPrepare(t *testing.T, p *preparer, query string) *document {
	t.Helper()
	d, errs := p.document(query)
	if errs != nil {
		t.Fatal(errs)
	}
	return d
}

func TestDocumentCache_ForgetsTheOldestBeyondItsEntries(t *testing.T) {
	t.Parallel()
	p := testPreparer(2, 1<<20)
	a := mustPrepare(t, p, "{ hello }")
	mustPrepare(t, p, "{ hello } # 2")
	if mustPrepare(t, p, "{ hello }") != a {
		t.Error("a document that is in the cache was prepared again")
	}
	mustPrepare(t, p, "{ hello } # 3") // drops 2, which was not used since
	if _, kept := p.cache.get("{ hello } # 2"); kept {
		t.Error("the document used longest ago is still there")
	}
	if mustPrepare(t, p, "{ hello }") != a {
		t.Error("a document used lately was dropped")
	}
}

func TestDocumentCache_StaysWithinItsBytes(t *testing.T) {
	t.Parallel()
	const room = 50_000
	p := testPreparer(1000, room)
	for i := range 200 {
		mustPrepare(t, p, fmt.Sprintf("{ hello } # %d %s", i, strings.Repeat("x", i)))
		if p.cache.bytes > room {
			t.Fatalf("%d bytes after %d documents", p.cache.bytes, i+1)
		}
	}
	sum := 0
	for _, d := range p.cache.lru.Values() {
		sum += d.cost
	}
	if sum != p.cache.bytes || sum == 0 {
		t.Errorf("the cache counts %d bytes and holds %d", p.cache.bytes, sum)
	}
	large := "{ echo(any: [" + strings.Repeat("["+strings.Repeat("1 ", 199)+"]", 9) + "]) }"
	mustPrepare(t, p, large)
	if _, kept := p.cache.get(large); kept || p.cache.bytes != sum {
		t.Error("a document larger than the whole cache pushed others out")
	}
}

func TestDocumentCache_DoesNotKeepRefusedDocuments(t *testing.T) {
	t.Parallel()
	p := testPreparer(10, 1<<20)
	for _, query := range []string{"{", "{ unknown }", "{ hello @defer }", "{" + strings.Repeat(" hello", 6) + "}"} {
		if _, errs := p.document(query); errs == nil {
			t.Errorf("%s was accepted", query)
		}
	}
	if n := p.cache.lru.Len(); n != 0 {
		t.Errorf("the cache holds %d documents", n)
	}
}

// The estimate decides how much memory the cache takes, so it must not be far below the truth.
//
//nolint:paralleltest // it measures the heap of the whole process
func TestDocumentCost_IsNotFarBelowTheTruth(t *testing.T) {
	const copies = 200
	for name, query := range map[string]string{
		"dense":  "{" + strings.Repeat(" person{pet{...on Cat{name}}}", 5) + strings.Repeat(" ...{__typename}", 100) + "}",
		"usual":  "query Q($i: Int) { person { id name friends(first: $i) { id name pet { ... on Cat { lives } } } } }",
		"values": "{ echo(any: [" + strings.Repeat("1 ", 199) + "]) }",
		"sparse": "{ hello } # " + strings.Repeat("x", 2000),
	} {
		p := testPreparer(copies, 1<<30)
		before := heap()
		bytes := 0
		for i := range copies {
			q := fmt.Sprintf("%s # %d", query, i)
			bytes += mustPrepare(t, p, q).cost
		}
		took := heap() - before
		t.Logf("%s: %d bytes of text, %d estimated, %d measured", name, len(query), bytes/copies, took/copies)
		if took > 2*bytes {
			t.Errorf("%s: %d bytes, estimated at %d", name, took, bytes)
		}
		runtime.KeepAlive(p)
	}
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
