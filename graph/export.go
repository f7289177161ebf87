package graph

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/retention"
)

const (
	// exportCost is what an export costs, in points: it reads all that the account has.
	exportCost = 500
	// exportTime bounds an export, which may take longer than other requests.
	exportTime = 10 * time.Minute
)

// ExportHandler answers GET with all that the caller's account has, as one JSON document, for its owners,
// whatever the account's status, so that they can take it along before it goes. It is no GraphQL
// field because it is streamed: its size has no bound.
func ExportHandler(r *Resolver) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, a := req.Context(), actor(req.Context())
		release, err := r.admitExport(ctx, a)
		if err != nil {
			refuseExport(w, err)
			return
		}
		defer release()
		// The request's own deadline is too short. Whoever goes away is noticed by what cannot be written.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTime)
		defer cancel()
		// Not all writers have deadlines; those of tests do not.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(exportTime))
		body := &late{w: w, before: func(h http.Header) {
			h.Set("Content-Type", "application/json; charset=utf-8")
			h.Set("Content-Disposition", `attachment; filename="igny8-`+a.Account.Slug+`.json"`)
		}}
		err = retention.Export(ctx, r.DB, a, r.now(), body)
		switch {
		case err == nil:
		case !body.begun:
			refuseExport(w, err)
		default:
			// What was sent is not whole, and says so by not ending.
			r.Log.LogAttrs(ctx, slog.LevelWarn, "an export was cut off", slog.Any("error", err))
			panic(http.ErrAbortHandler)
		}
	})
}

func (r *Resolver) admitExport(ctx context.Context, a account.Actor) (release func(), err error) {
	if err := a.Enter(account.Door{Minimum: account.Owner, For: account.Billing, Personal: true}); err != nil {
		return nil, err
	}
	if _, err := r.charge(ctx, exportCost); err != nil {
		return nil, err
	}
	if !r.exporting.TryLock() {
		return nil, fault.New(fault.Throttled, "another export is being written: try again in a minute").With("retryAfterSeconds", 60)
	}
	return r.exporting.Unlock, nil
}

// late sets headers with the first byte, so that what fails before is answered as an error.
type late struct {
	w      http.ResponseWriter
	before func(http.Header)
	begun  bool
}

func (l *late) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.before(l.w.Header())
	}
	return l.w.Write(p) //nolint:wrapcheck // the response's own
}

// refuseExport refuses an export by its error's status.
func refuseExport(w http.ResponseWriter, err error) {
	f, ok := errors.AsType[*fault.Error](err)
	status := http.StatusInternalServerError
	if !ok {
		f = fault.New(fault.Internal, "something went wrong on our side")
	}
	switch f.Code {
	case fault.Unauthenticated:
		status = http.StatusUnauthorized
	case fault.Throttled:
		status = http.StatusTooManyRequests
		if seconds, ok := f.Details["retryAfterSeconds"].(int); ok {
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
		}
	case fault.Internal:
	default:
		status = http.StatusForbidden
	}
	refuse(w, status, f)
}

// refuse answers with one coded error, in the shape that GraphQL's errors have.
func refuse(w http.ResponseWriter, status int, err error) {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = fault.New(fault.Internal, "something went wrong on our side")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]gqlerror.List{"errors": {gqlhttp.FromFault(f)}}) //nolint:errchkjson // the client may be gone
}
