package replay

import (
	"fmt"
	"strings"
	"testing"
)

func TestReadSources(t *testing.T) {
	const head = "apiVersion: tocsin.dev/v1alpha1\nkind: AlertSource\nmetadata: {name: a}\nspec: "
	for name, tc := range map[string]struct{ in, err string }{
		"one":                    {head + "{type: Falco}", ""},
		"two":                    {head + "{type: Falco}\n---\n# nothing\n---\n" + strings.Replace(head, "name: a", "name: b", 1) + "{type: KubernetesAudit}", ""},
		"JSON":                   {`{"apiVersion": "tocsin.dev/v1alpha1", "kind": "AlertSource", "metadata": {"name": "a"}, "spec": {"type": "Falco"}}`, ""},
		"a list":                 {listOf(head+"{type: Falco}", strings.Replace(head, "name: a", "name: b", 1)+"{type: Falco}"), ""},
		"a list with others":     {listOf("kind: Secret", head+"{type: Falco}"), ""},
		"in a list, mistyped":    {"kind: Secret\n---\n" + listOf("kind: Secret", head+"{typ: Falco}"), `document 2, item 2: unknown field "spec.typ"`},
		"in a list, no type":     {listOf(head + "{limits: {}}"), "document 1, item 1: AlertSource a: spec.type: Required value"},
		"no list in a list":      {"kind: List\nitems: {a: b}", "document 1: items: must be an array, is an object"},
		"a field twice in it":    {"kind: List\nitems:\n- {kind: AlertSource, kind: Secret}", `key "kind" already set`},
		"an empty list":          {"kind: List\nitems: []", "no AlertSource is there"},
		"with who may send":      {head + "{type: Falco, auth: {}}", "auth needs exactly one of bearerToken"},
		"found in the cluster":   {head + "{type: PolicyReport, watch: {serviceAccountName: w}}", ""},
		"watched otherwise":      {head + "{type: Falco, watch: {serviceAccountName: w}}", "watch goes with the types PolicyReport and TrivyOperator only"},
		"none":                   {"# nothing\n", "no AlertSource is there"},
		"no YAML":                {"a: [", "document 1: "},
		"another kind":           {"apiVersion: v1\nkind: Secret\n", "no AlertSource is there"},
		"another kind before":    {"apiVersion: v1\nkind: Secret\nspec: {type: Falco}\n---\n" + head + "{type: Falco}", ""},
		"another version":        {"apiVersion: tocsin.dev/v2\nkind: AlertSource\n", "document 1: it is tocsin.dev/v2 AlertSource, and must be tocsin.dev/v1alpha1 AlertSource"},
		"no kind":                {"spec: {type: Falco}\n", "document 1: it has no kind, and must be tocsin.dev/v1alpha1 AlertSource"},
		"two mistyped fields":    {head + "{type: Falco, limit: {}, typ: x}", `unknown field "spec.limit"; unknown field "spec.typ"`},
		"a list for a string":    {head + "{type: [Falco]}", "document 1: spec.type: must be a string, is an array"},
		"a string for a list":    {head + "{type: Generic, generic: {entities: x}}", "spec.generic.entities: must be an array, is a string"},
		"a string for an object": {head + "x", "document 1: spec: must be an object, is a string"},
		"twice":                  {head + "{type: Falco}\n---\n" + head + "{type: Falco}", "document 2: AlertSource a: there is another of that name"},
		"a mistyped field":       {head + "{type: Falco, limit: {}}", `unknown field "spec.limit"`},
		"a field twice":          {head + "{type: Falco, type: Falco}", `key "type" already set`},
		"no name":                {"apiVersion: tocsin.dev/v1alpha1\nkind: AlertSource\nspec: {type: Falco}", "metadata.name: is missing"},
		"no such type":           {head + "{type: Pigeon}", `AlertSource a: spec.type: Unsupported value: "Pigeon": supported values: "Falco"`},
		"generic without":        {head + "{type: Generic}", "AlertSource a: spec: Invalid value: generic goes with type Generic, which needs it"},
		"generic options":        {head + "{type: Falco, generic: {title: event.x}}", "spec: Invalid value: generic goes with type Generic"},
		"audit options":          {head + "{type: Falco, kubernetesAudit: {}}", "AlertSource a: spec: Invalid value: kubernetesAudit goes with type KubernetesAudit only"},
		"a bad expression":       {head + "{type: Generic, generic: {title: evnt.x}}", "AlertSource a: spec.generic.title: "},
		"a name in capitals":     {strings.Replace(head, "name: a", "name: Falco_1", 1) + "{type: Falco}", "AlertSource Falco_1: metadata.name: Invalid value: \"Falco_1\": a lowercase RFC 1123 subdomain"},
		"a namespace in words":   {strings.Replace(head, "name: a", "name: a, namespace: the shop", 1) + "{type: Falco}", "AlertSource a: metadata.namespace: Invalid value: \"the shop\""},
		"a bad label":            {strings.Replace(head, "name: a", "name: a, labels: {team: a b}", 1) + "{type: Falco}", "AlertSource a: metadata.labels: Invalid value: \"a b\""},
		"with a namespace":       {strings.Replace(head, "name: a", "name: a, namespace: shop, labels: {team: b}", 1) + "{type: Falco}", ""},
		"a kind of ours":         {"apiVersion: tocsin.dev/v1alpha1\nkind: Playbook\n---\n" + head + "{type: Falco}", ""},
		"a misspelt kind":        {head + "{type: Falco}\n---\n" + strings.Replace(head, "AlertSource", "AlertSources", 1) + "{}", "document 2: it is tocsin.dev/v1alpha1 AlertSources, and there is no such kind"},
		"a bad correlation mode": {head + "{type: Falco, correlation: Never}", `spec.correlation: Unsupported value: "Never": supported values: "Enabled", "Disabled"`},
	} {
		sources := Sources{}
		err := sources.Read([]byte(tc.in))
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: err = %v, want %s", name, err, tc.err)
		}
		if err == nil && (sources["a"].Name != "a" || sources["a"].Decoder == nil) {
			t.Errorf("%s: %+v", name, sources)
		}
	}
	if s := sourceOf(t, head+"{type: Falco, correlation: Disabled}"); !s.CorrelationDisabled || s.Rows {
		t.Errorf("%+v", s)
	}
	if s := sourceOf(t, head+"{type: Generic, generic: {title: event.x}}"); s.CorrelationDisabled || !s.Rows {
		t.Errorf("%+v", s)
	}
}

// listOf is a List of documents.
func listOf(documents ...string) string {
	out := "apiVersion: v1\nkind: List\nitems:\n"
	for _, d := range documents {
		out += "- " + strings.ReplaceAll(strings.TrimSpace(d), "\n", "\n  ") + "\n"
	}
	return out
}

func TestFind(t *testing.T) {
	one, two := Sources{"a": {Name: "a"}}, Sources{"a": {Name: "a"}, "b": {Name: "b"}}
	many := Sources{}
	for i := range maxNames + 3 {
		name := fmt.Sprintf("%02d", i)
		many[name] = Source{Name: name}
	}
	for name, tc := range map[string]struct {
		in         Sources
		name, want string
		err        string
	}{
		"by name":         {two, "b", "b", ""},
		"the only one":    {one, "", "a", ""},
		"one of several":  {two, "", "", "there are several AlertSources: say whose events these are"},
		"one that is not": {one, "b", "", `there is no AlertSource "b"; there is a`},
		"one of two":      {two, "c", "", `there is no AlertSource "c"; there are a, b`},
		"one of many":     {many, "x", "", `there is no AlertSource "x"; there are 00, 01, 02, 03, 04, 05, 06, 07, 08, 09 and 3 more`},
		"none at all":     {Sources{}, "b", "", `there is no AlertSource "b"`},
	} {
		got, err := tc.in.Find(tc.name)
		if got.Name != tc.want || (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
			t.Errorf("%s: %q, %v; want %q, %s", name, got.Name, err, tc.want, tc.err)
		}
	}
}

func TestTenant(t *testing.T) {
	shop, bank, undeclared := Source{Name: "a", Namespace: "shop"}, Source{Name: "b", Namespace: "bank"}, Source{Name: "c"}
	for name, tc := range map[string]struct {
		in        []Source
		want, err string
	}{
		"none":              {nil, "", ""},
		"undeclared":        {[]Source{undeclared, undeclared}, "", ""},
		"the same":          {[]Source{shop, shop}, "shop", ""},
		"one is undeclared": {[]Source{undeclared, shop, undeclared}, "shop", ""},
		"two":               {[]Source{shop, undeclared, bank}, "", "AlertSource b is in namespace bank, and those before it are in shop: a replay is of one namespace"},
	} {
		got, err := Tenant(tc.in...)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %q, %v; want %q, %s", name, got, err, tc.want, tc.err)
		}
	}
}

func TestReadPolicy(t *testing.T) {
	const head = "apiVersion: tocsin.dev/v1alpha1\nkind: CorrelationPolicy\nmetadata: {name: p}\nspec: "
	for name, tc := range map[string]struct{ in, err string }{
		"figures":          {head + "{joinBits: 7}", ""},
		"none":             {"", "no CorrelationPolicy is there"},
		"two":              {head + "{}\n---\n" + head + "{}", "document 2: CorrelationPolicy p: there is another, and only one can be in use"},
		"a mistyped field": {head + "{joinbits: 7}", `unknown field "spec.joinbits"`},
		"out of range":     {head + "{joinBits: 7, mergeBits: 6}", "CorrelationPolicy p: spec.mergeBits: Invalid value: mergeBits must not be less than joinBits"},
		"bits in words":    {head + "{joinBits: six}", "document 1: spec.joinBits: must be a whole number, is a string"},
		"half a bit":       {head + "{joinBits: 6.5}", "document 1: spec.joinBits: must be a whole number, is 6.5"},
		"a bad opt-out":    {head + "{optOuts: [{name: x, match: alrt.x}]}", "spec.optOuts[x].match: "},
		"another kind":     {"apiVersion: tocsin.dev/v1alpha1\nkind: AlertSource\n", "no CorrelationPolicy is there"},
		"a list":           {listOf("kind: AlertSource", head+"{joinBits: 7}"), ""},
		"two in a list":    {listOf(head+"{}", head+"{}"), "document 1, item 2: CorrelationPolicy p: there is another"},
		"too much":         {head + "{joinBits: 65}", "spec.joinBits: Invalid value: 65: "},
		"a kind twice":     {head + "{weights: [{kind: Pod, bits: 1}, {kind: Pod, bits: 2}]}", "spec.weights[1]: Duplicate value"},
		"no name":          {"apiVersion: tocsin.dev/v1alpha1\nkind: CorrelationPolicy\nspec: {}", "document 1: CorrelationPolicy: metadata.name: is missing"},
	} {
		policies, err := ReadPolicy([]byte(tc.in))
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: err = %v, want %s", name, err, tc.err)
		}
		if err == nil && (policies.Correlation.JoinBits != 7 || policies.Dedup.Quiet == 0) {
			t.Errorf("%s: %+v", name, policies)
		}
	}
	p, err := ReadPolicy([]byte(head + "{optOuts: [{name: x, rules: [scan]}]}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, out, _ := p.OptOuts.Find(signal("scan", "web-1", 0)); !out {
		t.Error("the opt-out is lost")
	}
}
