package actions

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// requestError is a request that was not granted.
type requestError struct {
	verb, resource, namespace string
	err                       error
}

func (e *requestError) Error() string {
	return fmt.Sprintf("%s %s in namespace %s: %v", e.verb, e.resource, e.namespace, e.err)
}

func (e *requestError) Unwrap() error { return e.err }

func requesting(verb, resource, namespace string, err error) error {
	if err == nil {
		return nil
	}
	return &requestError{verb: verb, resource: resource, namespace: namespace, err: err}
}

// inTheWayError is something of somebody else that an action will not touch.
type inTheWayError string

func (e inTheWayError) Error() string { return string(e) }

// maxMessage bounds what the API server says, within the 1,024 of a condition's message.
const maxMessage = 600

// Trouble tells a refusal, which people can do something about, from a failure
// that goes by itself.
func (p Plan) Trouble(err error) (lifecycle.Trouble, bool) {
	var refused *requestError
	var status apierrors.APIStatus
	switch {
	case errors.As(err, new(inTheWayError)):
		return lifecycle.Trouble{Kind: lifecycle.TroubleRefused, Message: err.Error()}, true
	case !errors.As(err, &refused) || !errors.As(err, &status):
		return lifecycle.Trouble{}, false
	case apierrors.IsForbidden(err):
		return lifecycle.Trouble{Kind: lifecycle.TroubleForbidden, Message: fmt.Sprintf("%s may not %s %s in namespace %s: %s",
			p.ActsAs, refused.verb, refused.resource, refused.namespace, bounded(status))}, true
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err), apierrors.IsRequestEntityTooLargeError(err):
		return lifecycle.Trouble{Kind: lifecycle.TroubleRefused, Message: fmt.Sprintf("The API server refused to %s %s in namespace %s: %s",
			refused.verb, refused.resource, refused.namespace, bounded(status))}, true
	}
	return lifecycle.Trouble{}, false
}

func bounded(status apierrors.APIStatus) string {
	message := []rune(status.Status().Message)
	return string(message[:min(len(message), maxMessage)])
}
