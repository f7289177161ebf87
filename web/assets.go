package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// AssetPrefix begins the path of every file that the page loads. The names behind it carry a hash of
// the contents, so that a browser may keep them for ever.
const AssetPrefix = "/assets/"

// manifest is what graphiql/build.mjs says about the files in dist/.
type manifest struct {
	Script   string                   `json:"script"`
	Style    string                   `json:"style"`
	Icon     string                   `json:"icon"`
	Licenses string                   `json:"licenses"`
	Files    map[string]manifestEntry `json:"files"`
}

type manifestEntry struct {
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// assetSet is the embedded dist/: what it says of itself, and its files by name.
type assetSet struct {
	manifest manifest
	files    map[string]*file
}

func loadAssets() (*assetSet, error) {
	text, err := distFiles.ReadFile("dist/manifest.json")
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	set := &assetSet{files: map[string]*file{}}
	if err := json.Unmarshal(text, &set.manifest); err != nil {
		return nil, fmt.Errorf("parse the manifest: %w", err)
	}
	for name, entry := range set.manifest.Files {
		gzipped, err := distFiles.ReadFile("dist/" + name + ".gz")
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if len(entry.SHA256) != 64 {
			return nil, fmt.Errorf("%s has no hash in the manifest", name)
		}
		set.files[name] = &file{
			contentType:  entry.Type,
			cacheControl: "public, max-age=31536000, immutable",
			hash:         entry.SHA256[:16],
			size:         entry.Size,
			gzipped:      gzipped,
		}
	}
	return set, nil
}

// file is one thing to serve. It is held compressed, which is what nearly every client asks for, and
// unpacked on the fly for the rest.
type file struct {
	contentType  string
	cacheControl string
	hash         string // of the contents, in hexadecimal
	size         int64  // of the contents, in bytes
	gzipped      []byte
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", f.cacheControl)
	h.Add("Vary", "Accept-Encoding")

	compressed := acceptsGzip(r.Header.Values("Accept-Encoding"))
	// A strong tag names bytes, so each encoding has its own.
	etag := `"` + f.hash + `"`
	if compressed {
		etag = `"` + f.hash + `-gzip"`
	}
	h.Set("ETag", etag)
	if matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}

	h.Set("Content-Type", f.contentType)
	if !compressed {
		h.Set("Content-Length", strconv.FormatInt(f.size, 10))
		if r.Method == http.MethodHead {
			return
		}
		plain, err := gzip.NewReader(bytes.NewReader(f.gzipped))
		if err != nil {
			panic(http.ErrAbortHandler) // The embedded file is broken; tests exclude it.
		}
		_, _ = io.CopyN(w, plain, f.size) // The client went away: nobody is left to tell.
		return
	}
	h.Set("Content-Encoding", "gzip")
	h.Set("Content-Length", strconv.Itoa(len(f.gzipped)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.gzipped)
	}
}

// acceptsGzip reads Accept-Encoding as RFC 9110, section 12.5.3, has it: what names gzip itself counts
// before `*`, and a weight of 0 refuses.
func acceptsGzip(values []string) bool {
	accepted := false
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, parameters, _ := strings.Cut(element, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameters)), "q="); ok {
			parsed, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			if err != nil {
				continue
			}
			weight = parsed
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return weight > 0
		case "*":
			accepted = weight > 0
		}
	}
	return accepted
}

// matches says whether If-None-Match names the tag. The comparison is the weak one, as RFC 9110,
// section 13.1.2, asks.
func matches(values []string, etag string) bool {
	for candidate := range strings.SplitSeq(strings.Join(values, ","), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}

func compress(text []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}
