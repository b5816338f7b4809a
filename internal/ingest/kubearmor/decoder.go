package kubearmor

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that the alerts name.
const Service = "kubearmor"

// Decoder reads KubeArmor's events.
type Decoder struct {
	// Cluster is where the sender runs. Where it is empty, the event says it;
	// KubeArmor calls every cluster "default" that nobody gave a name.
	Cluster string
}

// Unwrap returns the record: KubeArmor's events come one by one.
func (Decoder) Unwrap(record []byte) ([][]byte, error) { return [][]byte{record}, nil }

// Check looks whether a policy matched.
func (Decoder) Check(data []byte) (decode.Drop, error) { return read(data, &header{}) }

// Decode makes an alert of an event.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	var e event
	if drop, err := read(data, &e); drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(e, received)}, nil
}

func (d Decoder) alert(e event, received time.Time) model.Alert {
	when := entity.Time(string(cmp.Or(e.UpdatedTime, e.Timestamp)), received)
	tactics, techniques := e.mitre()
	return model.Alert{
		Service:     Service,
		Detection:   text.Line(string(e.Enforcer), decode.MaxSensor),
		Rule:        e.policy(),
		Title:       cmp.Or(decode.Title(string(e.Message)), decode.Title(e.policy())),
		Description: e.describe(),
		Severity:    severity(e.Severity),
		Tactics:     tactics,
		Techniques:  techniques,
		First:       when,
		Last:        when,
		Fingerprint: d.fingerprint(e),
		Entities:    e.entities(),
		Occurrences: 1,
	}
}

// severity maps KubeArmor's scale from 1 to 10. What is not on it is Medium:
// policies need not say one.
func severity(level decode.Scalar) model.Severity {
	switch n, err := strconv.Atoi(string(level)); {
	case err != nil, n < 1, n > 10:
		return model.SeverityMedium
	case n <= 3:
		return model.SeverityLow
	case n <= 6:
		return model.SeverityMedium
	}
	return model.SeverityHigh
}

// mitre reads tags such as "MITRE_T1036_masquerading" and "MITRE_execution".
func (e event) mitre() ([]model.Tactic, []string) {
	tags := append([]string{}, e.ATags...)
	for tag := range strings.SplitSeq(text.Line(string(e.Tags), decode.MaxDescription), ",") {
		tags = append(tags, strings.TrimSpace(tag))
	}
	for i, tag := range tags {
		tags[i] = strings.TrimPrefix(tag, "MITRE_")
	}
	return attack.Tags(tags)
}

func (e event) describe() string {
	var facts decode.Facts
	facts.Add(cmp.Or(line(e.Operation), "Resource")+": ", string(e.Resource))
	facts.Add("Process: ", string(cmp.Or(e.Source, e.ProcessName)))
	facts.Add("Parent: ", string(e.ParentProcessName))
	facts.Add("Data: ", string(e.Data))
	facts.Add("Action: ", string(e.Action))
	facts.Add("Result: ", string(e.Result))
	return facts.String()
}

// fingerprint is over the policy and what was done where by which program. Ids
// of processes are not in it, nor is that of the container, which is another one
// after each start.
func (d Decoder) fingerprint(e event) string {
	return decode.Fingerprint(Service, cmp.Or(d.Cluster, line(e.ClusterName)), e.policy(), line(e.Operation), e.resource(),
		e.place(), line(cmp.Or(e.ContainerName, e.ContainerID)), line(e.ProcessName))
}

// resource is what was asked for, without ports.
func (e event) resource() string {
	if e.Operation != "Network" {
		return line(e.Resource)
	}
	var lasting []string
	for _, word := range strings.Fields(line(e.Resource)) {
		if name, _, _ := strings.Cut(word, "="); !strings.HasSuffix(name, "port") {
			lasting = append(lasting, word)
		}
	}
	return strings.Join(lasting, " ")
}

// place is the pod, else the host.
func (e event) place() string {
	if pod, ok := e.pod(); ok {
		return pod.String()
	}
	return e.host()
}
