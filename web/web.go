// Package web owns the page at `/`: GraphiQL under IGNY8's header, with its scripts, styles and
// example operations.
//
// What must always hold: the page talks to the server that it came from and to nobody else; it
// reads and sets no cookie; whoever is signed in is known by the token that the page holds, in
// memory and in the tab's session storage alone. The Content-Security-Policy that goes out with
// every answer holds the browser to that even where the page's code does not.
//
// The page's sources are in graphiql/. What they build is committed in dist/, so that building and
// running the service takes Go alone.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageText string

//go:embed dist
var distFiles embed.FS

// contentSecurityPolicy allows what the page is made of and nothing else. Monaco writes inline
// styles; codicon, its icon font, is a data: URL.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; " +
	"style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Config says what the page shows.
type Config struct {
	// Title names the service in the header and the tab; "IGNY8 Accounts API" when empty.
	Title string
	// Endpoint is the path that operations are posted to; "/graphql" when empty.
	Endpoint string
	// SchemaURL is the path of the schema as text, linked in the header; no link when empty.
	SchemaURL string
	// Demo says whether the server runs on the demo state. Without it DemoUsers stay in the server.
	Demo bool
	// DemoUsers are offered for signing in with a click. The first is the one that examples use.
	DemoUsers []DemoUser
}

// DemoUser is a person of the demo state.
type DemoUser struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	// About says in a few words whom the person stands for.
	About string `json:"about"`
}

// pageConfig is what the page reads; see graphiql/src/config.ts.
type pageConfig struct {
	Title       string     `json:"title"`
	Endpoint    string     `json:"endpoint"`
	SchemaURL   string     `json:"schemaURL"`
	LicensesURL string     `json:"licensesURL"`
	Demo        bool       `json:"demo"`
	DemoUsers   []DemoUser `json:"demoUsers"`
	Examples    []Example  `json:"examples"`
}

// Handler serves the page at `/` and its assets under AssetPrefix to GET and HEAD; every other
// path is 404. It panics where the embedded files are broken, which the package's tests exclude.
func Handler(cfg Config) http.Handler {
	assets, err := loadAssets()
	if err != nil {
		panic(fmt.Sprintf("web: embedded assets: %v", err))
	}
	page, err := renderPage(cfg, assets)
	if err != nil {
		panic(fmt.Sprintf("web: page: %v", err))
	}

	mux := http.NewServeMux()
	mux.Handle("/{$}", page)
	for name, asset := range assets.files {
		mux.Handle(AssetPrefix+name, asset)
	}
	return secured(mux)
}

// secured puts the headers on every answer, refusals included, and refuses what does not read.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-DNS-Prefetch-Control", "off")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// renderPage makes the document once; it changes with the configuration and the build alone.
func renderPage(cfg Config, assets *assetSet) (*file, error) {
	examples, err := Examples()
	if err != nil {
		return nil, err
	}
	config := pageConfig{
		Title:       orElse(cfg.Title, "IGNY8 Accounts API"),
		Endpoint:    orElse(cfg.Endpoint, "/graphql"),
		SchemaURL:   cfg.SchemaURL,
		LicensesURL: AssetPrefix + assets.manifest.Licenses,
		Demo:        cfg.Demo,
		DemoUsers:   []DemoUser{},
		Examples:    examples,
	}
	if cfg.Demo {
		config.DemoUsers = append(config.DemoUsers, cfg.DemoUsers...)
	}

	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("parse the page: %w", err)
	}
	var text bytes.Buffer
	err = page.Execute(&text, map[string]any{
		"Title":  config.Title,
		"Script": AssetPrefix + assets.manifest.Script,
		"Style":  AssetPrefix + assets.manifest.Style,
		"Icon":   AssetPrefix + assets.manifest.Icon,
		"Config": config,
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	sum := sha256.Sum256(text.Bytes())
	compressed, err := compress(text.Bytes())
	if err != nil {
		return nil, err
	}
	return &file{
		contentType:  "text/html; charset=utf-8",
		cacheControl: "no-cache",
		hash:         hex.EncodeToString(sum[:8]),
		size:         int64(text.Len()),
		gzipped:      compressed,
	}, nil
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
