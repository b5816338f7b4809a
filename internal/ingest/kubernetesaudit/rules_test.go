package kubernetesaudit

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

var received = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func decoder(t testing.TB, rules ...Rule) Decoder {
	t.Helper()
	set, err := Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return Decoder{Rules: set, Ignore: map[string]bool{"system:serviceaccount:tocsin-system:tocsin": true}}
}

// request builds an audit event of a successful request that has ended.
func request(user, verb, resource, namespace, name string, more ...string) string {
	resource, subresource, _ := strings.Cut(resource, "/")
	event := map[string]any{
		"stage": "ResponseComplete", "verb": verb, "user": map[string]any{"username": user},
		"objectRef":      map[string]any{"resource": resource, "subresource": subresource, "namespace": namespace, "name": name},
		"responseStatus": map[string]any{"code": 200}, "sourceIPs": []string{"203.0.113.7", "10.0.0.1"},
		"requestReceivedTimestamp": "2026-03-04T05:06:05.000001Z", "stageTimestamp": "2026-03-04T05:06:06.000001Z",
	}
	if longRunning[subresource] {
		event["stage"] = "ResponseStarted"
	}
	for i := 0; i < len(more); i += 2 {
		event[more[i]] = json.RawMessage(more[i+1])
	}
	data, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return string(data)
}

const (
	person     = "jane@example.com"
	app        = "system:serviceaccount:shop:cart"
	controller = "system:serviceaccount:kube-system:replicaset-controller"
	forbidden  = `{"code": 403, "status": "Failure"}`
)

func pod(spec string) string { return `{"metadata": {"name": "x"}, "spec": ` + spec + `}` }

func TestThreats(t *testing.T) {
	d := decoder(t, Threats()...)
	for name, tc := range map[string]struct{ event, rule string }{
		"exec":                            {request(person, "create", "pods/exec", "shop", "cart-0"), "pod-exec"},
		"exec over a websocket":           {request(person, "get", "pods/exec", "shop", "cart-0"), "pod-exec"},
		"attach":                          {request(person, "create", "pods/attach", "shop", "cart-0"), "pod-exec"},
		"debug container":                 {request(person, "patch", "pods/ephemeralcontainers", "shop", "cart-0"), "pod-exec"},
		"exec that was refused":           {request(person, "create", "pods/exec", "shop", "cart-0", "responseStatus", forbidden), ""},
		"exec that has ended":             {request(person, "create", "pods/exec", "shop", "cart-0", "stage", `"ResponseComplete"`), ""},
		"logs":                            {request(person, "get", "pods/log", "shop", "cart-0"), ""},
		"binding to cluster-admin":        {request(person, "create", "clusterrolebindings", "", "x", "requestObject", `{"roleRef": {"name": "cluster-admin"}}`), "cluster-admin-binding"},
		"binding of a namespace":          {request(app, "create", "rolebindings", "shop", "x", "requestObject", `{"roleRef": {"name": "cluster-admin"}}`), "cluster-admin-binding"},
		"binding to system:masters":       {request(person, "create", "clusterrolebindings", "", "x", "requestObject", `{"roleRef": {"name": "view"}, "subjects": [{"kind": "Group", "name": "system:masters"}]}`), "cluster-admin-binding"},
		"patch of such a binding":         {request(person, "patch", "clusterrolebindings", "", "x", "requestObject", `{"subjects": []}`, "responseObject", `{"roleRef": {"name": "cluster-admin"}}`), "cluster-admin-binding"},
		"such a binding, metadata only":   {request(person, "patch", "clusterrolebindings", "", "cluster-admin"), "cluster-admin-binding"},
		"another binding":                 {request(person, "create", "clusterrolebindings", "", "x", "requestObject", `{"roleRef": {"name": "view"}, "subjects": [{"kind": "User"}]}`), ""},
		"the cluster's own binding":       {request("system:apiserver", "create", "clusterrolebindings", "", "x", "requestObject", `{"roleRef": {"name": "cluster-admin"}}`), ""},
		"secrets listed":                  {request(app, "list", "secrets", "", ""), "secrets-read"},
		"secrets watched":                 {request(app, "watch", "secrets", "shop", "", "stage", `"ResponseStarted"`), "secrets-read"},
		"secret of another namespace":     {request(app, "get", "secrets", "bank", "x"), "secrets-read"},
		"secret read by a default":        {request("system:serviceaccount:shop:default", "get", "secrets", "shop", "x"), "secrets-read"},
		"its own secret":                  {request(app, "get", "secrets", "shop", "x"), ""},
		"secrets listed in vain":          {request(app, "list", "secrets", "", "", "responseStatus", forbidden), ""},
		"secrets listed by a person":      {request(person, "list", "secrets", "", ""), ""},
		"secrets listed by a controller":  {request(controller, "list", "secrets", "", ""), ""},
		"secrets listed by an operator":   {request("system:serviceaccount:cert-manager:cert-manager", "list", "secrets", "", ""), ""},
		"privileged":                      {request(controller, "create", "pods", "shop", "", "requestObject", pod(`{"containers": [{}, {"securityContext": {"privileged": true}}]}`)), "privileged-pod"},
		"privileged init container":       {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"initContainers": [{"securityContext": {"privileged": true}}]}`)), "privileged-pod"},
		"host path":                       {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"volumes": [{"emptyDir": {}}, {"hostPath": {"path": "/"}}]}`)), "privileged-pod"},
		"host PID":                        {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"hostPID": true}`)), "privileged-pod"},
		"host network":                    {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"hostNetwork": true}`)), "privileged-pod"},
		"host IPC":                        {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"hostIPC": true}`)), "privileged-pod"},
		"privileged among the own":        {request(controller, "create", "pods", "kube-system", "", "requestObject", pod(`{"hostPID": true}`)), ""},
		"ordinary pod":                    {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"containers": [{"image": "x", "securityContext": {"privileged": false}}], "hostPID": false}`)), ""},
		"pod, metadata only":              {request(person, "create", "pods", "shop", "x"), ""},
		"root":                            {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"containers": [{"securityContext": {"runAsUser": 0}}]}`)), "root-pod"},
		"root for the whole pod":          {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"securityContext": {"runAsUser": 0}, "containers": []}`)), "root-pod"},
		"not root":                        {request(person, "create", "pods", "shop", "", "requestObject", pod(`{"containers": [{"securityContext": {"runAsUser": 1000, "runAsNonRoot": true}}]}`)), ""},
		"anonymous":                       {request("system:anonymous", "get", "configmaps", "shop", "x"), "anonymous-access"},
		"anonymous asks for health":       {request("system:anonymous", "get", "", "", "", "requestURI", `"/readyz?verbose"`), ""},
		"anonymous asks for all":          {request("system:anonymous", "get", "", "", "", "requestURI", `"/api/v1/pods"`), "anonymous-access"},
		"anonymous joins":                 {request("system:anonymous", "get", "configmaps", "kube-public", "cluster-info"), ""},
		"anonymous is refused":            {request("system:anonymous", "get", "configmaps", "shop", "x", "responseStatus", forbidden), ""},
		"system pod by a person":          {request(person, "create", "pods", "kube-system", "x"), "system-pod-by-person"},
		"system pod by a node":            {request("system:node:worker-1", "create", "pods", "kube-system", "x"), ""},
		"token for another":               {request(person, "create", "serviceaccounts/token", "shop", "cart"), "token-for-another"},
		"token for itself":                {request(app, "create", "serviceaccounts/token", "shop", "cart"), ""},
		"token for a pod":                 {request("system:node:worker-1", "create", "serviceaccounts/token", "shop", "cart"), ""},
		"webhook created":                 {request(person, "create", "mutatingwebhookconfigurations", "", "x"), "admission-changed"},
		"policy deleted":                  {request(app, "delete", "validatingadmissionpolicybindings", "", "x"), "admission-changed"},
		"webhook read":                    {request(person, "list", "mutatingwebhookconfigurations", "", ""), ""},
		"events deleted":                  {request(person, "deletecollection", "events", "shop", ""), "events-deleted"},
		"events deleted with a namespace": {request("system:serviceaccount:kube-system:namespace-controller", "deletecollection", "events", "shop", ""), ""},
		"Tocsin itself":                   {request("system:serviceaccount:tocsin-system:tocsin", "list", "secrets", "", ""), ""},
		"objects of a wrong type":         {request(person, "create", "pods", "shop", "x", "requestObject", `{"spec": {"containers": {"a": 1}, "volumes": 7, "hostPID": "yes"}}`), ""},
		"no object at all":                {request(person, "create", "pods", "shop", "x", "requestObject", `"text"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			decoded, err := d.Decode([]byte(tc.event), received)
			if err != nil {
				t.Fatal(err)
			}
			if decoded.Alert.Rule != tc.rule || (decoded.Drop == "") != (tc.rule != "") {
				t.Errorf("rule %q, drop %q; want rule %q\n%s", decoded.Alert.Rule, decoded.Drop, tc.rule, tc.event)
			}
		})
	}
}

func TestBuiltInRulesAreComplete(t *testing.T) {
	for _, rule := range Threats() {
		if rule.Description == "" || rule.RecommendedActions == "" || len(rule.Tactics) == 0 || len(rule.Techniques) == 0 {
			t.Errorf("%s lacks something", rule.Name)
		}
	}
	if _, err := Compile(append(Threats(), Changes()...)); err != nil {
		t.Error(err)
	}
}

func TestMostSevereRuleNamesTheAlert(t *testing.T) {
	event := request(person, "create", "pods", "kube-system", "x", "requestObject",
		pod(`{"hostPID": true, "containers": [{"image": "nginx", "securityContext": {"runAsUser": 0}}]}`))
	decoded, err := decoder(t, Threats()...).Decode([]byte(event), received)
	if err != nil {
		t.Fatal(err)
	}
	got := decoded.Alert
	if got.Rule != "privileged-pod" || got.Severity != model.SeverityHigh {
		t.Errorf("%s %s", got.Rule, got.Severity)
	}
	want := []string{"T1036.005", "T1610", "T1611"}
	if diff := cmp.Diff(want, got.Techniques); diff != "" {
		t.Error(diff)
	}
	for _, also := range []string{"Also: Pod created among the cluster's own", "Also: Pod asks to run as root"} {
		if !strings.Contains(got.Description, also) {
			t.Errorf("%q is not in %q", also, got.Description)
		}
	}
}

func TestOwnRuleReplacesBuiltIn(t *testing.T) {
	own := Rule{Name: "pod-exec", Title: "Mine", Severity: model.SeverityLow, Match: `event.objectRef.subresource == 'exec' && event.objectRef.namespace == 'shop'`}
	d := decoder(t, Merge([]Rule{own}, Threats())...)
	for namespace, title := range map[string]string{"shop": "Mine", "bank": ""} {
		decoded, err := d.Decode([]byte(request(person, "create", "pods/exec", namespace, "x")), received)
		if err != nil || decoded.Alert.Title != title {
			t.Errorf("%s: title %q, %v; want %q", namespace, decoded.Alert.Title, err, title)
		}
	}
}

func TestCompileErrorsNameRuleAndMember(t *testing.T) {
	ok := Rule{Name: "mine", Title: "Mine", Severity: model.SeverityLow, Match: "true"}
	for name, tc := range map[string]struct {
		change func(*Rule)
		want   string
	}{
		"misspelt member":   {func(r *Rule) { r.Match = "event.verbb == 'get'" }, `^rule "mine": match: (.|\n)*undefined field 'verbb'`},
		"unknown variable":  {func(r *Rule) { r.Match = "evnt.verb == 'get'" }, `^rule "mine": match: (.|\n)*undeclared reference to 'evnt'`},
		"wrong type":        {func(r *Rule) { r.Match = "event.responseStatus.code == 'x'" }, `^rule "mine": match: (.|\n)*no matching overload`},
		"not a truth value": {func(r *Rule) { r.Match = "event.verb" }, `^rule "mine": match: must be true or false, not string`},
		"syntax":            {func(r *Rule) { r.Match = "event." }, `^rule "mine": match: (.|\n)*Syntax error`},
		"no expression":     {func(r *Rule) { r.Match = " " }, `^rule "mine": match: is missing`},
		"no title":          {func(r *Rule) { r.Title = "" }, `^rule "mine": title: is missing`},
		"no name":           {func(r *Rule) { r.Name = "" }, `^rule "": name: is missing`},
		"no severity":       {func(r *Rule) { r.Severity = model.SeverityUnknown }, `^rule "mine": severity: is missing or not known`},
		"unknown tactic":    {func(r *Rule) { r.Tactics = []model.Tactic{"Hacking"} }, `^rule "mine": tactics\[0\]: "Hacking" is no tactic`},
		"broken technique":  {func(r *Rule) { r.Techniques = []string{"T1609", "T12"} }, `^rule "mine": techniques\[1\]: "T12" is no technique`},
	} {
		t.Run(name, func(t *testing.T) {
			rule := ok
			tc.change(&rule)
			_, err := Compile([]Rule{rule})
			if err == nil || !regexp.MustCompile(tc.want).MatchString(err.Error()) {
				t.Errorf("err = %v", err)
			}
		})
	}
	if _, err := Compile([]Rule{ok, ok}); err == nil || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("the same name twice: %v", err)
	}
}

func TestExpensiveRuleDoesNotMatch(t *testing.T) {
	slow := Rule{Name: "slow", Title: "Slow", Severity: model.SeverityLow,
		Match: `event.sourceIPs.all(a, event.sourceIPs.all(b, event.sourceIPs.all(c, a + b + c != '')))`}
	many := strings.TrimSuffix(strings.Repeat(`"10.0.0.1",`, 200), ",")
	decoded, err := decoder(t, slow).Decode([]byte(request(person, "get", "pods", "shop", "x", "sourceIPs", "["+many+"]")), received)
	if err != nil || decoded.Drop != decode.DropNoRule {
		t.Errorf("%+v, %v", decoded, err)
	}
}

func asset(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryAsset}
}

func evidence(kind model.EntityKind, name string, role model.Role) model.Entity {
	return model.Entity{Key: model.Key{Kind: kind, Name: name}, Role: role, Category: model.CategoryEvidence}
}

func TestDecode(t *testing.T) {
	event := request(person, "create", "pods/exec", "shop", "cart-0", "requestURI", `"/api/v1/x?command=sh&command=-c&command=id"`, "responseStatus", `{"code": 101}`)
	decoded, err := decoder(t, Threats()...).Decode([]byte(event), received)
	if err != nil {
		t.Fatal(err)
	}
	want := model.Alert{
		Service: "kubernetes-audit", Detection: "rules", Rule: "pod-exec", Title: "Exec or attach into a pod",
		Description: "jane@example.com create pods/exec shop/cart-0 → 101\nCommand: sh -c id\n" +
			"Somebody ran a command in a running container, or attached to it.",
		RecommendedActions: "Ask the user what it was for. If they do not know, revoke their credentials and isolate the pod.",
		Severity:           model.SeverityMedium,
		Tactics:            []model.Tactic{model.TacticExecution},
		Techniques:         []string{"T1609"},
		First:              time.Date(2026, 3, 4, 5, 6, 5, 1000, time.UTC),
		Last:               time.Date(2026, 3, 4, 5, 6, 6, 1000, time.UTC),
		Fingerprint:        decoded.Alert.Fingerprint,
		Entities: []model.Entity{
			asset(model.KindPod, "shop/cart-0", model.RoleAttacked),
			asset(model.KindUser, person, model.RoleAttacker),
			evidence(model.KindIP, "203.0.113.7", model.RoleSource),
		},
		Occurrences: 1,
	}
	if diff := cmp.Diff(want, decoded.Alert); diff != "" {
		t.Error(diff)
	}
}

// TestStoryJoins is the attack of the demo: each alert shares an entity with
// one before it.
func TestStoryJoins(t *testing.T) {
	d := decoder(t, Threats()...)
	token := `{"username": "` + app + `", "extra": {"authentication.kubernetes.io/pod-name": ["cart-0"], "authentication.kubernetes.io/node-name": ["worker-1"]}}`
	story := []string{
		request(person, "create", "pods/exec", "shop", "cart-0"),
		request(app, "list", "secrets", "", "", "user", token),
		request(app, "create", "clusterrolebindings", "", "x", "requestObject",
			`{"roleRef": {"name": "cluster-admin"}, "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "cart"}, {"kind": "User", "name": "mallory"}]}`),
		request("mallory", "create", "pods", "shop", "", "requestObject",
			pod(`{"serviceAccountName": "cart", "nodeName": "worker-1", "containers": [{"image": "alpine:3"}], "volumes": [{"hostPath": {}}]}`)),
	}
	want := []string{
		"Pod/shop/cart-0 Attacked, User/jane@example.com Attacker, IP/203.0.113.7 Source",
		"ServiceAccount/shop/cart Attacker, Pod/shop/cart-0 Compromised, Node/worker-1 Contextual, IP/203.0.113.7 Source",
		"ServiceAccount/shop/cart Attacker, User/mallory Added, IP/203.0.113.7 Source",
		"Pod/shop/x Created, User/mallory Attacker, Image/alpine:3 Loaded, ServiceAccount/shop/cart Contextual, Node/worker-1 Contextual, IP/203.0.113.7 Source",
	}
	for i, event := range story {
		decoded, err := d.Decode([]byte(event), received)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range decoded.Alert.Entities {
			names = append(names, fmt.Sprintf("%s %s", e.Key, e.Role))
		}
		if diff := cmp.Diff(want[i], strings.Join(names, ", ")); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}

func TestEachRequestCountsOnce(t *testing.T) {
	d := decoder(t, Rule{Name: "all", Title: "All", Severity: model.SeverityLow, Match: "true"})
	for name, tc := range map[string]struct {
		verb, resource string
		want           string
	}{
		"short": {"create", "pods", "ResponseComplete"},
		"exec":  {"create", "pods/exec", "ResponseStarted"},
		"watch": {"watch", "pods", "ResponseStarted"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, stage := range []string{"RequestReceived", "ResponseStarted", "ResponseComplete"} {
				event := request(person, tc.verb, tc.resource, "shop", "x", "stage", `"`+stage+`"`)
				drop, err := d.Check([]byte(event))
				if err != nil || (drop == "") != (stage == tc.want) {
					t.Errorf("stage %s: drop %q, %v", stage, drop, err)
				}
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	d := decoder(t, Rule{Name: "all", Title: "All", Severity: model.SeverityLow, Match: "true"})
	of := func(event string) string {
		decoded, err := d.Decode([]byte(event), received)
		if err != nil {
			t.Fatal(err)
		}
		return decoded.Alert.Fingerprint
	}
	base := of(request(person, "create", "pods/exec", "shop", "cart-0"))
	if of(request(person, "get", "pods/exec", "shop", "cart-0", "auditID", `"2"`, "sourceIPs", `[]`)) != base {
		t.Error("another address and audit id make another signal")
	}
	for name, event := range map[string]string{
		"user":        request(app, "create", "pods/exec", "shop", "cart-0"),
		"object":      request(person, "create", "pods/exec", "shop", "cart-1"),
		"namespace":   request(person, "create", "pods/exec", "bank", "cart-0"),
		"subresource": request(person, "create", "pods/attach", "shop", "cart-0"),
	} {
		if of(event) == base {
			t.Errorf("another %s makes no other signal", name)
		}
	}
	generated := func(name string) string {
		return of(request(controller, "create", "pods", "shop", "", "requestObject", `{"metadata": {"generateName": "cart-"}}`,
			"responseObject", `{"metadata": {"name": "`+name+`"}}`))
	}
	if generated("cart-1") != generated("cart-2") {
		t.Error("two pods of one workload make two signals")
	}
}

func TestRefused(t *testing.T) {
	d := decoder(t, Threats()...)
	for name, tc := range map[string]struct{ event, want string }{
		"no event":           {`{"a": 1}`, "verb: is missing; an audit event says what was asked of the API server"},
		"user is a string":   {`{"verb": "get", "user": "x"}`, "user: must not be of type string"},
		"member of the user": {`{"verb": "get", "user": {"username": 5}}`, "user.username: must not be of type number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.Check([]byte(tc.event))
			if err == nil || err.Error() != tc.want {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(request(person, "create", "pods/exec", "shop", "cart-0", "requestURI", `"/x?command=%zz"`)))
	f.Add([]byte(request(controller, "create", "pods", "shop", "", "requestObject", pod(`{"containers": [{"securityContext": {"privileged": true}}]}`))))
	f.Add([]byte(`{"properties": {"log": "{\"verb\": \"get\"}"}}`))
	f.Add([]byte(`{"protoPayload": {"methodName": "io.k8s.core.v1.pods.exec.create", "resourceName": "core/v1/namespaces/a/pods/b/exec"}}`))
	f.Add([]byte(`{"items": [{"verb": "get"}, 5]}`))
	d := decoder(f, append(Threats(), Changes()...)...)
	f.Fuzz(func(t *testing.T, data []byte) {
		if events, err := d.Unwrap(data); err == nil && len(events) > len(data) {
			t.Fatalf("%d events in %d bytes", len(events), len(data))
		}
		decoded, err := d.Decode(data, received)
		drop, checkErr := d.Check(data)
		if (err == nil) != (checkErr == nil) || drop != decoded.Drop {
			t.Fatalf("Check says %q, %v; Decode says %q, %v", drop, checkErr, decoded.Drop, err)
		}
		for _, technique := range decoded.Alert.Techniques {
			if _, ok := attack.Technique(technique); !ok {
				t.Fatal(technique)
			}
		}
	})
}
