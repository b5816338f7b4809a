package kubernetesaudit

import (
	"cmp"
	"encoding/json"
	"strings"

	authnv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// googleEntry is an entry of Google Cloud's audit log, in which GKE writes the
// calls of the API server.
type googleEntry struct {
	InsertID     string `json:"insertId"`
	Timestamp    loose  `json:"timestamp"`
	ProtoPayload struct {
		MethodName         string `json:"methodName"`
		ResourceName       string `json:"resourceName"`
		Timestamp          loose  `json:"timestamp"`
		AuthenticationInfo struct {
			PrincipalEmail string `json:"principalEmail"`
		} `json:"authenticationInfo"`
		RequestMetadata struct {
			CallerIP  string `json:"callerIp"` // callerIP too: names match in any case.
			UserAgent string `json:"callerSuppliedUserAgent"`
		} `json:"requestMetadata"`
		Request  json.RawMessage `json:"request"`
		Response json.RawMessage `json:"response"`
		Status   struct {
			Code    int32  `json:"code"`
			Message string `json:"message"`
		} `json:"status"`
	} `json:"protoPayload"`
}

func parseGoogle(data []byte) (wireEvent, error) {
	var entry googleEntry
	if err := json.Unmarshal(data, &entry); err != nil {
		return wireEvent{}, decode.Explain(err)
	}
	p := entry.ProtoPayload
	w := wireEvent{
		RequestReceivedTimestamp: cmp.Or(p.Timestamp, entry.Timestamp),
		RequestObject:            p.Request,
		ResponseObject:           p.Response,
	}
	w.Verb = p.MethodName[strings.LastIndexByte(p.MethodName, '.')+1:]
	w.User = authnv1.UserInfo{Username: p.AuthenticationInfo.PrincipalEmail}
	w.SourceIPs = []string{p.RequestMetadata.CallerIP}
	w.UserAgent = p.RequestMetadata.UserAgent
	w.ObjectRef = googleObject(p.ResourceName)
	w.ResponseStatus = &metav1.Status{Code: httpCode(p.Status.Code), Message: p.Status.Message}
	return w, nil
}

// googleObject reads "core/v1/namespaces/shop/pods/cart-0/exec" or
// "rbac.authorization.k8s.io/v1/clusterrolebindings/x".
func googleObject(name string) *auditv1.ObjectReference {
	parts := strings.Split(name, "/")
	if len(parts) < 3 {
		return nil
	}
	ref := &auditv1.ObjectReference{APIGroup: parts[0], APIVersion: parts[1]}
	if ref.APIGroup == "core" {
		ref.APIGroup = ""
	}
	parts = parts[2:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		ref.Namespace, parts = parts[1], parts[2:]
	}
	ref.Resource = parts[0]
	if len(parts) > 1 {
		ref.Name = parts[1]
	}
	if len(parts) > 2 {
		ref.Subresource = parts[2]
	}
	return ref
}

// httpCode translates what a rule can ask for: whether it worked, and whether
// it was forbidden. Google writes the codes of gRPC.
func httpCode(code int32) int32 {
	switch code {
	case 0:
		return 0
	case 7:
		return 403
	case 16:
		return 401
	}
	return 400
}
