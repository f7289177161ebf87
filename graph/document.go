package graph

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/paper"
	"igny8.com/accounts/internal/postgres"
)

// DocumentHandler answers GET on a link to a document with its PDF. The link is all that is asked for: it is made
// for whoever may read the document, opens no other one, and is over after minutes. A link that is none, was
// changed or is over, and a document whose account is gone for good, are answered alike.
func DocumentHandler(r *Resolver) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name, pdf, err := r.document(req)
		if err != nil {
			if _, known := errors.AsType[*fault.Error](err); !known {
				r.Log.LogAttrs(req.Context(), slog.LevelError, "a document was not drawn", slog.Any("error", err))
			}
			refuseDocument(w, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/pdf")
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.pdf"`, name))
		h.Set("Content-Length", strconv.Itoa(len(pdf)))
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write(pdf) //nolint:gosec // a PDF, said to be one and sent as a file; a client that went away is nobody's error
	})
}

func (r *Resolver) document(req *http.Request) (name string, pdf []byte, err error) {
	to, err := paper.Open(r.Vault, req.URL.Path, r.now())
	if err != nil {
		return "", nil, noDocument()
	}
	of, err := billing.ReadPaper(postgres.WithTenant(req.Context(), int64(to.Tenant)), r.DB, to.Tenant, to.Invoice)
	if err != nil {
		return "", nil, err
	}
	if of == nil {
		return "", nil, noDocument()
	}
	pdf, err = paper.Render(of)
	return of.Number, pdf, err
}

func noDocument() error {
	return fault.New(fault.NotFound, "this link opens nothing, or does not any more: ask for another one")
}

func refuseDocument(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if fault.Is(err, fault.NotFound) {
		status = http.StatusNotFound
	}
	refuse(w, status, err)
}
