package ocsf

import (
	"cmp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// evidence is what a finding goes by: one of evidences, or at the top of the
// event in old versions.
type evidence struct {
	Actor struct {
		User    user    `json:"user"`
		Process process `json:"process"`
	} `json:"actor"`
	User        user      `json:"user"`
	Process     process   `json:"process"`
	File        file      `json:"file"`
	Container   container `json:"container"`
	Device      endpoint  `json:"device"`
	SrcEndpoint endpoint  `json:"src_endpoint"`
	DstEndpoint endpoint  `json:"dst_endpoint"`
	URL         struct {
		String string `json:"url_string"`
	} `json:"url"`
	Query struct {
		Hostname string `json:"hostname"`
	} `json:"query"`
}

type user struct {
	Name      string `json:"name"`
	EmailAddr string `json:"email_addr"`
	UID       string `json:"uid"`
}

type process struct {
	Name      string    `json:"name"`
	File      file      `json:"file"`
	Container container `json:"container"`
	User      user      `json:"user"`
}

type file struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Hashes decode.List[struct {
		Value string `json:"value"`
	}] `json:"hashes"`
}

type container struct {
	UID   string `json:"uid"`
	Image struct {
		Name string `json:"name"`
		Tag  string `json:"tag"`
		UID  string `json:"uid"`
	} `json:"image"`
}

type endpoint struct {
	Hostname string `json:"hostname"`
	Domain   string `json:"domain"`
	IP       string `json:"ip"`
	UID      string `json:"uid"`
}

// resource is what was hit.
type resource struct {
	UID       string `json:"uid"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	Namespace string `json:"namespace"`
}

// observable repeats something of the event as a plain value.
type observable struct {
	Name   string        `json:"name"`
	TypeID decode.Scalar `json:"type_id"`
	Value  decode.Scalar `json:"value"`
}

// entities names what was hit first, then what speaks of it.
func (e event) entities() []model.Entity {
	var list entity.List
	for _, r := range append(e.Resources, e.Resource) {
		list.Add(model.RoleAttacked)(r.key())
	}
	host := strings.ToLower(cmp.Or(e.Device.Hostname, e.Device.UID))
	for _, found := range append([]evidence{e.evidence}, e.Evidences...) {
		found.add(&list, host)
	}
	for _, o := range e.Observables {
		list.Add(o.role())(o.key())
	}
	return list.Items()
}

// key is an object of Kubernetes where the type names one, else the id that the
// cloud gives it.
func (r resource) key() (model.Key, bool) {
	if key, ok := entity.Object(r.Type, r.Namespace, cmp.Or(r.Name, r.UID)); ok {
		return key, ok
	}
	return entity.New(model.KindCloudResource, cmp.Or(r.UID, r.Name))
}

func (e evidence) add(list *entity.List, host string) {
	list.Add(model.RoleAttacked)(entity.Of(model.KindDevice, cmp.Or(e.Device.Hostname, e.Device.UID)))
	host = strings.ToLower(cmp.Or(e.Device.Hostname, e.Device.UID, host))
	e.Container.add(list)
	list.Add(model.RoleAttacker)(e.Actor.User.key(host))
	list.Add(model.RoleUnknown)(e.User.key(host))
	e.Actor.Process.add(list, host)
	e.Process.add(list, host)
	e.File.add(list, host)
	e.SrcEndpoint.add(list, model.RoleSource)
	e.DstEndpoint.add(list, model.RoleDestination)
	list.Add(model.RoleSuspicious)(entity.URL(e.URL.String))
	list.Add(model.RoleSuspicious)(entity.Domain(e.Query.Hostname))
}

func (c container) add(list *entity.List) {
	list.Add(model.RoleAttacked)(entity.Container(c.UID))
	list.Add(model.RoleContextual)(entity.Image(c.Image.Name, c.Image.Tag, c.Image.UID))
}

func (p process) add(list *entity.List, host string) {
	p.Container.add(list)
	if key, ok := entity.Container(p.Container.UID); ok {
		host = key.Name
	} else {
		list.Add(model.RoleSuspicious)(p.User.key(host))
	}
	list.Add(model.RoleSuspicious)(entity.Scoped(model.KindProcess, host, cmp.Or(p.File.Path, p.Name)))
	for _, hash := range p.File.Hashes {
		list.Add(model.RoleSuspicious)(digest(hash.Value))
	}
}

func (f file) add(list *entity.List, host string) {
	for _, hash := range f.Hashes {
		list.Add(model.RoleSuspicious)(digest(hash.Value))
	}
	if f.Path != "" {
		list.Add(model.RoleSuspicious)(entity.Scoped(model.KindFile, host, f.Path))
	}
}

// digest is a file by its content; other hashes than SHA-256 are left out.
func digest(hash string) (model.Key, bool) {
	if len(hash) != 64 {
		return model.Key{}, false
	}
	return entity.New(model.KindFile, "sha256:"+strings.ToLower(hash))
}

func (e endpoint) add(list *entity.List, role model.Role) {
	list.Add(role)(entity.IP(e.IP))
	list.Add(role)(entity.Domain(e.Domain))
}

// key is the user's address, or the name that the API server or a host knows.
func (u user) key(host string) (model.Key, bool) {
	switch {
	case u.EmailAddr != "":
		return entity.User(u.EmailAddr)
	case host != "" && !strings.ContainsAny(u.Name, ":@\\/"):
		return entity.LocalUser(host, u.Name)
	case u.Name == "" && strings.Trim(u.UID, "0123456789") != "": // A number counts users on one host.
		return entity.User(u.UID)
	case strings.EqualFold(u.Name, "root"):
		return model.Key{}, false
	}
	return entity.Identity(u.Name)
}

// key takes the types that mean something without the rest of the event. Who
// works on the finding has no part in it.
func (o observable) key() (model.Key, bool) {
	value := string(o.Value)
	if strings.HasPrefix(o.Name, "assign") {
		return model.Key{}, false
	}
	switch o.TypeID {
	case "1":
		return entity.Of(model.KindDevice, value)
	case "2":
		return entity.IP(value)
	case "4", "21":
		return entity.Identity(value)
	case "5":
		return entity.Of(model.KindMailbox, value)
	case "6", "23":
		return entity.URL(value)
	case "8":
		return digest(value)
	case "10":
		return entity.New(model.KindCloudResource, value)
	}
	return model.Key{}, false
}

// role follows from the name, which is the path to the value in the event, such
// as "evidences[].src_endpoint.ip".
func (o observable) role() model.Role {
	words := strings.FieldsFunc(strings.ToLower(o.Name), func(r rune) bool { return r < 'a' || r > 'z' })
	for _, word := range words {
		switch word {
		case "src", "source":
			return model.RoleSource
		case "dst", "destination":
			return model.RoleDestination
		}
	}
	return model.RoleUnknown
}
