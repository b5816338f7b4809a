package incident

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

const maxTitle = 256

// generateTitle names an incident by how far it went, what it hit and who saw
// it, in the words that responders know from Microsoft Defender:
// "Multi-stage incident involving Execution & Credential access on pod shop/web
// reported by multiple sources". One alert alone lends its own title.
func generateTitle(alerts []Member, s Summary) string {
	if len(alerts) == 0 {
		return "Incident without alerts of its own"
	}
	title := alerts[0].Title
	if len(s.Tactics) > 1 {
		title = fmt.Sprintf("Multi-stage incident involving %s & %s",
			words(s.Tactics[0]), words(s.Tactics[len(s.Tactics)-1]))
	}
	title += where(s.Assets)
	if len(s.Services) > 1 {
		title += " reported by multiple sources"
	}
	return truncate(title, maxTitle)
}

// titleKinds are the assets that a title names, the most telling first.
var titleKinds = []struct {
	kind             model.EntityKind
	singular, plural string
}{
	{model.KindPod, "pod", "pods"},
	{model.KindWorkload, "workload", "workloads"},
	{model.KindServiceAccount, "service account", "service accounts"},
	{model.KindUser, "user", "users"},
	{model.KindDevice, "device", "devices"},
	{model.KindNode, "node", "nodes"},
	{model.KindMailbox, "mailbox", "mailboxes"},
}

func where(assets []AssetGroup) string {
	for _, k := range titleKinds {
		for _, group := range assets {
			switch {
			case group.Kind != k.kind:
			case group.Total == 1:
				return " on " + k.singular + " " + group.Top[0].Name
			default:
				return " on multiple " + k.plural
			}
		}
	}
	return ""
}

// words spells a tactic as prose: "CredentialAccess" is "Credential access".
func words(t model.Tactic) string {
	var b strings.Builder
	for i, r := range string(t) {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// truncate cuts s to at most n bytes without cutting a character in two.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	cut := n - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}
