package enforcer

import (
	"context"
	"fmt"
	"log"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/knftables"
)

const (
	// gather is how long further changes are waited for: many come in groups.
	gather = 20 * time.Millisecond
	// retry is how long to wait when nftables refuses the rules.
	retry = time.Second
)

// enforcer keeps the node's rules as the API server's objects want them.
type enforcer struct {
	nft       knftables.Interface
	factory   informers.SharedInformerFactory
	changed   chan struct{}
	lastRules string
}

// Run enforces network policies until the context ends.
func Run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading kubeconfig %s: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client of the API server: %w", err)
	}
	nft, err := knftables.New(knftables.IPv4Family, Table)
	if err != nil {
		return fmt.Errorf("using nftables: %w", err)
	}
	if err := awaitRights(ctx, client); err != nil {
		return err
	}
	e := &enforcer{nft: nft, factory: informers.NewSharedInformerFactory(client, 0), changed: make(chan struct{}, 1)}
	if err := e.watch(ctx); err != nil {
		return err
	}
	return e.loop(ctx)
}

// awaitRights waits until this process may read the API server's objects. It
// starts beside the command that gives it the right to, and the informers wait
// longer after each refusal.
func awaitRights(ctx context.Context, client kubernetes.Interface) error {
	for {
		_, err := client.NetworkingV1().NetworkPolicies(metav1.NamespaceAll).List(ctx, metav1.ListOptions{Limit: 1})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the right to read network policies: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (e *enforcer) watch(ctx context.Context) error {
	notify := func() {
		select {
		case e.changed <- struct{}{}:
		default: // one is waiting already
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(any, any) { notify() },
		DeleteFunc: func(any) { notify() },
	}
	for _, informer := range []cache.SharedIndexInformer{
		e.factory.Core().V1().Pods().Informer(),
		e.factory.Core().V1().Namespaces().Informer(),
		e.factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watching the API server: %w", err)
		}
	}
	e.factory.Start(ctx.Done())
	for kind, synced := range e.factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("reading all %s from the API server: %w", kind, context.Cause(ctx))
		}
	}
	notify()
	return nil
}

func (e *enforcer) loop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.changed:
		}
		wait := gather
		for {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(wait):
			}
			err := e.apply(ctx)
			if err == nil {
				break
			}
			log.Printf("applying network policies, trying again in %s: %v", retry, err)
			wait = retry
		}
	}
}

// apply writes the rules if they are not as they should be.
func (e *enforcer) apply(ctx context.Context) error {
	snapshot, err := e.snapshot()
	if err != nil {
		return err
	}
	tx := e.nft.NewTransaction()
	Rules(tx, snapshot)
	rules := tx.String()
	if rules == e.lastRules {
		return nil
	}
	if err := e.nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("writing nftables rules: %w", err)
	}
	e.lastRules = rules
	log.Printf("applied %d network policies", len(snapshot.Policies))
	return nil
}

func (e *enforcer) snapshot() (s Snapshot, err error) {
	if s.Pods, err = e.factory.Core().V1().Pods().Lister().List(labels.Everything()); err != nil {
		return s, fmt.Errorf("listing pods: %w", err)
	}
	if s.Namespaces, err = e.factory.Core().V1().Namespaces().Lister().List(labels.Everything()); err != nil {
		return s, fmt.Errorf("listing namespaces: %w", err)
	}
	if s.Policies, err = e.factory.Networking().V1().NetworkPolicies().Lister().List(labels.Everything()); err != nil {
		return s, fmt.Errorf("listing network policies: %w", err)
	}
	return s, nil
}
