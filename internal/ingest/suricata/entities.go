package suricata

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// AddTo adds what the traffic names. Who of the two sides attacks is known only
// where the rule says it: an alert can be about an answer as well.
func (e Event) AddTo(list *entity.List) {
	list.Evidence(model.RoleAttacker)(entity.IP(line(e.Alert.Source.IP)))
	list.Evidence(model.RoleAttacked)(entity.IP(line(e.Alert.Target.IP)))
	list.Evidence(model.RoleSource)(entity.IP(line(e.Source)))
	list.Evidence(model.RoleDestination)(entity.IP(line(e.Destination)))
	for _, name := range e.names() {
		list.Evidence(model.RoleSuspicious)(domain(name))
	}
	list.Evidence(model.RoleSuspicious)(entity.URL(e.address()))
	for _, f := range append([]file{e.File}, e.Files...) {
		list.Evidence(model.RoleSuspicious)(entity.New(model.KindFile, digest(f.SHA256)))
	}
}

// names are those that were asked for, of a name server or of the peer itself.
func (e Event) names() []decode.Scalar {
	names := []decode.Scalar{e.HTTP.Host, e.TLS.ServerName, e.DNS.Name}
	for _, questions := range []decode.List[question]{e.DNS.Query, e.DNS.Queries} {
		for _, q := range questions {
			names = append(names, q.Name)
		}
	}
	return names
}

// domain is none where a peer was asked for by its address.
func domain(name decode.Scalar) (model.Key, bool) {
	host, _, _ := strings.Cut(line(name), ":")
	if _, ok := entity.IP(host); ok {
		return model.Key{}, false
	}
	return entity.Domain(host)
}

// address is the page that was asked for, without the query: that differs from
// one request to the next, and can hold secrets.
func (e Event) address() string {
	path, _, _ := strings.Cut(line(e.HTTP.URL), "?")
	host := line(e.HTTP.Host)
	if host == "" || !strings.HasPrefix(path, "/") {
		return ""
	}
	if port := line(e.HTTP.Port); port != "" && port != "80" && !strings.Contains(host, ":") {
		host += ":" + port
	}
	return "http://" + host + path
}

// digest marks a hash as one; a file known by its content is the same everywhere.
func digest(sum decode.Scalar) string {
	if len(sum) != 64 {
		return ""
	}
	return "sha256:" + strings.ToLower(string(sum))
}
