package attack

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// source is the table as hack/attack-table writes it. It carries MITRE's notice.
//
//go:embed table.tsv
var source string

// entry is a technique of the table.
type entry struct {
	name        string
	tactics     []model.Tactic
	replacement string
}

type table struct {
	tactics    map[string]model.Tactic // by id and by name as fold spells it
	techniques map[string]entry        // by id
	ids        map[string]string       // by name as fold spells it; empty where several share it
}

var known = read(source)

// read trusts the table: a test does not.
func read(source string) table {
	t := table{tactics: map[string]model.Tactic{}, techniques: map[string]entry{}, ids: map[string]string{}}
	for _, tactic := range model.Tactics {
		t.tactics[fold(string(tactic))] = tactic
	}
	for line := range strings.Lines(source) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		id, name := fields[0], fields[1]
		if strings.HasPrefix(id, "TA") {
			t.tactics[id] = t.tactics[fold(name)]
			continue
		}
		e := entry{name: name, replacement: fields[3]}
		for of := range strings.SplitSeq(fields[2], ",") {
			e.tactics = append(e.tactics, t.tactics[of])
		}
		t.techniques[id] = e
		t.call(id, e)
	}
	return t
}

// call notes what a technique is called: its name, and with that of the technique
// it is part of, as in "Impair Defenses: Disable or Modify Tools".
func (t table) call(id string, e entry) {
	if e.replacement != "" {
		return
	}
	names := []string{fold(e.name)}
	if whole, _, part := strings.Cut(id, "."); part {
		names = append(names, fold(t.techniques[whole].name+": "+e.name))
	}
	for _, name := range names {
		if _, taken := t.ids[name]; taken {
			t.ids[name] = ""
			continue
		}
		t.ids[name] = id
	}
}

// fold spells a name in lower case and without separators.
func fold(name string) string { return separators.Replace(strings.ToLower(strings.TrimSpace(name))) }

var separators = strings.NewReplacer("_", "", "-", "", " ", "")

// current follows a technique that was replaced.
func (t table) current(id string) string {
	if replacement := t.techniques[id].replacement; replacement != "" {
		return replacement
	}
	return id
}

// Name is what ATT&CK calls a technique; empty where the table has no such id.
func Name(id string) string { return known.techniques[id].name }

// Unknown are those of the techniques that the table does not have: misspelt, or
// of another version of ATT&CK.
func Unknown(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return Name(id) != "" })
}

// Implied are the tactics of those techniques that serve one only. One that serves
// several does not say which it was for.
func Implied(ids []string) []model.Tactic {
	var tactics []model.Tactic
	for _, id := range ids {
		if of := known.techniques[id].tactics; len(of) == 1 {
			tactics = append(tactics, of...)
		}
	}
	return model.SortTactics(tactics)
}
