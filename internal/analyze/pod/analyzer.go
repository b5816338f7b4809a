// Package pod examines pods: what separates them from their node, what they
// hold of it, where they came from, and what happened to them.
package pod

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"

	"github.com/tocsin-dev/tocsin/internal/analyze"
	"github.com/tocsin-dev/tocsin/internal/engine/assess"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// maxEvents is how many events of a pod are read; the newest reasons repeat.
const maxEvents = 100

// Analyzer examines the pods of an input.
type Analyzer struct{ Client kubernetes.Interface }

// Analyze gives each pod a verdict. What may not be read is told, not guessed.
func (a Analyzer) Analyze(ctx context.Context, in document.Input) (document.Result, error) {
	out := document.Result{Verdicts: []document.Verdict{}}
	pods := analyze.Named(in, model.KindPod)
	for _, key := range pods {
		v, err := a.examine(ctx, in, key)
		if err != nil {
			return document.Result{}, err
		}
		out.Verdicts = append(out.Verdicts, v)
	}
	out.Message = fmt.Sprintf("Pods examined: %d", len(pods))
	return out, nil
}

func (a Analyzer) examine(ctx context.Context, in document.Input, key model.Key) (document.Verdict, error) {
	namespace, name, ok := analyze.Split(key)
	if !ok {
		return analyze.Unknown(key, "it is not the name of a pod"), nil
	}
	pod, err := a.Client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return analyze.Unknown(key, "it does not exist any more"), nil
	case apierrors.IsForbidden(err):
		return analyze.Unknown(key, fmt.Sprintf("the service account lacks the permission to get pods in namespace %s", namespace)), nil
	case err != nil:
		return document.Verdict{}, fmt.Errorf("reading a pod: %w", err)
	}
	facts := Facts(pod)
	if facts.Warnings, err = a.warnings(ctx, pod); err != nil {
		return document.Verdict{}, err
	}
	account := model.Key{Kind: model.KindServiceAccount, Name: namespace + "/" + pod.Spec.ServiceAccountName}
	said := analyze.Context(in, key).Join(analyze.Context(in, account).WithoutRole())
	return analyze.Verdict(key, string(pod.UID), assess.AssessPod(facts, said)), nil
}

// warnings are the reasons of the pod's warning events. They add little: where
// they may not be read, the verdict stands without them.
func (a Analyzer) warnings(ctx context.Context, pod *corev1.Pod) ([]string, error) {
	events, err := a.Client.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.uid": string(pod.UID), "type": corev1.EventTypeWarning}.String(),
		Limit:         maxEvents,
	})
	if apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the events of a pod: %w", err)
	}
	return reasons(events.Items), nil
}
