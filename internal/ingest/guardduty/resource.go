package guardduty

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// resource is what a finding is about; one or several of its members are there.
type resource struct {
	EKS struct {
		Name string `json:"name"`
	} `json:"eksClusterDetails"`
	Kubernetes struct {
		User     kubernetesUser `json:"kubernetesUserDetails"`
		Workload workload       `json:"kubernetesWorkloadDetails"`
	} `json:"kubernetesDetails"`
	Container container `json:"containerDetails"`
	ECS       struct {
		ARN  string `json:"arn"`
		Task struct {
			Containers decode.List[container] `json:"containers"`
		} `json:"taskDetails"`
	} `json:"ecsClusterDetails"`
	Instance struct {
		ID         string `json:"instanceId"`
		Interfaces decode.List[struct {
			PrivateDNSName string `json:"privateDnsName"`
		}] `json:"networkInterfaces"`
	} `json:"instanceDetails"`
	AccessKey struct {
		ID       string `json:"accessKeyId"`
		UserName string `json:"userName"`
	} `json:"accessKeyDetails"`
	Buckets decode.List[struct {
		ARN string `json:"arn"`
	}] `json:"s3BucketDetails"`
	Lambda struct {
		ARN string `json:"functionArn"`
	} `json:"lambdaDetails"`
	RDS struct {
		ARN string `json:"dbInstanceArn"`
	} `json:"rdsDbInstanceDetails"`
}

type kubernetesUser struct {
	Username     string `json:"username"`
	Impersonated struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
}

type workload struct {
	Name           string                 `json:"name"`
	Type           string                 `json:"type"`
	Namespace      string                 `json:"namespace"`
	ServiceAccount string                 `json:"serviceAccountName"`
	Containers     decode.List[container] `json:"containers"`
}

type container struct {
	ID    string `json:"id"`
	Image string `json:"image"`
}

// entities names what was hit first, then what it did or was done to it.
func (f finding) entities() []model.Entity {
	var list entity.List
	r := f.Resource
	r.addKubernetes(&list, f.role())
	r.addCloud(&list, f.role())
	f.Service.Action.add(&list)
	f.Service.RuntimeDetails.Process.add(&list, r.scope())
	f.Service.Detection.Sequence.add(&list)
	return list.Items()
}

// role is that of the resource: an actor is one that somebody else has taken over.
func (f finding) role() model.Role {
	if strings.EqualFold(f.Service.ResourceRole, "ACTOR") {
		return model.RoleCompromised
	}
	return model.RoleAttacked
}

func (r resource) addKubernetes(list *entity.List, role model.Role) {
	w := r.Kubernetes.Workload
	list.Add(role)(entity.Object(w.Type, w.Namespace, w.Name))
	for _, username := range []string{r.Kubernetes.User.Username, r.Kubernetes.User.Impersonated.Username} {
		list.Add(model.RoleAttacker)(entity.Identity(username))
	}
	for _, c := range append([]container{r.Container}, append(w.Containers, r.ECS.Task.Containers...)...) {
		list.Add(role)(entity.Container(c.ID))
		list.Add(model.RoleContextual)(entity.ImageReference(c.Image))
	}
	if w.ServiceAccount != "default" { // Every pod without one has "default".
		list.Add(model.RoleContextual)(entity.ServiceAccount(w.Namespace, w.ServiceAccount))
	}
	if r.EKS.Name != "" {
		list.Add(model.RoleContextual)(entity.Node(r.host()))
	}
	list.Add(model.RoleContextual)(entity.New(model.KindCluster, r.EKS.Name))
}

func (r resource) addCloud(list *entity.List, role model.Role) {
	for _, id := range []string{r.Instance.ID, r.Lambda.ARN, r.RDS.ARN} {
		list.Add(role)(entity.New(model.KindCloudResource, id))
	}
	for _, bucket := range r.Buckets {
		list.Add(role)(entity.New(model.KindCloudResource, bucket.ARN))
	}
	list.Add(model.RoleContextual)(entity.New(model.KindCloudResource, r.ECS.ARN))
	list.Add(model.RoleCompromised)(entity.New(model.KindCloudResource, r.AccessKey.ID))
	list.Add(model.RoleAttacker)(entity.User(r.AccessKey.UserName))
}

// host is the name of the instance, which a node of EKS has too.
func (r resource) host() string {
	for _, i := range r.Instance.Interfaces {
		if i.PrivateDNSName != "" {
			return i.PrivateDNSName
		}
	}
	return ""
}

// scope is where a process runs.
func (r resource) scope() string {
	containers := append([]container{r.Container}, r.Kubernetes.Workload.Containers...)
	for _, c := range containers {
		if key, ok := entity.Container(c.ID); ok {
			return key.Name
		}
	}
	return strings.ToLower(cmp.Or(r.host(), r.Instance.ID))
}

// action is what was seen; one of its members is there.
type action struct {
	KubernetesAPI call `json:"kubernetesApiCallAction"`
	AWSAPI        struct {
		call
		Affected map[string]decode.Scalar `json:"affectedResources"`
	} `json:"awsApiCallAction"`
	Login      call `json:"rdsLoginAttemptAction"`
	Connection struct {
		call
		Direction string `json:"connectionDirection"`
	} `json:"networkConnectionAction"`
	DNS struct {
		Domain string `json:"domain"`
	} `json:"dnsRequestAction"`
	Probe struct {
		Details decode.List[call] `json:"portProbeDetails"`
	} `json:"portProbeAction"`
}

// call has somebody at its other end.
type call struct {
	Remote struct {
		IPv4 string `json:"ipAddressV4"`
		IPv6 string `json:"ipAddressV6"`
	} `json:"remoteIpDetails"`
	SourceIPs decode.List[string] `json:"sourceIps"`
}

func (c call) add(list *entity.List, role model.Role) {
	list.Add(role)(entity.IP(c.Remote.IPv4))
	list.Add(role)(entity.IP(c.Remote.IPv6))
	if len(c.SourceIPs) > 0 { // The first is the client, the rest are proxies.
		list.Add(role)(entity.IP(c.SourceIPs[0]))
	}
}

func (a action) add(list *entity.List) {
	for _, from := range append([]call{a.KubernetesAPI, a.AWSAPI.call, a.Login}, a.Probe.Details...) {
		from.add(list, model.RoleSource)
	}
	a.Connection.add(list, direction(a.Connection.Direction))
	list.Add(model.RoleDestination)(entity.Domain(a.DNS.Domain))
	for _, kind := range slices.Sorted(maps.Keys(a.AWSAPI.Affected)) {
		list.Add(model.RoleAttacked)(entity.New(model.KindCloudResource, string(a.AWSAPI.Affected[kind])))
	}
}

// direction is the role of the other end of a connection.
func direction(name string) model.Role {
	if strings.EqualFold(name, "OUTBOUND") {
		return model.RoleDestination
	}
	return model.RoleSource
}

// runtimeDetails is what the agent on a host saw.
type runtimeDetails struct {
	Process process `json:"process"`
}

type process struct {
	Name   string `json:"name"`
	Path   string `json:"executablePath"`
	SHA256 string `json:"executableSha256"`
}

func (p process) add(list *entity.List, scope string) {
	list.Add(model.RoleSuspicious)(entity.Scoped(model.KindProcess, scope, cmp.Or(p.Path, p.Name)))
	addHash(list, p.SHA256)
}

// addHash names a program by its hash, which is the same wherever it runs.
func addHash(list *entity.List, sha256 string) {
	if len(sha256) == 64 {
		list.Add(model.RoleSuspicious)(entity.New(model.KindFile, "sha256:"+strings.ToLower(sha256)))
	}
}
