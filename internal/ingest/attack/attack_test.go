package attack

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestTags(t *testing.T) {
	for name, tc := range map[string]struct {
		tags       []string
		tactics    []model.Tactic
		techniques []string
	}{
		"falco": {
			tags:       []string{"container", "maturity_stable", "mitre_credential_access", "T1555", "PCI_DSS_10.2.5"},
			tactics:    []model.Tactic{model.TacticCredentialAccess},
			techniques: []string{"T1555"},
		},
		"with words": {
			tags:       []string{"T1562-impair-defenses", "TA0005-defense-evasion"},
			tactics:    []model.Tactic{model.TacticDefenseEvasion},
			techniques: []string{"T1562"},
		},
		"sub-techniques, repeated and out of order": {
			tags:       []string{"mitre_persistence", "T1552.007", "mitre_execution", "t1021_004", "T1552.007"},
			tactics:    []model.Tactic{model.TacticExecution, model.TacticPersistence},
			techniques: []string{"T1021.004", "T1552.007"},
		},
		"replaced, twice over and once":    {tags: []string{"T1150", "T1089"}, techniques: []string{"T1562.001", "T1647"}},
		"deprecated without a replacement": {tags: []string{"T1064"}, techniques: []string{"T1064"}},
		"of another version":               {tags: []string{"T1685.005"}, techniques: []string{"T1685.005"}},
		"a tag is no name":                 {tags: []string{"Python", "SSH", "Rootkit"}},
		"nothing of the kind": {
			tags:    []string{"T15", "T12345", "TA9999", "mitre_", "", "T1555x9"},
			tactics: nil, techniques: []string{"T1555"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tactics, techniques := Tags(tc.tags)
			if diff := cmp.Diff(append([]model.Tactic{}, tc.tactics...), tactics); diff != "" {
				t.Errorf("tactics: %s", diff)
			}
			if diff := cmp.Diff(tc.techniques, techniques); diff != "" {
				t.Errorf("techniques: %s", diff)
			}
		})
	}
}

func TestTechniques(t *testing.T) {
	for name, tc := range map[string]struct {
		in, want []string
	}{
		"ids":                      {in: []string{"t1552_007", "T1089"}, want: []string{"T1552.007", "T1562.001"}},
		"names":                    {in: []string{"Exploit Public-Facing Application", "container_administration_command"}, want: []string{"T1190", "T1609"}},
		"of a part and its whole":  {in: []string{"Impair Defenses: Disable or Modify Tools"}, want: []string{"T1562.001"}},
		"a name that several have": {in: []string{"Domain Account", "Create Account: Domain Account"}, want: []string{"T1136.002"}},
		"a name that is replaced":  {in: []string{"Disabling Security Tools"}},
		"an id and its name":       {in: []string{"Rootkit", "T1014"}, want: []string{"T1014"}},
		"a tactic and nothing":     {in: []string{"Execution", "", "TA0002"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Techniques(tc.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestImplied(t *testing.T) {
	for name, tc := range map[string]struct {
		ids  []string
		want []model.Tactic
	}{
		"one tactic each":         {[]string{"T1613", "T1609"}, []model.Tactic{model.TacticExecution, model.TacticDiscovery}},
		"one of several says not": {[]string{"T1078", "T1613"}, []model.Tactic{model.TacticDiscovery}},
		"not in the table":        {[]string{"T1685"}, []model.Tactic{}},
	} {
		if diff := cmp.Diff(tc.want, Implied(tc.ids)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestUnknown(t *testing.T) {
	in := []string{"T1064", "T1609", "T1685", "T9999.999"}
	if diff := cmp.Diff([]string{"T1685", "T9999.999"}, Unknown(in)); diff != "" || in[0] != "T1064" {
		t.Error(diff, in)
	}
	if got := Name("T1609"); got != "Container Administration Command" {
		t.Errorf("T1609 is called %q", got)
	}
}

// The table is read without a doubt, so it must leave none.
func TestTable(t *testing.T) {
	if !strings.Contains(source, "© 2025 The MITRE Corporation") || !strings.Contains(source, "royalty-free") {
		t.Error("MITRE's notice is not in the table")
	}
	tactics, last := 0, ""
	for line := range strings.Lines(source) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 || fields[1] == "" {
			t.Fatalf("%q", line)
		}
		id := fields[0]
		if _, ok := known.tactics[id]; strings.HasPrefix(id, "TA") {
			tactics++
			if !ok || fields[2]+fields[3] != "" {
				t.Errorf("%q", line)
			}
			continue
		}
		e := known.techniques[id]
		if own, ok := ID(id); !ok || own != id || id <= last || len(e.tactics) == 0 || slices.Contains(e.tactics, "") {
			t.Errorf("%q after %s", line, last)
		}
		if next, ok := known.techniques[e.replacement]; e.replacement != "" && (!ok || next.replacement != "") {
			t.Errorf("%q: the replacement is not in use", line)
		}
		last = id
	}
	if tactics != len(model.Tactics) || len(known.techniques) < 800 {
		t.Errorf("%d tactics, %d techniques", tactics, len(known.techniques))
	}
}
