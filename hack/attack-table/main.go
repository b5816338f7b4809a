// Command attack-table writes the table of ATT&CK that Tocsin embeds: the ids,
// names and tactics of the techniques, and what replaced those that are no more.
//
//	go run ./hack/attack-table attack-enterprise-v18.1.json > internal/ingest/attack/table.tsv
//
// It reads a JSON object with meta {snapshot, notice}, tactics [{id, shortname,
// name}] and techniques [{id, name, parent, tactics, revoked, deprecated, revokedBy}]:
// what those objects of MITRE's STIX bundle say, without its references.
package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// licence is MITRE's: whoever copies the table has to copy it along.
//
//go:embed licence.txt
var licence string

type bundle struct {
	Meta struct {
		Snapshot string `json:"snapshot"`
		Notice   string `json:"notice"`
	} `json:"meta"`
	Tactics []struct {
		ID        string `json:"id"`
		ShortName string `json:"shortname"`
		Name      string `json:"name"`
	} `json:"tactics"`
	Techniques []technique `json:"techniques"`
}

type technique struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Tactics   []string `json:"tactics"`
	Revoked   bool     `json:"revoked"`
	RevokedBy string   `json:"revokedBy"`
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "attack-table:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("give the file to read, and nothing else")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var b bundle
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return b.write(out)
}

// write puts the tactics first, in their order, and then the techniques by id.
func (b bundle) write(to io.Writer) error {
	out := bufio.NewWriter(to)
	fmt.Fprintln(out, "# Written by hack/attack-table; do not edit.")
	fmt.Fprintf(out, "# Ids, names and tactics of MITRE ATT&CK®, as of %s.\n#\n", b.Meta.Snapshot)
	for line := range strings.Lines(b.Meta.Notice + "\n\n" + licence) {
		fmt.Fprintln(out, strings.TrimSpace("# "+line))
	}
	fmt.Fprintln(out, "#\n# id, name, tactics, replacement")
	tactics := map[string]string{}
	for _, t := range b.Tactics {
		tactics[t.ShortName] = t.ID
		fmt.Fprintf(out, "%s\t%s\t\t\n", t.ID, t.Name)
	}
	slices.SortFunc(b.Techniques, func(x, y technique) int { return strings.Compare(x.ID, y.ID) })
	for _, t := range b.Techniques {
		replacement, err := b.replacement(t)
		if err != nil {
			return err
		}
		var ids []string
		for _, name := range t.Tactics {
			if tactics[name] == "" {
				return fmt.Errorf("%s: tactic %q is not among the tactics", t.ID, name)
			}
			ids = append(ids, tactics[name])
		}
		slices.Sort(ids)
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", t.ID, t.Name, strings.Join(ids, ","), replacement)
	}
	return out.Flush()
}

// replacement follows what replaced a technique to the one that holds today.
func (b bundle) replacement(t technique) (string, error) {
	id := ""
	for range len(b.Techniques) {
		if !t.Revoked || t.RevokedBy == "" {
			return id, nil
		}
		at := slices.IndexFunc(b.Techniques, func(other technique) bool { return other.ID == t.RevokedBy })
		if at < 0 {
			return "", fmt.Errorf("%s: its replacement %s is not among the techniques", t.ID, t.RevokedBy)
		}
		t = b.Techniques[at]
		id = t.ID
	}
	return "", fmt.Errorf("%s: its replacements go in a circle", t.ID)
}
