// Package gateway takes events over HTTP. It answers 202 only when the events
// are durable in the spool, and says to everybody else what to do.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/cloudevents"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Sources knows the sources that exist.
type Sources interface {
	Get(key types.NamespacedName) (source.Source, bool)
	// Synced says whether a source that is missing does not exist.
	Synced() bool
}

// Spool makes events durable.
type Spool interface {
	Append(ctx context.Context, tenant string, payload []byte, count int64) (spool.Position, error)
}

// Limits bound what all senders together may use.
type Limits struct {
	// InFlight bounds the requests that are answered at the same time; others wait
	// for up to two seconds.
	InFlight int
	// Memory bounds the bytes of the bodies that are read at the same time.
	// Reading one needs about three times as much.
	Memory int64
}

// DefaultLimits fit into 200 MiB of memory with the rest of the manager.
func DefaultLimits() Limits { return Limits{InFlight: 256, Memory: 32 << 20} }

// Handler answers the senders.
type Handler struct {
	sources Sources
	spool   Spool
	clock   clock.PassiveClock
	slots   *semaphore.Weighted
	memory  *semaphore.Weighted
	// unproven is the part of memory that bodies get before their sender is let in.
	unproven *semaphore.Weighted
	limits   Limits
}

// New returns the handler of all routes.
func New(sources Sources, spool Spool, clock clock.PassiveClock, limits Limits) http.Handler {
	h := &Handler{sources: sources, spool: spool, clock: clock, limits: limits,
		slots: semaphore.NewWeighted(int64(limits.InFlight)), memory: semaphore.NewWeighted(limits.Memory), unproven: semaphore.NewWeighted(limits.Memory / 2)}
	mux := http.NewServeMux()
	const route = "/v1/sources/{namespace}/{alertSource}"
	mux.HandleFunc("POST "+route, h.serve)
	mux.HandleFunc("PUT "+route, h.serve) // Falcosidekick can be told to use it.
	mux.HandleFunc(route, wrongMethod)
	mux.HandleFunc("/", notFound)
	return mux
}

func wrongMethod(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "POST, PUT")
	problem(http.StatusMethodNotAllowed, "method", "Method not allowed", "Send events with POST or PUT.").write(w)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	problem(http.StatusNotFound, "route", "No such route", "Send events to /v1/sources/{namespace}/{alertSource}.").write(w)
}

// Accepted is the answer to events that are safe.
type Accepted struct {
	// Accepted counts the events that become alerts or count in one.
	Accepted int `json:"accepted"`
	// Suppressed counts the events that are no alert.
	Suppressed int64 `json:"suppressed"`
	// Rejected counts the events that cannot be read; the first are in Errors.
	Rejected int64        `json:"rejected"`
	Errors   []EventError `json:"errors,omitempty"`
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	began := h.clock.Now()
	status, reason := http.StatusAccepted, ""
	defer func() {
		countRequest(status, reason)
		seconds.Observe(h.clock.Since(began).Seconds())
	}()
	accepted, refused := h.answer(w, r)
	if refused != nil {
		status, reason = refused.Status, refused.slug
		refused.write(w)
		return
	}
	writeJSON(w, status, "application/json", accepted)
}

// answer takes a request in the order of what it costs: who is not let in has
// no body read, unless it is the body that lets in.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (*Accepted, *Problem) {
	a := &arrival{handler: h, w: w, r: r}
	defer a.release()
	// Many senders at once, such as one a node, are let in one after the other.
	if refused := a.acquire(h.slots, 1); refused != nil {
		return nil, refused
	}
	inFlight.Inc()
	defer inFlight.Dec()
	from, refused := h.admit(a, types.NamespacedName{Namespace: r.PathValue("namespace"), Name: r.PathValue("alertSource")})
	if refused != nil {
		return nil, refused
	}
	accepted, refused := h.take(a, from)
	if refused != nil && refused.retryAfter > 0 {
		auth.Forget(from.Auth, r)
	}
	return accepted, refused
}

// admit finds the source and lets its senders in. Who is not let in does not
// learn whether the source exists.
func (h *Handler) admit(a *arrival, key types.NamespacedName) (source.Source, *Problem) {
	if !h.sources.Synced() {
		return source.Source{}, retry("starting", "Tocsin has just started. Send the same again later.", 2*time.Second)
	}
	from, found := h.sources.Get(key)
	method := from.Auth
	if !found || method == nil {
		method = auth.Closed{}
	}
	a.limit = from.MaxBodyBytes
	err := method.Verify(a.r, a.asSent)
	var unread *Problem
	switch {
	case err == nil:
		return from, nil
	case errors.As(err, &unread):
		return from, unread
	case errors.Is(err, auth.ErrUnavailable):
		return from, retry("unchecked", "The credentials cannot be checked at the moment. Send the same again later.", 5*time.Second)
	}
	return from, problem(http.StatusUnauthorized, "credentials", "Not let in",
		"The credentials are missing, no longer valid, used before, or not those of this source. Send what spec.auth of the AlertSource asks for, such as \"Authorization: Bearer <token>\".")
}

// take reads the events of a sender who was let in, and makes them durable.
func (h *Handler) take(a *arrival, from source.Source) (*Accepted, *Problem) {
	switch {
	case from.Suspended:
		return nil, retry("suspended", "The AlertSource is suspended. Set spec.suspend to false to take events again.", time.Minute)
	case from.Decoder == nil:
		return nil, retry("configuration", "The AlertSource is not valid; its condition Ready says why.", time.Minute)
	}
	if wait := from.Throttle.Ready(h.clock.Now()); wait > 0 {
		return nil, throttled(wait)
	}
	split, refused := splitterOf(a.r.Header, from)
	if refused != nil {
		return nil, refused
	}
	data, refused := a.read()
	if refused != nil {
		return nil, refused
	}
	return h.accept(a.r.Context(), from, split, data)
}

// splitter takes a body apart.
type splitter func(data []byte) ([]body.Record, error)

// splitterOf says how a body is taken apart, and refuses what cannot be. Many
// senders do not say what they send: that is JSON.
func splitterOf(header http.Header, from source.Source) (splitter, *Problem) {
	value := header.Get("Content-Type")
	media, parameters, err := mime.ParseMediaType(value)
	switch {
	case from.Format == format.CloudEvents && header.Get(cloudevents.TypeHeader) != "":
		return binaryEvent(header.Get(cloudevents.TypeHeader)), nil
	case value == "", err == nil && (strings.HasSuffix(media, "json") || media == "text/plain" || media == "application/octet-stream"):
		return body.Split, nil
	case err == nil && media == "text/csv" && from.Format == format.Generic && parameters["header"] != "absent":
		return body.SplitRows, nil
	}
	return nil, problem(http.StatusUnsupportedMediaType, "media-type", "Content type not supported",
		"Send JSON as application/json, or one object a line as application/x-ndjson; to an AlertSource of type Generic also text/csv whose first line names the columns.")
}

// binaryEvent takes a body as the data of one CloudEvent of that type.
func binaryEvent(eventType string) splitter {
	return func(data []byte) ([]body.Record, error) {
		event, err := cloudevents.Structured(eventType, data)
		return []body.Record{{Data: event, Err: err}}, nil
	}
}

// accept makes the good events of a body durable, and counts the others.
func (h *Handler) accept(ctx context.Context, from source.Source, split splitter, data []byte) (*Accepted, *Problem) {
	c, err := readContent(data, split, from.Decoder)
	switch {
	case errors.Is(err, body.ErrHeader):
		return nil, problem(http.StatusUnprocessableEntity, "header", "CSV without a header", text.Line(err.Error(), maxReason)+".")
	case err != nil:
		return nil, problem(http.StatusRequestEntityTooLarge, "too-many", "Too many events", err.Error()+". Send smaller batches.")
	}
	if len(strings.TrimSpace(string(data[:min(len(data), 64)]))) == 0 && c.position == 0 {
		return nil, problem(http.StatusUnprocessableEntity, "events", "No events", errEmpty.Error()+".")
	}
	if c.position > 0 {
		if refused := h.keep(ctx, from, c); refused != nil {
			return nil, refused
		}
	}
	countEvents(from.Format, c)
	if c.rejected > 0 && c.rejected == int64(c.position) {
		refused := problem(http.StatusUnprocessableEntity, "events", "No event can be read",
			fmt.Sprintf("None of the %d events is valid for the format %s. Correct the sender; sending the same again does not help.", c.rejected, from.Format))
		refused.Errors = c.errors
		return nil, refused
	}
	return &Accepted{Accepted: len(c.events), Suppressed: c.suppressed, Rejected: c.rejected, Errors: c.errors}, nil
}

// throttled asks a source that sends too fast to come again. It is 503 as well:
// many senders take 429 as final.
func throttled(wait time.Duration) *Problem {
	return retry("throttled", "The source sends more events than spec.limits.eventsPerSecond and burstEvents of the AlertSource allow. Nothing of the request was taken. Send the same again later.",
		time.Duration(math.Ceil(wait.Seconds()))*time.Second)
}

func (h *Handler) keep(ctx context.Context, from source.Source, c content) *Problem {
	e := envelope.Envelope{
		Tenant: from.Key.Namespace, Source: from.Key.Name, Format: from.Format, Received: h.clock.Now().UTC(),
		Suppressed: c.suppressed, Rejected: c.rejected, Events: c.events,
	}
	if wait := from.Throttle.Take(int(e.Positions()), h.clock.Now()); wait > 0 {
		return throttled(wait)
	}
	payload, err := e.Marshal()
	if err == nil {
		_, err = h.spool.Append(ctx, e.Tenant, payload, e.Positions())
	}
	if err == nil {
		return nil
	}
	if ctx.Err() == nil { // else it may have been written all the same
		from.Throttle.GiveBack(int(e.Positions()), h.clock.Now())
	}
	switch {
	case errors.Is(err, spool.ErrFull):
		return retry("full", "The spool is full: the API server takes events more slowly than they come. Send the same again later.", 10*time.Second)
	case errors.Is(err, spool.ErrShare):
		return retry("share", "As many events of this namespace wait as may: they come faster than they can be stored, or a quota of the namespace keeps them out. Send the same again later.", 10*time.Second)
	}
	logf.FromContext(ctx).Error(err, "Writing to the spool failed")
	return retry("spool", "The events could not be made durable. Send the same again later.", 5*time.Second)
}
