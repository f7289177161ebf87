package web_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"
)

// The compressed files carry no time, and hold what the manifest says.
func TestDist_IsWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("dist/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files map[string]struct {
			SHA256 string `json:"sha256"`
			Size   int    `json:"size"`
		} `json:"files"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("dist")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(manifest.Files)+1 {
		t.Errorf("dist holds %d files, the manifest names %d", len(entries), len(manifest.Files))
	}
	for name, file := range manifest.Files {
		compressed, err := os.ReadFile("dist/" + name + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		if header := compressed[:10]; !bytes.Equal(header[3:8], make([]byte, 5)) {
			t.Errorf("%s: the gzip header carries flags or a time: % x", name, header)
		}
		plain := unzip(t, compressed)
		if sum := sha256.Sum256(plain); hex.EncodeToString(sum[:]) != file.SHA256 || len(plain) != file.Size {
			t.Errorf("%s is not what the manifest says", name)
		}
	}
}

func unzip(t *testing.T, compressed []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
