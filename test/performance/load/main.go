// Command load sends alerts to Tocsin's gateway or to Alertmanager, at a rate
// that does not depend on their answers, and says how they answered.
//
//	go run . -url http://127.0.0.1:9443/v1/sources/soc/falco -token-file token -rate 1000 -duration 30s
//	go run . -format alertmanager -url http://127.0.0.1:9093/api/v2/alerts -batch 100 -rate 0
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/test/performance/load/attack"
	"github.com/tocsin-dev/tocsin/test/performance/load/events"
)

// maxEvents bounds the events that are made beforehand, of about a kilobyte each;
// they are sent in turn.
const maxEvents = 200_000

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	o := flags()
	plan, err := o.plan()
	if err != nil {
		return err
	}
	report, err := attack.Run(plan)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(report)
}

type options struct {
	url, format, tokenFile string
	rate                   float64
	duration               time.Duration
	requests               int
	batch, connections     int
	shape                  events.Shape
}

func flags() options {
	var o options
	flag.StringVar(&o.url, "url", "", "Where to send.")
	flag.StringVar(&o.format, "format", "falco", "falco or alertmanager.")
	flag.StringVar(&o.tokenFile, "token-file", "", "File with a bearer token. None is sent when empty.")
	flag.Float64Var(&o.rate, "rate", 100, "Requests a second. With 0 each connection sends as fast as it is answered.")
	flag.DurationVar(&o.duration, "duration", 10*time.Second, "How long requests are due. No end when 0.")
	flag.IntVar(&o.requests, "requests", 0, "How many requests at most. No bound when 0.")
	flag.IntVar(&o.batch, "batch", 1, "Events in a request.")
	flag.IntVar(&o.connections, "connections", 64, "Connections, which are kept open.")
	flag.IntVar(&o.shape.Signatures, "signatures", 100, "Different alerts.")
	flag.IntVar(&o.shape.Workloads, "workloads", 100, "Pods that they are about.")
	flag.IntVar(&o.shape.Rules, "rules", 10, "Rules that raise them.")
	flag.IntVar(&o.shape.CommonPercent, "common", 0, "Percent of the events that are of one signature.")
	flag.Parse()
	return o
}

func (o options) plan() (attack.Plan, error) {
	formats := map[string]events.Format{"falco": events.Falco, "alertmanager": events.Alertmanager}
	format, known := formats[o.format]
	switch {
	case o.url == "":
		return attack.Plan{}, errors.New("-url: say where to send")
	case !known:
		return attack.Plan{}, fmt.Errorf("-format: %q is neither falco nor alertmanager", o.format)
	case o.batch < 1 || o.shape.Signatures < 1 || o.shape.Workloads < 1 || o.shape.Rules < 1:
		return attack.Plan{}, errors.New("-batch, -signatures, -workloads and -rules must be 1 or more")
	case o.shape.CommonPercent < 0 || o.shape.CommonPercent > 99:
		return attack.Plan{}, errors.New("-common must be from 0 to 99")
	}
	bodies, err := format.Bodies(o.shape, 0, max(1, maxEvents/o.batch), o.batch, time.Now())
	if err != nil {
		return attack.Plan{}, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if o.tokenFile != "" {
		token, err := os.ReadFile(o.tokenFile)
		if err != nil {
			return attack.Plan{}, err
		}
		header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	return attack.Plan{
		URL: o.url, Header: header, Bodies: bodies, Events: o.batch, Connections: o.connections,
		Rate: o.rate, Requests: o.requests, Duration: o.duration,
	}, nil
}
