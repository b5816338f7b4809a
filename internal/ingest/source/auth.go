package source

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// Secrets reads keys of a Secret beside the AlertSource.
type Secrets func(name v1alpha1.LocalName, keys ...string) ([][]byte, error)

// Checks are what credentials are checked with, beside Secrets.
type Checks struct {
	Clock    clock.PassiveClock
	Reviewer auth.Reviewer
	Memory   *auth.Memory
}

// Auth returns what lets the senders of an AlertSource in. With an error, which
// says what is missing and where, that is nobody.
func Auth(from *v1alpha1.AlertSource, secrets Secrets, checks Checks) (auth.Method, error) {
	method, field, err := authMethod(from, secrets, checks)
	if err != nil {
		return auth.Closed{}, fmt.Errorf("spec.auth.%s: %w", field, err)
	}
	return method, nil
}

func authMethod(from *v1alpha1.AlertSource, secrets Secrets, checks Checks) (method auth.Method, field string, err error) {
	switch a := from.Spec.Auth; {
	case a.BearerToken.Name != "":
		tokens, err := one(secrets, a.BearerToken)
		return auth.NewBearer(tokens), "bearerToken", err
	case a.Basic != nil:
		method, err := basicAuth(a.Basic, secrets)
		return method, "basic.secretName", err
	case a.HMAC != nil:
		method, err := hmacAuth(a.HMAC, secrets, checks)
		return method, "hmac.key", err
	case a.ClientCertificate != nil:
		method, err := certificateAuth(a.ClientCertificate, secrets, checks.Clock)
		return method, "clientCertificate.ca", err
	case a.ServiceAccountToken != nil:
		return serviceAccountAuth(from.Namespace, a.ServiceAccountToken, checks), "serviceAccountToken", nil
	}
	return auth.Closed{}, "", nil // Nobody sends to a source that watches.
}

func one(secrets Secrets, ref v1alpha1.SecretKeyReference) ([]byte, error) {
	values, err := secrets(ref.Name, ref.Key)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

func basicAuth(from *v1alpha1.BasicAuth, secrets Secrets) (auth.Method, error) {
	values, err := secrets(from.SecretName, "username", "password")
	if err != nil {
		return nil, err
	}
	return auth.NewBasic(values[0], values[1]), nil
}

var separators = map[v1alpha1.HMACTimestampSeparator]string{
	v1alpha1.HMACTimestampSeparatorDot:   ".",
	v1alpha1.HMACTimestampSeparatorColon: ":",
}

func hmacAuth(from *v1alpha1.HMACAuth, secrets Secrets, checks Checks) (auth.Method, error) {
	value, err := one(secrets, from.Key)
	if err != nil {
		return nil, err
	}
	keys := auth.Lines(value)
	for _, key := range keys {
		if len(key) < auth.MinKeyBytes {
			return nil, fmt.Errorf("%w: Secret %s has a line of less than %d bytes under the key %s: give each key that many or more",
				kube.ErrSecretInvalid, from.Key.Name, auth.MinKeyBytes, from.Key.Key)
		}
	}
	return auth.NewHMAC(auth.Signature{
		Keys:            keys,
		Header:          cmp.Or(string(from.Header), "X-Tocsin-Signature"),
		Prefix:          ptr.Deref(from.Prefix, "sha256="),
		TimestampHeader: string(from.TimestampHeader),
		Separator:       separators[cmp.Or(from.TimestampSeparator, v1alpha1.HMACTimestampSeparatorDot)],
		Tolerance:       time.Duration(ptr.Deref(from.ToleranceSeconds, 300)) * time.Second,
		Clock:           checks.Clock,
		Seen:            &checks.Memory.Seen,
	}), nil
}

func certificateAuth(from *v1alpha1.ClientCertificateAuth, secrets Secrets, clock clock.PassiveClock) (auth.Method, error) {
	bundle, err := one(secrets, from.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, fmt.Errorf("%w: Secret %s has no certificate in PEM under the key %s", kube.ErrSecretInvalid, from.CA.Name, from.CA.Key)
	}
	return auth.NewCertificate(auth.Certificates{Roots: roots, Subjects: from.Subjects, DNSNames: from.DNSNames, Clock: clock}), nil
}

func serviceAccountAuth(namespace string, from *v1alpha1.ServiceAccountTokenAuth, checks Checks) auth.Method {
	var names []string
	for _, name := range from.ServiceAccounts {
		names = append(names, string(name))
	}
	return auth.NewServiceAccount(namespace, names, checks.Reviewer, checks.Memory.Pace)
}
