package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// requests reads from the API server itself how many there were.
type requests struct{ rest rest.Interface }

func newRequests(config *rest.Config) (requests, error) {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return requests{}, err
	}
	return requests{clients.RESTClient()}, nil
}

// writes are numbers of requests that were accepted, by verb and resource.
type writes map[string]float64

// writeVerbs are those of requests that change something.
var writeVerbs = []string{"POST", "PUT", "PATCH", "APPLY", "DELETE"}

// writes counts the writes to Tocsin's resources, and of events, until now.
func (r requests) writes(ctx context.Context) (writes, error) {
	content, err := r.rest.Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of the API server: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of the API server: %w", err)
	}
	out := writes{}
	for _, metric := range families["apiserver_request_total"].GetMetric() {
		label := labels(metric)
		ours := label["group"] == "tocsin.dev" || label["resource"] == "events"
		if !ours || !slices.Contains(writeVerbs, label["verb"]) || !strings.HasPrefix(label["code"], "2") {
			continue
		}
		name := label["verb"] + " " + label["resource"]
		if label["subresource"] != "" {
			name += "/" + label["subresource"]
		}
		out[name] += metric.GetCounter().GetValue()
	}
	return out, nil
}

func labels(metric *dto.Metric) map[string]string {
	out := map[string]string{}
	for _, pair := range metric.GetLabel() {
		out[pair.GetName()] = pair.GetValue()
	}
	return out
}

// since returns what came in between.
func (w writes) since(before writes) writes {
	out := writes{}
	for name, n := range w {
		if n > before[name] {
			out[name] = n - before[name]
		}
	}
	return out
}

func (w writes) total() (sum float64) {
	for _, n := range w {
		sum += n
	}
	return sum
}

func (w writes) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(w)) {
		words = append(words, fmt.Sprintf("%.0f %s", w[name], name))
	}
	return strings.Join(words, ", ")
}
