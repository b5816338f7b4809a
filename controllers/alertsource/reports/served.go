package reports

import (
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/policyreport"
	"github.com/tocsin-dev/tocsin/internal/ingest/trivyoperator"
)

// kindsOf are the kinds of report that a type of source reads.
func kindsOf(t v1alpha1.AlertSourceType) []findings.Kind {
	if t == v1alpha1.AlertSourceTrivyOperator {
		return trivyoperator.InCluster()
	}
	return policyreport.InCluster()
}

// Discovery says what the API server serves.
type Discovery interface {
	ServerGroups() (*metav1.APIGroupList, error)
	ServerResourcesForGroupVersion(groupVersion string) (*metav1.APIResourceList, error)
}

// lookEvery is how soon it is noticed that a kind of report is served, or no
// longer. It is well below the shortest time that a report may be away, as the
// reports of a kind that is deleted go first.
const lookEvery = 30 * time.Second

// served knows which kinds of report there are. Definitions come and go.
type served struct {
	discovery Discovery
	clock     clock.PassiveClock

	looked time.Time
	known  map[string]string
}

// versions returns the version in which each kind is served, by its name.
func (s *served) versions() (map[string]string, error) {
	if s.known != nil && s.clock.Since(s.looked) < lookEvery {
		return s.known, nil
	}
	groups, err := s.discovery.ServerGroups()
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, group := range groups.Groups {
		if !ours(group.Name) {
			continue
		}
		list, err := s.discovery.ServerResourcesForGroupVersion(group.PreferredVersion.GroupVersion)
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		if err == nil {
			for _, resource := range list.APIResources {
				if readable(resource) {
					found[resource.Name+"."+group.Name] = group.PreferredVersion.Version
				}
			}
		}
	}
	s.known, s.looked = found, s.clock.Now()
	return found, nil
}

func ours(group string) bool {
	return slices.ContainsFunc(slices.Concat(trivyoperator.InCluster(), policyreport.InCluster()),
		func(k findings.Kind) bool { return k.Group == group })
}

// readable says whether there can be reports: of a kind that is being deleted
// none can be created.
func readable(resource metav1.APIResource) bool {
	for _, verb := range []string{"list", "watch", "create"} {
		if !slices.Contains(resource.Verbs, verb) {
			return false
		}
	}
	return true
}
