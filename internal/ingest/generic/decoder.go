package generic

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Decoder reads the events of one source.
type Decoder struct {
	source, cluster string

	events, when                     *expression
	title, rule, service, detection  *expression
	severity, time                   *expression
	description, recommendedActions  *expression
	tactics, techniques, fingerprint *expression
	entities                         []entityExpression
}

type entityExpression struct {
	Entity
	name *expression
}

// New compiles the options of a source. Every error names its field; all of
// them are told at once.
func New(source, cluster string, o Options) (*Decoder, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	c := &compiler{env: env}
	d := &Decoder{
		source: source, cluster: cluster,
		events:             c.compile("events", o.Events, aList),
		when:               c.compile("when", o.When, aBool),
		title:              c.compile("title", o.Title, aText),
		rule:               c.compile("rule", o.Rule, aText),
		service:            c.compile("service", o.Service, aText),
		detection:          c.compile("detection", o.Detection, aText),
		time:               c.compile("time", o.Time, aTime),
		severity:           c.compile("severity", o.Severity, aText),
		description:        c.compile("description", o.Description, aText),
		recommendedActions: c.compile("recommendedActions", o.RecommendedActions, aText),
		tactics:            c.compile("tactics", o.Tactics, texts),
		techniques:         c.compile("techniques", o.Techniques, texts),
		fingerprint:        c.compile("fingerprint", o.Fingerprint, texts),
	}
	if strings.TrimSpace(o.Title) == "" {
		c.problems = append(c.problems, errors.New("generic.title: is missing"))
	}
	for i, e := range o.Entities {
		field := fmt.Sprintf("entities[%d]", i)
		if err := e.validate(); err != nil {
			c.problems = append(c.problems, fmt.Errorf("generic.%s.%w", field, err))
		}
		e.Role = cmp.Or(e.Role, model.RoleUnknown)
		e.Category = cmp.Or(e.Category, entity.CategoryOf(e.Kind))
		d.entities = append(d.entities, entityExpression{e, c.compile(field+".name", e.Name, texts)})
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	return d, nil
}

// Unwrap returns the events in a record, or the record.
func (d *Decoder) Unwrap(record []byte) ([][]byte, error) {
	if d.events == nil {
		return [][]byte{record}, nil
	}
	content, err := parse(record)
	if err != nil {
		return nil, err
	}
	return newEvaluation(content).objects(d.events, len(record))
}

// Check runs all expressions, so that the sender hears at once of an event that
// they do not fit.
func (d *Decoder) Check(event []byte) (decode.Drop, error) {
	decoded, err := d.Decode(event, time.Time{})
	return decoded.Drop, err
}

// Decode makes an alert of an event.
func (d *Decoder) Decode(event []byte, received time.Time) (decode.Decoded, error) {
	content, err := parse(event)
	if err != nil {
		return decode.Decoded{}, err
	}
	v := newEvaluation(content)
	if !v.holds(d.when) && v.err == nil {
		return decode.Decoded{Drop: decode.DropNoRule}, nil
	}
	alert := d.alert(v, received)
	if v.err != nil {
		return decode.Decoded{}, v.err
	}
	if alert.Title == "" {
		return decode.Decoded{}, errors.New("generic.title: gives nothing for this event")
	}
	return decode.Decoded{Alert: alert}, nil
}

// parse keeps whole numbers whole.
func parse(data []byte) (map[string]any, error) {
	var content map[string]any
	if err := utiljson.Unmarshal(data, &content); err != nil {
		return nil, decode.Explain(err)
	}
	return content, nil
}

func (d *Decoder) alert(v *evaluation, received time.Time) model.Alert {
	title := line(v.text(d.title), decode.MaxTitle)
	when := moment(v.value(d.time, aTime), received)
	a := model.Alert{
		Service:            cmp.Or(line(v.text(d.service), decode.MaxSensor), text.Line(d.source, decode.MaxSensor)),
		Detection:          line(v.text(d.detection), decode.MaxSensor),
		Rule:               cmp.Or(line(v.text(d.rule), decode.MaxRule), title),
		Title:              title,
		Description:        block(v.text(d.description)),
		RecommendedActions: block(v.text(d.recommendedActions)),
		Severity:           severity(v.text(d.severity)),
		Tactics:            tactics(v.texts(d.tactics)),
		Techniques:         attack.Techniques(v.texts(d.techniques)),
		First:              when,
		Last:               when,
		Entities:           d.find(v),
		Occurrences:        1,
	}
	a.Fingerprint = d.fingerprintOf(v, a)
	return a
}

// line and block cut first: a redaction looks at no more than what is kept.
func line(s string, limit int) string {
	return text.Line(text.Redact(text.Line(s, limit)), limit)
}

func block(s string) string {
	return text.Block(text.Redact(text.Block(s, decode.MaxDescription)), decode.MaxDescription)
}

// moment reads a time; nothing is the time of receipt.
func moment(out ref.Val, received time.Time) time.Time {
	switch at := out.(type) {
	case types.Timestamp:
		return entity.Clamp(at.Time, received)
	case types.String:
		return entity.Time(string(at), received)
	case types.Int:
		return entity.Time(strconv.FormatInt(int64(at), 10), received)
	case types.Uint:
		return entity.Time(strconv.FormatUint(uint64(at), 10), received)
	case types.Double:
		return entity.Time(strconv.FormatFloat(float64(at), 'f', -1, 64), received)
	}
	return received.UTC()
}

func tactics(spellings []string) []model.Tactic {
	var found []model.Tactic
	for _, spelling := range spellings {
		if tactic, ok := attack.Tactic(spelling); ok {
			found = append(found, tactic)
		}
	}
	return model.SortTactics(found)
}

func (d *Decoder) find(v *evaluation) []model.Entity {
	var list entity.List
	for _, e := range d.entities {
		add := list.Evidence(e.Role)
		if e.Category == model.CategoryAsset {
			add = list.Asset(e.Role)
		}
		for _, name := range v.texts(e.name) {
			add(entity.Of(e.Kind, name))
		}
	}
	return list.Items()
}

// fingerprintOf is over what the option says, else over the rule and the
// entities. The source goes in too: another may count its events likewise.
func (d *Decoder) fingerprintOf(v *evaluation, a model.Alert) string {
	parts := v.texts(d.fingerprint)
	if strings.Join(parts, "") == "" {
		parts = nil
		for _, e := range a.Entities {
			parts = append(parts, e.String())
		}
		slices.Sort(parts)
		parts = append([]string{a.Service, a.Detection, a.Rule}, parts...)
	}
	return decode.Fingerprint("generic", append([]string{d.source, d.cluster}, parts...)...)
}
