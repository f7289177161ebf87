package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"igny8.com/accounts/internal/fault"
)

// longestPath is how much of a path goes into the log.
const longestPath = 200

// accessLog writes one line a request. Probes that succeed are logged at debug level, for they come
// every few seconds and say nothing.
func (s *Server) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		aborted := true
		defer func() {
			if s.cfg.Observe != nil {
				s.cfg.Observe(s.routeName(r.URL.Path), r.Method, rec.code(), time.Since(start))
			}
			level := slog.LevelInfo
			switch {
			case aborted || rec.code() >= http.StatusInternalServerError:
				level = slog.LevelWarn
			case isProbe(r.URL.Path) && rec.code() == http.StatusOK:
				level = slog.LevelDebug
			}
			v := visitOf(r.Context())
			attrs := []slog.Attr{
				slog.String("request_id", v.id),
				slog.String("client", v.client.String()),
				slog.String("method", clip(r.Method, longestMethod)),
				slog.String("path", logged(r.URL.Path)),
				slog.Int("status", rec.code()),
				slog.Int64("bytes", rec.bytes),
				slog.Float64("ms", float64(time.Since(start).Microseconds())/1000),
			}
			if aborted {
				attrs = append(attrs, slog.Bool("aborted", true))
			}
			v.mu.Lock()
			attrs = append(attrs, v.notes...)
			v.mu.Unlock()
			s.cfg.Log.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		next.ServeHTTP(rec, r)
		aborted = false
		if rec.status == 0 {
			rec.WriteHeader(http.StatusOK) // a handler that wrote nothing has not passed there yet
		}
	})
}

const longestMethod = 16

// logged is a path as the log may hold it: without what opens a document.
func logged(path string) string {
	if strings.HasPrefix(path, documentsPath) {
		return documentsPath + "…"
	}
	return clip(path, longestPath)
}

func clip(text string, longest int) string {
	if len(text) > longest {
		return text[:longest] + "…"
	}
	return text
}

// catchPanics turns a panic into a masked 500, or, when an answer has begun, breaks the connection
// so that half an answer is not taken for a whole one.
func (s *Server) catchPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it like this
				panic(cause)
			}
			s.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "panic",
				slog.String("request_id", RequestID(r.Context())),
				slog.String("cause", fmt.Sprint(cause)),
				slog.String("stack", string(debug.Stack())))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler)
			}
			Refuse(w, r, http.StatusInternalServerError,
				fault.New(fault.Internal, "something went wrong on our side; it is logged under the request's id"))
		}()
		next.ServeHTTP(w, r)
	})
}

// recorder remembers what went out, and lets no cookie out.
type recorder struct {
	http.ResponseWriter

	status int
	bytes  int64
}

// WriteHeader sends the status, without cookies.
func (w *recorder) WriteHeader(status int) {
	w.Header().Del("Set-Cookie")
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status // a socket's first and last word in HTTP is 101
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err //nolint:wrapcheck // a writer's error is the writer's
}

// Unwrap lets http.ResponseController find what the connection itself can do.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is here because some handlers ask for http.Flusher rather than for a controller.
func (w *recorder) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush() // what cannot flush sends at the end
}

// code is the status that the client got, or would have got from a handler that was cut short.
func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
