package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

// planted is a service that is given secrets at every place where somebody may put one, and remembers all
// of them, all that it answered and all that it logged.
type planted struct {
	t       *testing.T
	db      *pgtest.DB
	url     string
	letters string
	log     *output
	secrets map[string]string // what they are, by what they say
	answers []planting
	// stop ends the service, and returns when its last line is logged.
	stop func()
}

// planting is an answer, and what it was asked for.
type planting struct {
	what, text string
	// given are the secrets that the answer makes, and so may hold.
	given []string
}

func plant(t *testing.T) *planted {
	t.Helper()
	p := &planted{t: t, db: pgtest.New(t), letters: t.TempDir(), log: newOutput(), secrets: map[string]string{}}
	keys, err := auth.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.url = "http://" + listener.Addr().String()
	cfg := config{
		SigningKeys: keys, Secret: p.secret("the server's secret"), VaultKeys: vault.Generate(), PublicURL: p.url,
		AppURL: "https://app.example.com", MailURL: "file://" + p.letters, MailFrom: "accounts@example.com", ThrottleOff: true,
		BankInstructions: "Nothing is to be sent.", BankDeadlineDays: 14, DrainTimeout: 5 * time.Second, LogLevel: slog.LevelDebug,
	}
	for i, pair := range []string{keys, cfg.VaultKeys} {
		_, seed, _ := strings.Cut(pair, ":")
		p.secrets[seed] = fmt.Sprint("key ", i)
	}
	svc, err := newService(t.Context(), parts{cfg: cfg, log: cfg.logger(p.log, "json"), db: p.db.App, hasher: cheapHasher(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- svc.run(ctx, listener) }()
	stopped := false
	p.stop = func() {
		cancel()
		if !stopped {
			stopped = true
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(func() { p.stop() })
	return p
}

// secret makes one that is found wherever it turns up, and could be a password.
func (p *planted) secret(what string) string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	text := "Planted" + hex.EncodeToString(raw)
	p.secrets[text] = what
	return text
}

// hostile is a request as whoever makes it writes it.
type hostile struct {
	what, method, target, body string
	header                     map[string]string
}

// send sends a request and keeps the answer.
func (p *planted) send(h hostile) map[string]any {
	p.t.Helper()
	if h.method == "" {
		h.method = http.MethodPost
	}
	if h.target == "" {
		h.target = "/graphql"
	}
	req, err := http.NewRequestWithContext(p.t.Context(), h.method, p.url+h.target, strings.NewReader(h.body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range h.header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var answer struct{ Data map[string]any }
	_ = json.Unmarshal(text, &answer) // not every answer is GraphQL's
	var head bytes.Buffer
	_ = resp.Header.Write(&head)
	p.answers = append(p.answers, planting{h.what, head.String() + string(text), p.given(answer.Data, h.what)})
	return answer.Data
}

// given remembers the secrets that an answer makes.
func (p *planted) given(v any, what string) (found []string) {
	object, _ := v.(map[string]any)
	for name, value := range object {
		text, isText := value.(string)
		if !isText {
			found = append(found, p.given(value, what)...)
			continue
		}
		switch name {
		case "accessToken":
			// The signature alone is what makes it one.
			for _, part := range []string{text, text[strings.LastIndex(text, ".")+1:]} {
				p.secrets[part] = "the access token of " + what
				found = append(found, part)
			}
		case "refreshToken":
			p.secrets[text] = "the refresh token of " + what
			found = append(found, text)
		case "secret":
			for _, part := range []string{text, text[strings.LastIndex(text, "_")+1:]} {
				p.secrets[part] = "the API key of " + what
				found = append(found, part)
			}
		}
	}
	return found
}

// run runs a mutation, with an Authorization header unless that is empty, and gives its payload.
func (p *planted) run(authorization, name string, in map[string]any, selection string) map[string]any {
	p.t.Helper()
	query := fmt.Sprintf(`mutation($in: %sInput!) { %s(input: $in) { %s userErrors { message field code } } }`,
		strings.ToUpper(name[:1])+name[1:], name, selection)
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"in": in}})
	if err != nil {
		p.t.Fatal(err)
	}
	h := hostile{what: name, body: string(body)}
	if authorization != "" {
		h.header = map[string]string{"Authorization": authorization}
	}
	payload, _ := p.send(h)[name].(map[string]any)
	return payload
}

const session = "session { accessToken refreshToken }"

// enter runs a mutation that signs in, and gives the header and the refresh token.
func (p *planted) enter(name string, in map[string]any) (authorization, refresh string) {
	p.t.Helper()
	payload := p.run("", name, in, session)
	signedIn, ok := payload["session"].(map[string]any)
	if !ok {
		p.t.Fatalf("%s: %v", name, payload)
	}
	return "Bearer " + fmt.Sprint(signedIn["accessToken"]), fmt.Sprint(signedIn["refreshToken"])
}

// mailed waits for a letter whose link leads to a page of that name, and gives the newest one's token.
func (p *planted) mailed(page string, newerThan int) string {
	p.t.Helper()
	link := regexp.MustCompile(page + `#token=(\S+)`)
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		files, err := filepath.Glob(filepath.Join(p.letters, "*.eml"))
		if err != nil {
			p.t.Fatal(err)
		}
		slices.Sort(files)
		var tokens []string
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				p.t.Fatal(err)
			}
			text := strings.ReplaceAll(strings.ReplaceAll(string(raw), "=\r\n", ""), "=3D", "=") // quoted-printable
			if m := link.FindStringSubmatch(text); m != nil {
				tokens = append(tokens, m[1])
			}
		}
		if len(tokens) > newerThan {
			token := tokens[len(tokens)-1]
			p.secrets[token] = "the mailed token for " + page
			return token
		}
		select {
		case <-limit:
			p.t.Fatalf("no letter leads to %s", page)
		case <-tick.C:
		}
	}
}

// leaks names every place where a secret turned up that does not belong there.
func (p *planted) leaks() []string {
	p.t.Helper()
	p.stop()
	var found []string
	log := p.log.String()
	rows := p.rows()
	for text, what := range p.secrets {
		for _, form := range []string{
			text, strings.ToLower(text), hex.EncodeToString([]byte(text)), base64.StdEncoding.EncodeToString([]byte(text)),
			base64.RawURLEncoding.EncodeToString([]byte(text)),
		} {
			if strings.Contains(log, form) {
				found = append(found, what+" is in the log")
			}
			for table, content := range rows {
				if strings.Contains(content, form) {
					found = append(found, what+" is in "+table)
				}
			}
			for _, a := range p.answers {
				if strings.Contains(a.text, form) && !slices.Contains(a.given, text) && !within(text, a.given) {
					found = append(found, what+" is in the answer to "+a.what+": "+a.text)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// within says whether a secret is a part of one that was given.
func within(text string, given []string) bool {
	return slices.ContainsFunc(given, func(g string) bool { return strings.Contains(g, text) })
}

// rows is all that the database holds, as text, by table; bytes are in hexadecimal.
func (p *planted) rows() map[string]string {
	p.t.Helper()
	var tables string
	ctx := context.Background() // what ends the service ends no test
	err := p.db.Admin.NewRaw(`SELECT string_agg(format('%I', tablename), ' ') FROM pg_tables WHERE schemaname = 'public'`).Scan(ctx, &tables)
	if err != nil {
		p.t.Fatal(err)
	}
	rows := map[string]string{}
	for table := range strings.FieldsSeq(tables) {
		var content string
		if err := p.db.Admin.NewRaw(`SELECT coalesce(string_agg(t::text, E'\n'), '') FROM `+table+` AS t`).Scan(ctx, &content); err != nil {
			p.t.Fatal(err)
		}
		rows[table] = content
	}
	return rows
}
