package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/generic"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// memory is a spool that forgets nothing until the test ends.
type memory struct {
	mu        sync.Mutex
	envelopes []envelope.Envelope
	err       error
	// gate, when set, holds appends until it is closed.
	gate    chan struct{}
	entered chan struct{}
}

func (m *memory) Append(ctx context.Context, tenant string, payload []byte, count int64) (spool.Position, error) {
	if m.gate != nil {
		m.entered <- struct{}{}
		<-m.gate
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return 0, m.err
	}
	e, err := envelope.Unmarshal(payload)
	if err == nil && (e.Positions() != count || e.Tenant != tenant) {
		err = errors.New("the count or the tenant is wrong")
	}
	m.envelopes = append(m.envelopes, e)
	return spool.Position(len(m.envelopes)), err
}

const token = "s3cret"

func registry(t *testing.T, change func(*source.Source)) *source.Registry {
	t.Helper()
	r := source.NewRegistry()
	for name, formatName := range map[string]string{"falco": "Falco", "audit": "KubernetesAudit", "scanner": "Generic", "bus": "CloudEvents"} {
		decoder, err := format.New(formatName, format.Options{Generic: &generic.Options{Title: "event.name", Events: "event.?all.orValue([event])"}})
		if err != nil {
			t.Fatal(err)
		}
		s := source.Source{
			Key: types.NamespacedName{Namespace: "shop", Name: name}, Format: formatName, Decoder: decoder,
			Auth:         auth.NewBearer([]byte(token)),
			MaxBodyBytes: body.DefaultMaxBytes,
		}
		if change != nil {
			change(&s)
		}
		r.Set(s)
	}
	r.MarkSynced()
	return r
}

func serve(t *testing.T, sources Sources, s Spool, limits Limits) string {
	t.Helper()
	server := httptest.NewServer(New(sources, s, clock.RealClock{}, limits))
	t.Cleanup(server.Close)
	return server.URL
}

// answer is what came back.
type answer struct {
	status      int
	header      http.Header
	body        map[string]any
	contentType string
}

func send(t *testing.T, url string, data []byte, headers ...string) answer {
	t.Helper()
	return sendAs(t, http.MethodPost, url, data, headers...)
}

func sendAs(t *testing.T, method, url string, data []byte, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header, contentType: resp.Header.Get("Content-Type")}
	if err := json.NewDecoder(resp.Body).Decode(&a.body); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return a
}

func pack(data string) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return packed.Bytes()
}

const (
	shell  = `{"rule":"shell"}`
	health = `{"rule":"Falco internal: x"}`
	exec   = `{"verb":"create","stage":"ResponseStarted","user":{"username":"jane"},"objectRef":{"resource":"pods","subresource":"exec","namespace":"a","name":"b"}}`
	read   = `{"verb":"get","stage":"ResponseComplete","user":{"username":"jane"},"objectRef":{"resource":"pods"}}`
)

func TestAccepted(t *testing.T) {
	const rows = "name,host\nscan,web-1\nscan\nlogin,\"web-2, web-3\"\n"
	objects := []string{`{"host":"web-1","name":"scan"}`, `{"host":"web-2, web-3","name":"login"}`}
	ragged := Accepted{Accepted: 2, Rejected: 1, Errors: []EventError{{1, "the row has 1 fields, and the first line names 2"}}}
	for name, tc := range map[string]struct {
		source, body string
		headers      []string
		want         Accepted
		kept         []string
	}{
		"one":            {source: "falco", body: shell, want: Accepted{Accepted: 1}, kept: []string{shell}},
		"array":          {source: "falco", body: "[" + shell + "," + shell + "]", want: Accepted{Accepted: 2}, kept: []string{shell, shell}},
		"lines":          {source: "falco", body: shell + "\n" + shell + "\n", headers: []string{"Content-Type", "application/x-ndjson"}, want: Accepted{Accepted: 2}, kept: []string{shell, shell}},
		"gzip":           {source: "falco", body: string(pack(shell)), headers: []string{"Content-Encoding", "gzip"}, want: Accepted{Accepted: 1}, kept: []string{shell}},
		"with a charset": {source: "falco", body: shell, headers: []string{"Content-Type", "application/json; charset=utf-8"}, want: Accepted{Accepted: 1}, kept: []string{shell}},
		"health":         {source: "falco", body: health, want: Accepted{Suppressed: 1}},
		"an empty batch": {source: "audit", body: `{"kind":"EventList","items":[]}`, want: Accepted{}},
		"an empty array": {source: "falco", body: `[]`, want: Accepted{}},
		"audit batch":    {source: "audit", body: `{"kind":"EventList","items":[` + read + `,` + exec + `,` + read + `]}`, want: Accepted{Accepted: 1, Suppressed: 2}, kept: []string{exec}},
		"CSV":            {source: "scanner", body: rows, headers: []string{"Content-Type", "text/csv; charset=utf-8"}, want: ragged, kept: objects},
		"CSV in gzip":    {source: "scanner", body: string(pack(rows)), headers: []string{"Content-Type", "text/csv", "Content-Encoding", "gzip"}, want: ragged, kept: objects},
		"CSV, empty":     {source: "scanner", body: "name,host\n", headers: []string{"Content-Type", "text/csv"}, want: Accepted{}},
		"generic": {source: "scanner", body: `{"all": [{"name": "scan"}, {"host": "web-1"}, {"name": 7}]}`, want: Accepted{Accepted: 1, Rejected: 2, Errors: []EventError{
			{1, "generic.title: no such key: name; where a field may be missing, write event.?field"}, {2, "generic.title: must give a string, not int"}}}, kept: []string{`{"name":"scan"}`}},
		"CloudEvent, binary": {source: "bus", body: shell, headers: []string{"Content-Type", "application/json", "Ce-Type", "falco.rule.output.v1"},
			want: Accepted{Accepted: 1}, kept: []string{`{"type":"falco.rule.output.v1","data":{"rule":"shell"}}`}},
		"CloudEvent, binary, no JSON": {source: "bus", body: shell, headers: []string{"Content-Type", "text/xml", "Ce-Type", "com.example"}, want: Accepted{Suppressed: 1}},
		"CloudEvent, structured": {source: "bus", body: `{"type":"falco.rule.output.v1","data":` + shell + `}`, headers: []string{"Content-Type", "application/cloudevents+json"},
			want: Accepted{Accepted: 1}, kept: []string{`{"type":"falco.rule.output.v1","data":{"rule":"shell"}}`}},
		"a type that is not asked for": {source: "falco", body: shell, headers: []string{"Ce-Type", "falco.rule.output.v1"}, want: Accepted{Accepted: 1}, kept: []string{shell}},
		"good and bad":                 {source: "falco", body: "[" + shell + `, {"a":1}, 5, ` + shell + "," + health + "]", want: Accepted{Accepted: 2, Suppressed: 1, Rejected: 2, Errors: []EventError{{1, "rule: is missing; a Falco event names the rule that fired"}, {2, "a JSON object is needed"}}}, kept: []string{shell, shell}},
		"good, then noise":             {source: "falco", body: "[" + shell + `, {"rule": oops`, want: Accepted{Accepted: 1, Rejected: 1, Errors: []EventError{{1, "not valid JSON: invalid character 'o' looking for beginning of value"}}}, kept: []string{shell}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			url := serve(t, registry(t, nil), m, DefaultLimits())
			got := send(t, url+"/v1/sources/shop/"+tc.source, []byte(tc.body), tc.headers...)
			want := toMap(t, tc.want)
			if got.status != http.StatusAccepted || got.contentType != "application/json" {
				t.Errorf("%d %s", got.status, got.contentType)
			}
			if diff := cmp.Diff(want, got.body); diff != "" {
				t.Error(diff)
			}
			checkKept(t, m, tc.kept, tc.want)
		})
	}
}

func toMap(t *testing.T, value any) map[string]any {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkKept looks at what was made durable: the events, and the counts of the others.
func checkKept(t *testing.T, m *memory, want []string, counts Accepted) {
	t.Helper()
	var kept []string
	var suppressed, rejected int64
	for _, e := range m.envelopes {
		suppressed += e.Suppressed
		rejected += e.Rejected
		for _, event := range e.Events {
			kept = append(kept, string(event))
		}
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("kept: %s", diff)
	}
	if suppressed != counts.Suppressed || rejected != counts.Rejected {
		t.Errorf("%d suppressed, %d rejected; want %d, %d", suppressed, rejected, counts.Suppressed, counts.Rejected)
	}
}

func TestRefused(t *testing.T) {
	big := `{"rule":"` + strings.Repeat("x", 5000) + `"}`
	for name, tc := range map[string]struct {
		path, body string
		headers    []string
		method     string
		change     func(*source.Source)
		spool      *memory
		status     int
		problem    string
		header     [2]string
		rejected   int64
	}{
		"no token":                      {headers: []string{"Authorization", ""}, status: 401, problem: "credentials", header: [2]string{"Www-Authenticate", `Bearer realm="tocsin", Basic realm="tocsin"`}},
		"wrong token":                   {headers: []string{"Authorization", "Bearer x"}, status: 401, problem: "credentials"},
		"unknown source":                {path: "/v1/sources/shop/nobody", status: 401, problem: "credentials"},
		"another namespace":             {path: "/v1/sources/bank/falco", status: 401, problem: "credentials"},
		"source without authentication": {change: func(s *source.Source) { s.Auth = nil }, status: 401, problem: "credentials"},
		"another route":                 {path: "/v1/alerts", status: 404, problem: "route"},
		"GET":                           {method: http.MethodGet, status: 405, problem: "method", header: [2]string{"Allow", "POST, PUT"}},
		"form":                          {headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, problem: "media-type"},
		"CSV to Falco":                  {body: "rule\nx\n", headers: []string{"Content-Type", "text/csv"}, status: 415, problem: "media-type"},
		"CSV without a header":          {path: "/v1/sources/shop/scanner", body: "scan,web-1\n", headers: []string{"Content-Type", "text/csv; header=absent"}, status: 415, problem: "media-type"},
		"CSV with a bad header":         {path: "/v1/sources/shop/scanner", body: "name,name\na,b\n", headers: []string{"Content-Type", "text/csv"}, status: 422, problem: "header"},
		"CSV, too many rows":            {path: "/v1/sources/shop/scanner", body: "name\n" + strings.Repeat("x\n", body.MaxRecords+1), headers: []string{"Content-Type", "text/csv"}, status: 413, problem: "too-many"},
		"too many in a record":          {path: "/v1/sources/shop/scanner", body: `{"name":"x"}{"all":[` + strings.Repeat(`{"name":"x"},`, body.MaxRecords-1) + `{"name":"x"}]}`, status: 413, problem: "too-many"},
		"brotli":                        {headers: []string{"Content-Encoding", "br"}, status: 415, problem: "encoding", header: [2]string{"Accept-Encoding", "gzip, identity"}},
		"not gzip":                      {headers: []string{"Content-Encoding", "gzip"}, status: 422, problem: "encoding"},
		"too large":                     {body: big, change: func(s *source.Source) { s.MaxBodyBytes = 4096 }, status: 413, problem: "too-large"},
		"too large packed":              {body: string(pack(big)), headers: []string{"Content-Encoding", "gzip"}, change: func(s *source.Source) { s.MaxBodyBytes = 4096 }, status: 413, problem: "too-large"},
		"too many":                      {body: strings.Repeat(shell+"\n", body.MaxRecords+1), status: 413, problem: "too-many"},
		"empty":                         {body: " \n ", status: 422, problem: "events"},
		"no JSON":                       {body: "hello", status: 422, problem: "events", rejected: 1},
		"nothing good":                  {body: `[{"a":1},{"b":2}]`, status: 422, problem: "events", rejected: 2},
		"suspended":                     {change: func(s *source.Source) { s.Suspended = true }, status: 503, problem: "suspended", header: [2]string{"Retry-After", "60"}},
		"not configured":                {change: func(s *source.Source) { s.Decoder = nil }, status: 503, problem: "configuration", header: [2]string{"Retry-After", "60"}},
		"spool full":                    {spool: &memory{err: spool.ErrFull}, status: 503, problem: "full", header: [2]string{"Retry-After", "10"}},
		"share of the tenant is full":   {spool: &memory{err: spool.ErrShare}, status: 503, problem: "share", header: [2]string{"Retry-After", "10"}},
		"disk broken":                   {spool: &memory{err: errors.New("input/output error")}, status: 503, problem: "spool", header: [2]string{"Retry-After", "5"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := tc.spool
			if m == nil {
				m = &memory{}
			}
			url := serve(t, registry(t, tc.change), m, DefaultLimits())
			got := sendAs(t, or(tc.method, http.MethodPost), url+or(tc.path, "/v1/sources/shop/falco"), []byte(or(tc.body, shell)), tc.headers...)
			if got.status != tc.status || got.body["type"] != problemTypes+tc.problem {
				t.Errorf("%d %v, want %d %s", got.status, got.body, tc.status, tc.problem)
			}
			if got.contentType != "application/problem+json" || got.body["status"] != float64(tc.status) || got.body["title"] == "" || got.body["detail"] == "" {
				t.Errorf("the problem is not complete: %s %v", got.contentType, got.body)
			}
			if tc.header[0] != "" && got.header.Get(tc.header[0]) != tc.header[1] {
				t.Errorf("%s: %q, want %q", tc.header[0], got.header.Get(tc.header[0]), tc.header[1])
			}
			checkKept(t, m, nil, Accepted{Rejected: tc.rejected})
		})
	}
}

func or(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

func TestPositionsOfBadEventsAreListed(t *testing.T) {
	url := serve(t, registry(t, nil), &memory{}, DefaultLimits())
	got := send(t, url+"/v1/sources/shop/audit", []byte(`{"items":[5,{"verb":7}]}`))
	want := []any{
		map[string]any{"position": 0.0, "reason": "a JSON object is needed, not a number"},
		map[string]any{"position": 1.0, "reason": "verb: must not be of type number"},
	}
	if diff := cmp.Diff(want, got.body["errors"]); got.status != 422 || diff != "" {
		t.Errorf("%d: %s", got.status, diff)
	}
	got = send(t, url+"/v1/sources/shop/falco", []byte("["+strings.Repeat(`{"a":1},`, 499)+shell+"]"))
	if errs := got.body["errors"].([]any); got.status != 202 || len(errs) != maxErrors || got.body["rejected"] != 499.0 {
		t.Errorf("%d with %d errors for %v", got.status, len(errs), got.body["rejected"])
	}
}

func TestPutIsTaken(t *testing.T) {
	url := serve(t, registry(t, nil), &memory{}, DefaultLimits())
	if got := sendAs(t, http.MethodPut, url+"/v1/sources/shop/falco", []byte(shell)); got.status != 202 {
		t.Error(got)
	}
}

func TestNotSyncedYet(t *testing.T) {
	url := serve(t, source.NewRegistry(), &memory{}, DefaultLimits())
	if got := send(t, url+"/v1/sources/shop/falco", []byte(shell)); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Error(got)
	}
}

// TestAnswerWaitsForTheDisk: no 202 before Append has returned, and 503 for
// those who come while all slots are taken, and stay so.
func TestAnswerWaitsForTheDisk(t *testing.T) {
	m := &memory{gate: make(chan struct{}), entered: make(chan struct{}, 1)}
	url := serve(t, registry(t, nil), m, Limits{InFlight: 1, Memory: 1 << 20})
	first := make(chan answer, 1)
	go func() { first <- send(t, url+"/v1/sources/shop/falco", []byte(shell)) }()
	<-m.entered
	if got := send(t, url+"/v1/sources/shop/falco", []byte(shell)); got.status != 503 || got.header.Get("Retry-After") != "1" {
		t.Errorf("with all slots taken: %v", got)
	}
	select {
	case got := <-first:
		t.Fatalf("answered %d before it was durable", got.status)
	default:
	}
	close(m.gate)
	if got := <-first; got.status != 202 {
		t.Error(got)
	}
	m.gate = nil
	if got := send(t, url+"/v1/sources/shop/falco", []byte(shell)); got.status != 202 {
		t.Errorf("the slot was not given back: %v", got)
	}
}

// TestManySendersAtOnce: who comes while all slots are taken has the next one that
// is free.
func TestManySendersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders = 10
		m := &memory{gate: make(chan struct{}), entered: make(chan struct{}, senders)}
		h := New(registry(t, nil), m, clock.RealClock{}, Limits{InFlight: 2, Memory: 1 << 20})
		answers := make(chan int, senders)
		for range senders {
			go func() {
				r := httptest.NewRequest(http.MethodPost, "/v1/sources/shop/falco", strings.NewReader(shell))
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				answers <- w.Code
			}()
		}
		synctest.Wait()
		if len(m.entered) != 2 || len(answers) > 0 {
			t.Errorf("%d requests are answered at the same time, and %d have an answer", len(m.entered), len(answers))
		}
		close(m.gate)
		for range senders {
			if got := <-answers; got != http.StatusAccepted {
				t.Errorf("a sender gets %d", got)
			}
		}
	})
}

// TestFixtures sends every fixture through the gateway.
func TestFixtures(t *testing.T) {
	url := serve(t, registry(t, nil), &memory{}, DefaultLimits())
	for folder, name := range map[string]string{"falco": "falco", "k8s-audit": "audit"} {
		for file, data := range fixtures.Files(t, folder) {
			got := send(t, url+"/v1/sources/shop/"+name, data)
			switch {
			case file == "expected-falco-rules.json" || file == "panther-labelled-events.json":
				// These hold events within other things: refused, and it is said why.
				if got.status != 422 || len(got.body["errors"].([]any)) == 0 {
					t.Errorf("%s: %d %v", file, got.status, got.body)
				}
			case got.status != 202 || got.body["rejected"] != 0.0:
				t.Errorf("%s: %d %v", file, got.status, got.body)
			}
		}
	}
}
