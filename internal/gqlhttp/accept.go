package gqlhttp

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	mediaEvents  = "text/event-stream"

	// maxRanges bounds the work on an Accept header; browsers send about eight.
	maxRanges = 32
)

// offer is how well one media type that we serve suits the client.
type offer struct {
	media     string
	quality   float64
	specific  int // 2 named in full, 1 by type/*, 0 by */*
	index     int // place of the range in the header
	mentioned bool
}

// negotiate picks the media type of the answer (RFC 9110, 12.5.1). Between types that the client
// likes equally, the one that it lists first wins; where it has no preference, fallback does. It
// is false if the client accepts neither.
func negotiate(header http.Header, fallback string) (string, bool) {
	accept := strings.Join(header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return fallback, true
	}
	offers := [...]offer{{media: mediaGraphQL}, {media: mediaJSON}}
	for i, text := range strings.SplitN(accept, ",", maxRanges+1) {
		if i == maxRanges {
			break
		}
		media, quality, ok := parseRange(text)
		if !ok {
			continue
		}
		for j := range offers {
			offers[j].consider(media, quality, i)
		}
	}
	var best *offer
	for i := range offers {
		if o := &offers[i]; o.mentioned && o.quality > 0 && (best == nil || o.beats(best, fallback)) {
			best = o
		}
	}
	if best == nil {
		return "", false
	}
	return best.media, true
}

// consider takes a range into account: of several that match, the most specific one decides.
func (o *offer) consider(media string, quality float64, index int) {
	specific := -1
	switch media {
	case o.media:
		specific = 2
	case "application/*":
		specific = 1
	case "*/*":
		specific = 0
	}
	if specific < 0 || o.mentioned && specific <= o.specific {
		return
	}
	o.quality, o.specific, o.index, o.mentioned = quality, specific, index, true
}

func (o *offer) beats(other *offer, fallback string) bool {
	if o.quality != other.quality {
		return o.quality > other.quality
	}
	if o.specific != other.specific {
		return o.specific > other.specific
	}
	if o.index != other.index {
		return o.index < other.index
	}
	return o.media == fallback
}

// parseRange reads one media range. A range that asks for another charset than UTF-8 matches
// nothing that we serve, and one that cannot be read is passed over.
func parseRange(text string) (media string, quality float64, ok bool) {
	media, params, err := mime.ParseMediaType(text)
	if err != nil {
		return "", 0, false
	}
	if charset, given := params["charset"]; given && !isUTF8(charset) {
		return "", 0, false
	}
	quality = 1
	if q, given := params["q"]; given {
		quality, err = strconv.ParseFloat(q, 64)
		if err != nil || !(quality >= 0 && quality <= 1) {
			return "", 0, false
		}
	}
	return media, quality, true
}

// wantsEvents says whether the client wants its answer as server-sent events and as nothing else of ours.
// Clients list that type among others in every request, urql for one, and mean JSON.
func wantsEvents(r *http.Request) bool {
	events := false
	for i, text := range strings.SplitN(strings.Join(r.Header.Values("Accept"), ","), ",", maxRanges+1) {
		if i == maxRanges {
			break
		}
		media, quality, ok := parseRange(text)
		if !ok || quality == 0 {
			continue
		}
		switch media {
		case mediaEvents:
			events = true
		case mediaGraphQL, mediaJSON, "application/graphql+json", "application/*":
			return false
		}
	}
	return events
}

func isUTF8(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
