package stream

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/history"
)

// handler serves GET /v1/events.
type handler struct {
	hub     *Hub
	history *history.History
}

const headerLastID = "Last-Event-ID"

// ServeHTTP lets a reader in, or says why not.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, r.Method+" is not for events", "GET them")
		return
	}
	form := negotiate(r.Header.Values("Accept"))
	if form == "" {
		refuse(w, http.StatusNotAcceptable, "Accept allows no form in which events are served", "accept "+typeLines+" or "+typeEvents)
		return
	}
	asked, err := parseQuery(r.URL.RawQuery, h.hub.options.Now())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error(), "keys are the names of watch's filters, and follow: see tlstrace watch --help")
		return
	}
	reader, err := h.reader(r, asked, form)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error(), "send the id of the last event that was received, or none")
		return
	}
	if h.hub.isStopping() {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "the agent is stopping", "try again when it has started")
		return
	}
	if !h.hub.enter() {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("%d readers are there, and no more are served at a time", h.hub.options.Readers),
			"end one, or let one reader share what it reads")
		return
	}
	defer h.hub.count(func(s *Stats) { s.Readers-- })
	reader.serve(w, form)
}

// reader decides where to begin and when to end.
func (h *handler) reader(r *http.Request, asked query, form string) (*reader, error) {
	rd := &reader{
		hub: h.hub, history: h.history, filter: asked.filter, format: formatOf(form), ctx: r.Context(), end: h.history.Last(),
		follow: form == typeEvents, // what reads them connects anew after an end
	}
	if asked.follow != nil {
		rd.follow = *asked.follow
	}
	switch last := strings.TrimSpace(r.Header.Get(headerLastID)); {
	case last != "":
		seen, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s %q is no number of an event", headerLastID, sink.Escape(last, 60))
		}
		rd.resume(seen)
	case !asked.filter.Since.IsZero() || !rd.follow:
		rd.next = h.history.Before(asked.filter.Since)
	default:
		rd.next = rd.end
	}
	return rd, nil
}
