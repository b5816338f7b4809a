package invariant

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// noOrphans: whatever has an owner, the owner exists.
func noOrphans() Invariant {
	return Invariant{Name: "I10 orphans", End: func(end history.View) error {
		exists := map[types.UID]bool{}
		for _, o := range end.All() {
			exists[o.GetUID()] = true
		}
		var errs []error
		for _, o := range end.All() {
			for _, owner := range o.GetOwnerReferences() {
				if !exists[owner.UID] {
					errs = append(errs, fmt.Errorf("%s has no owner: %s %s is gone", o.GetName(), owner.Kind, owner.Name))
				}
			}
		}
		return errors.Join(errs...)
	}}
}

// nothingTerminating: no finalizer is stuck.
func nothingTerminating() Invariant {
	return Invariant{Name: "I10 finalizers", End: func(end history.View) error {
		var errs []error
		for _, o := range end.All() {
			if o.GetDeletionTimestamp() != nil {
				errs = append(errs, fmt.Errorf("%s still terminates; finalizers %v", o.GetName(), o.GetFinalizers()))
			}
		}
		return errors.Join(errs...)
	}}
}
