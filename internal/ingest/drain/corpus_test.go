package drain

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/engine/dedup"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/gateway"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// What is tried of each file at most, chosen by a seed that is the file's name.
// 'make test-corpus' tries all of it, which takes many minutes.
var (
	maxCuts    = flag.Int("corpus.cuts", 5, "cut each file at so many places `at most`")
	maxAltered = flag.Int("corpus.fields", 15, "break so many fields of each file `at most`")
)

// perBody is how many altered objects go into one body.
const perBody = 20

// corpus are the folders of fixtures, and the format each is of. What is of no
// format of ours is a stranger's to the Generic one.
var corpus = map[string]v1alpha1.AlertSourceType{
	"alertmanager": "Alertmanager", "falco": "Falco", "k8s-audit": "KubernetesAudit", "kubearmor": "KubeArmor", "microsoft": "MicrosoftGraph",
	"ocsf": "OCSF", "policyreport": "PolicyReport", "suricata": "Suricata", "tetragon": "Tetragon", "trivy-operator": "TrivyOperator",
	"wazuh": "Wazuh", "guardduty": "GuardDuty", "cloudevents": "CloudEvents", "sigma": "Generic", "stratus-cloudtrail": "Generic",
}

// tester sends bodies to one source through the gateway and a spool, and looks at
// what comes of them.
type tester struct {
	handler http.Handler
	decoder decode.Decoder
	schema  *validate.SchemaValidator
	spool   *spool.Spool
	from    spool.Position
	alerts  int
}

// TestBadInput cuts and breaks what senders send. Whatever comes: the answer is one
// that the sender can act on and names the events that are bad, the good ones beside
// them are kept, and what is kept becomes an Alert that the API server takes.
func TestBadInput(t *testing.T) {
	before := heap()
	schema, alerts := alertSchema(t), 0
	for folder, kind := range corpus {
		t.Run(folder, func(t *testing.T) {
			files := fixtures.Files(t, folder)
			s := newTester(t, kind, schema)
			for name, data := range files {
				s.cut(t, name, data)
				s.alter(t, name, data)
				if t.Failed() {
					return // The next would fail likewise, a thousand times.
				}
			}
			alerts += s.alerts
		})
	}
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("%d bytes more are held than before", grown)
	}
	t.Logf("%d alerts", alerts)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func newTester(t *testing.T, kind v1alpha1.AlertSourceType, schema *validate.SchemaValidator) *tester {
	t.Helper()
	from := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "probe"}}
	from.Spec.Type, from.Spec.Fingerprint = kind, "event.?id.orValue(alert.rule)"
	switch kind {
	case v1alpha1.AlertSourceGeneric:
		from.Spec.Generic = &v1alpha1.GenericOptions{Title: "event.?title.orValue(event.?eventName)", Techniques: "event.?tags"}
	case v1alpha1.AlertSourceCloudEvents:
		from.Spec.CloudEvents = &v1alpha1.CloudEventsOptions{Routes: []v1alpha1.CloudEventsRoute{{Type: "*", Format: "Falco"}}}
	case v1alpha1.AlertSourceKubernetesAudit:
		from.Spec.KubernetesAudit = &v1alpha1.KubernetesAuditOptions{BuiltInRules: v1alpha1.BuiltInRulesAll}
	}
	ready, err := source.New(from, auth.NewBearer([]byte("s3cret")))
	if err != nil {
		t.Fatal(err)
	}
	ready.Throttle = nil // All of it comes at once.
	sources := source.NewRegistry()
	sources.Set(ready)
	sources.MarkSynced()
	s := &tester{decoder: ready.Decoder, schema: schema, spool: openSpool(t)}
	s.handler = gateway.New(sources, s.spool, clock.RealClock{}, gateway.DefaultLimits())
	return s
}

// random is the same for a file at each run.
func random(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// cut sends a file cut off after every 64th byte.
func (s *tester) cut(t *testing.T, name string, data []byte) {
	t.Helper()
	var ends []int
	for end := 0; end <= len(data); end += 64 {
		ends = append(ends, end)
	}
	random(name).Shuffle(len(ends), func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
	for _, end := range ends[:min(len(ends), *maxCuts)] {
		s.send(t, fmt.Sprintf("%s, cut after %d", name, end), data[:end])
	}
}

// alter sends the first objects of a file with each field replaced, between
// others that are as they were.
func (s *tester) alter(t *testing.T, name string, data []byte) {
	t.Helper()
	objects := objectsIn(data)
	var all [][]byte
	chosen := random(name)
	seen := 0
	for _, object := range objects[:min(len(objects), 3)] {
		for altered := range hostile.Altered(t, object, "\"\xff\xfe\"", `-1e-999`, strings.Repeat(`[`, 500)+strings.Repeat(`]`, 500)) {
			if seen++; len(all) < *maxAltered {
				all = append(all, altered)
			} else if at := chosen.IntN(seen); at < *maxAltered {
				all[at] = altered
			}
		}
		all = append(all, twice(t, object)...)
	}
	for part := range slices.Chunk(all, perBody) {
		var lines [][]byte
		for i, altered := range part {
			lines = append(lines, compact(objects[i%len(objects)]), altered)
		}
		s.send(t, name+", altered", bytes.Join(lines, []byte("\n")))
	}
}

// twice has each member of an object twice, with another value before and behind.
func twice(t *testing.T, object []byte) (out [][]byte) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	object = bytes.TrimSpace(object)
	for name := range members {
		key, _ := json.Marshal(name)
		for _, value := range []string{`null`, `{"x":[7]}`, `"x"`} {
			member := fmt.Appendf(nil, "%s:%s", key, value)
			out = append(out,
				slices.Concat([]byte("{"), member, []byte(","), object[1:]),
				slices.Concat(object[:len(object)-1], []byte(","), member, []byte("}")))
		}
	}
	return out
}

// objectsIn are the objects of a file, also those that stand within a test of
// somebody else's.
func objectsIn(data []byte) (out [][]byte) {
	records, err := body.Split(data)
	if err != nil {
		return nil
	}
	for _, r := range records {
		var within struct{ Finding, Event json.RawMessage }
		if r.Err != nil || json.Unmarshal(r.Data, &within) != nil {
			continue
		}
		out = append(out, r.Data)
		for _, inner := range []json.RawMessage{within.Finding, within.Event} {
			if len(inner) > 0 && inner[0] == '{' {
				out = append([][]byte{inner}, out...)
			}
		}
	}
	return out
}

func compact(object []byte) []byte {
	var out bytes.Buffer
	_ = json.Compact(&out, object)
	return out.Bytes()
}

// expected is what becomes of each event of a body, were it alone.
func (s *tester) expected(data []byte) (kept [][]byte, bad []int, n int) {
	records, err := body.Split(data)
	if err != nil {
		return nil, nil, 0
	}
	for _, r := range records {
		if r.Err != nil {
			bad, n = append(bad, n), n+1
			continue
		}
		for e := range decode.Events(s.decoder, bytes.Clone(r.Data)) {
			switch {
			case e.Err != nil:
				bad = append(bad, n)
			case e.Drop == "":
				kept = append(kept, bytes.Clone(e.Data))
			}
			n++
		}
	}
	return kept, bad, n
}

// reply is what the gateway says of a body.
type reply struct {
	Type, Detail         string
	Accepted             int
	Suppressed, Rejected int
	Errors               []struct {
		Position int
		Reason   string
	}
}

func (s *tester) send(t *testing.T, what string, data []byte) {
	t.Helper()
	status, got := s.post(t, what, data, "")
	kept, bad, n := s.expected(data)
	switch {
	case n == 0 || n == len(bad):
		if status != http.StatusUnprocessableEntity || got.Detail == "" {
			t.Errorf("%s: %d %+v, want 422", what, status, got)
		}
	case status != http.StatusAccepted || got.Accepted != len(kept) || got.Rejected != len(bad) || got.Accepted+got.Suppressed+got.Rejected != n:
		t.Errorf("%s: %d %+v, want %d of %d kept, %d bad", what, status, got, len(kept), n, len(bad))
	}
	for i, e := range got.Errors {
		if i >= len(bad) || e.Position != bad[i] || e.Reason == "" || strings.Contains(e.Reason, "the decoder failed") {
			t.Errorf("%s: error %d is %+v, want one about %v\n%.300s", what, i, e, bad, data)
			return
		}
	}
	if len(got.Errors) != min(len(bad), 100) {
		t.Errorf("%s: %d of %d bad events are told", what, len(got.Errors), len(bad))
	}
	s.drained(t, what, kept)
}

func (s *tester) post(t *testing.T, what string, data []byte, encoding string) (int, reply) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/sources/"+tenant+"/probe", bytes.NewReader(data))
	r.Header.Set("Authorization", "Bearer s3cret")
	r.Header.Set("Content-Encoding", encoding)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var got reply
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Body.Len() > 64<<10 {
		t.Fatalf("%s: %v, %d bytes: %.300s", what, err, w.Body.Len(), w.Body)
	}
	return w.Code, got
}

// drained looks at what the spool has of a body: those events, and each an Alert
// that the API server takes.
func (s *tester) drained(t *testing.T, what string, want [][]byte) {
	t.Helper()
	batches, err := s.spool.Read(t.Context(), tenant, s.from, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	for _, b := range batches {
		e, err := envelope.Unmarshal(b.Payload)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Events...)
		s.from = b.First + spool.Position(e.Positions())
		if err := s.spool.Delete(tenant, s.from-1); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%s: %d events are in the spool, want %d", what, len(got), len(want))
	}
	state, _, _ := dedup.DefaultPolicy().Observe(dedup.State{}, hostile.Received, 1)
	for _, event := range got {
		o := hostile.Event(t, s.decoder, event)
		if o.Err != nil || o.Drop != "" {
			t.Errorf("%s: it was taken, and is %q, %v", what, o.Drop, o.Err)
			continue
		}
		s.alerts++
		o.Alert.Source = "probe"
		alert := newAlert(key{tenant, o.Alert.Fingerprint}, "x", "spool", signal{alert: o.Alert, position: 1}, state)
		content, err := k8sruntime.DefaultUnstructuredConverter.ToUnstructured(alert)
		if err != nil {
			t.Fatal(err)
		}
		if refused := s.schema.Validate(map[string]any{"spec": content["spec"]}).Errors; len(refused) > 0 {
			t.Errorf("%s: the API server refuses the alert: %v\n%.300s", what, refused, event)
		}
	}
}

func alertSchema(t *testing.T) *validate.SchemaValidator {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "crd", "tocsin.dev_alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema spec.Schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(data, &crd); err != nil {
		t.Fatal(err)
	}
	return validate.NewSchemaValidator(&crd.Spec.Versions[0].Schema.OpenAPIV3Schema, nil, "", strfmt.Default)
}

// TestGzipBomb: what unpacks to more than a source may send is refused, and takes
// no more memory than that.
func TestGzipBomb(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	zeros := bytes.Repeat([]byte("["), 1<<20)
	for range 256 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	s := newTester(t, v1alpha1.AlertSourceFalco, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	status, got := s.post(t, "bomb", bomb.Bytes(), "gzip")
	runtime.ReadMemStats(&after)
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(got.Detail, "10485760") {
		t.Errorf("%d %+v", status, got)
	}
	// A buffer that grows to 10 MiB leaves smaller ones behind.
	if used := after.TotalAlloc - before.TotalAlloc; used > 128<<20 {
		t.Errorf("%d bytes were allocated for a body of 10 MiB at most, which would unpack to 256 MiB", used)
	}
	if status, got := s.post(t, "half a bomb", bomb.Bytes()[:bomb.Len()/2], "gzip"); status/100 != 4 || got.Detail == "" {
		t.Errorf("%d %+v", status, got)
	}
}
