package guardduty

import (
	"cmp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// detection holds the sequence of an attack. GuardDuty and Security Hub write it
// alike, but Security Hub has the resources with those of every other finding.
type detection struct {
	Sequence sequence `json:"sequence"`
}

// sequence is what GuardDuty has seen of one attack. Such a finding has no
// resource and no action of its own.
type sequence struct {
	Resources  decode.List[involved]  `json:"resources"`
	Actors     decode.List[actor]     `json:"actors"`
	Endpoints  decode.List[endpoint]  `json:"endpoints"`
	Indicators decode.List[indicator] `json:"sequenceIndicators"`
}

// indicator is one of an attack sequence: of the key ATTACK_TACTIC or
// ATTACK_TECHNIQUE among others.
type indicator struct {
	Key    string              `json:"key"`
	Values decode.List[string] `json:"values"`
}

// tags returns what names a tactic or a technique.
func (s sequence) tags() []string {
	var tags []string
	for _, i := range s.Indicators {
		if strings.HasPrefix(i.Key, "ATTACK_") {
			tags = append(tags, i.Values...)
		}
	}
	return tags
}

// add takes from each list in turn: hundreds of resources must not take the
// places of who did it and from where.
func (s sequence) add(list *entity.List) {
	for i := range max(len(s.Resources), len(s.Actors), len(s.Endpoints)) {
		if i < len(s.Resources) {
			s.Resources[i].add(list)
		}
		if i < len(s.Actors) {
			s.Actors[i].add(list)
		}
		if i < len(s.Endpoints) {
			s.Endpoints[i].add(list)
		}
	}
}

// involved is a resource that was part of an attack.
type involved struct {
	UID  string `json:"uid"`
	Name string `json:"name"`
	Type string `json:"resourceType"`
	Data struct {
		Workload struct {
			Type      string `json:"kubernetesResourcesTypes"`
			Namespace string `json:"namespace"`
		} `json:"kubernetesWorkload"`
		Container struct {
			Image string `json:"image"`
		} `json:"container"`
		AccessKey struct {
			UserName string `json:"userName"`
		} `json:"accessKey"`
	} `json:"data"`
}

// surroundings are the types of resources that many others share or stem from:
// nothing is done to them.
var surroundings = map[string]bool{
	"EC2_VPC": true, "EC2_IMAGE": true, "EC2_LAUNCH_TEMPLATE": true, "EC2_NETWORK_INTERFACE": true, "CLOUDFORMATION_STACK": true,
}

// add names a resource as the other findings do, or else by its identifier.
func (r involved) add(list *entity.List) {
	role := model.RoleAttacked
	switch {
	case r.Type == "ACCESS_KEY":
		role = model.RoleCompromised
	case surroundings[r.Type]:
		role = model.RoleContextual
	}
	key, ok := r.key()
	if !ok {
		key, ok = entity.New(model.KindCloudResource, cmp.Or(r.UID, r.Name))
	}
	list.Add(role)(key, ok)
	list.Add(model.RoleAttacker)(entity.User(r.Data.AccessKey.UserName))
	list.Add(model.RoleContextual)(entity.ImageReference(r.Data.Container.Image))
}

func (r involved) key() (model.Key, bool) {
	switch r.Type {
	case "EKS_CLUSTER":
		return entity.New(model.KindCluster, cmp.Or(r.Name, lastPart(r.UID)))
	case "KUBERNETES_WORKLOAD":
		return entity.Object(r.Data.Workload.Type, r.Data.Workload.Namespace, r.Name)
	case "CONTAINER":
		return entity.Container(r.UID)
	case "EC2_INSTANCE", "ACCESS_KEY":
		return entity.New(model.KindCloudResource, lastPart(r.UID))
	}
	return model.Key{}, false
}

// lastPart makes "i-0abc" of "arn:aws:ec2:eu-west-1:1:instance/i-0abc".
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// actor is whose credentials, or which program, the attack was made with.
type actor struct {
	User struct {
		Name          string `json:"name"`
		UID           string `json:"uid"`
		CredentialUID string `json:"credentialUid"`
	} `json:"user"`
	Session struct {
		Issuer string `json:"issuer"` // The role that was taken on.
	} `json:"session"`
	Process struct {
		SHA256 string `json:"sha256"` // Where it ran is not said: its name means nothing.
	} `json:"process"`
}

func (a actor) add(list *entity.List) {
	list.Add(model.RoleAttacker)(entity.Identity(cmp.Or(a.User.Name, a.User.UID)))
	list.Add(model.RoleCompromised)(entity.New(model.KindCloudResource, a.User.CredentialUID))
	list.Add(model.RoleCompromised)(entity.New(model.KindCloudResource, a.Session.Issuer))
	addHash(list, a.Process.SHA256)
}

// endpoint is an address or a name that the attack came from or went to.
type endpoint struct {
	IP         string `json:"ip"`
	Domain     string `json:"domain"`
	Connection struct {
		Direction string `json:"direction"`
	} `json:"connection"`
}

func (e endpoint) add(list *entity.List) {
	list.Add(direction(e.Connection.Direction))(entity.IP(e.IP))
	list.Add(model.RoleDestination)(entity.Domain(e.Domain))
}
