package microsoftgraph

import (
	"cmp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// evidence is any of the types of evidence of Graph, and of entities and devices
// of Defender XDR. What one is shows in the members that it has; only those of
// Kubernetes share theirs, and are told apart by type.
type evidence struct {
	Type       string              `json:"@odata.type"`
	EntityType string              `json:"entityType"`
	Roles      decode.List[string] `json:"roles"`
	device
	mail
	file // Defender XDR writes what a file is beside what a user is.
	account
	object
	container
	image
	UserAccount account `json:"userAccount"`
	FileDetails file    `json:"fileDetails"`
	ImageFile   file    `json:"imageFile"`
	Pod         object  `json:"pod"`
	IPAddress   string  `json:"ipAddress"`
	URL         string  `json:"url"`
	// What a cloud calls a resource.
	ResourceID       string `json:"resourceId"`
	AmazonResourceID string `json:"amazonResourceId"`
	FullResourceName string `json:"fullResourceName"`
}

type device struct {
	MDEDeviceID   string `json:"mdeDeviceId"`
	MDATPDeviceID string `json:"mdatpDeviceId"`
	DeviceID      string `json:"deviceId"`
	DeviceDNSName string `json:"deviceDnsName"`
	VM            struct {
		ResourceID string `json:"resourceId"`
	} `json:"vmMetadata"`
}

type account struct {
	AccountName       string `json:"accountName"`
	DomainName        string `json:"domainName"`
	UserSID           string `json:"userSid"`
	UserPrincipalName string `json:"userPrincipalName"`
}

type mail struct {
	PrimaryAddress        string              `json:"primaryAddress"`
	MailboxAddress        string              `json:"mailboxAddress"`
	NetworkMessageID      string              `json:"networkMessageId"`
	Sender                string              `json:"sender"`
	Recipient             string              `json:"recipient"`
	RecipientEmailAddress string              `json:"recipientEmailAddress"`
	Subject               string              `json:"subject"`
	SenderIP              string              `json:"senderIp"`
	URLs                  decode.List[string] `json:"urls"`
}

type file struct {
	SHA256   string `json:"sha256"`
	SHA1     string `json:"sha1"`
	FileName string `json:"fileName"`
	FilePath string `json:"filePath"`
}

// object is one of Kubernetes: a pod, or what a pod belongs to.
type object struct {
	Name       string `json:"name"`
	Namespace  named  `json:"namespace"`
	Controller struct {
		Kind string `json:"type"`
		Name string `json:"name"`
	} `json:"controller"`
	ServiceAccount named                  `json:"serviceAccount"`
	Containers     decode.List[container] `json:"containers"`
	// Kind is the type of a controller.
	Kind string `json:"type"`
}

type named struct {
	Name string `json:"name"`
}

type container struct {
	ContainerID string `json:"containerId"`
	Image       image  `json:"image"`
}

type image struct {
	ImageID     string `json:"imageId"`
	DigestImage struct {
		ImageID string `json:"imageId"`
	} `json:"digestImage"`
}

// entities names what an alert speaks of, in the order of the sender.
func (a alert) entities() []model.Entity {
	all := append(append(a.Devices, a.Evidence...), a.Entities...)
	hosts := map[string]string{}
	for _, e := range all {
		if id := e.device.id(); id != "" && e.DeviceDNSName != "" {
			hosts[id] = strings.ToLower(e.DeviceDNSName)
		}
	}
	var list entity.List
	for _, e := range all {
		// Files and processes know only the id of the device that they are on.
		host := cmp.Or(hosts[e.device.id()], e.device.id())
		e.add(adder{&list, e.role()}, host)
	}
	return list.Items()
}

// adder adds entities that play one role.
type adder struct {
	list *entity.List
	role model.Role
}

func (a adder) add(key model.Key, ok bool) { a.list.Add(a.role)(key, ok) }

// as returns an adder for what plays another role.
func (a adder) as(role model.Role) adder { return adder{a.list, role} }

var roles = func() map[string]model.Role {
	byName := map[string]model.Role{}
	for _, role := range []model.Role{
		model.RoleContextual, model.RoleScanned, model.RoleSource, model.RoleDestination, model.RoleCreated,
		model.RoleAdded, model.RoleCompromised, model.RoleEdited, model.RoleAttacked, model.RoleAttacker,
		model.RoleCommandAndControl, model.RoleLoaded, model.RoleSuspicious, model.RolePolicyViolator,
	} {
		byName[strings.ToLower(string(role))] = role
	}
	return byName
}()

// role is the first that says something.
func (e evidence) role() model.Role {
	for _, name := range e.Roles {
		if role := roles[strings.ToLower(name)]; role != "" {
			return role
		}
	}
	return model.RoleUnknown
}

func (e evidence) add(to adder, host string) {
	to.add(entity.Of(model.KindDevice, e.DeviceDNSName))
	if e.DeviceDNSName == "" && e.isDevice() {
		to.add(entity.Of(model.KindDevice, e.device.id()))
	}
	to.as(model.RoleContextual).add(cloudResource(e.VM.ResourceID))
	e.addKubernetes(to)
	to.add(e.account.key())
	to.add(e.UserAccount.key())
	e.mail.add(to)
	to.add(entity.Scoped(model.KindProcess, host, e.program().path()))
	for _, f := range []file{e.file, e.FileDetails, e.ImageFile} {
		to.add(f.key(host))
	}
	to.add(entity.IP(e.IPAddress))
	to.add(webAddress(e.URL))
	to.add(cloudResource(cmp.Or(e.ResourceID, e.AmazonResourceID, e.FullResourceName)))
}

// id is the device's own, by whichever name.
func (d device) id() string {
	return strings.ToLower(cmp.Or(d.MDEDeviceID, d.MDATPDeviceID, d.DeviceID))
}

// isDevice tells a device from what is on one.
func (e evidence) isDevice() bool {
	return e.kind() == "device" || e.MDATPDeviceID != ""
}

// program is the file that a process runs.
func (e evidence) program() file {
	if e.kind() == "process" && e.ImageFile == (file{}) {
		return e.file
	}
	return e.ImageFile
}

// kind is the type without what surrounds it: "#microsoft.graph.security.ipEvidence" is "ip".
func (e evidence) kind() string {
	kind := strings.ToLower(cmp.Or(e.Type, e.EntityType))
	return strings.TrimSuffix(kind[strings.LastIndexByte(kind, '.')+1:], "evidence")
}

// key is the name to log in with, else the name in the domain, else the SID.
// Users that every host has tell nothing apart, by whichever name.
func (a account) key() (model.Key, bool) {
	switch {
	case a.UserPrincipalName != "":
		return entity.User(strings.ToLower(a.UserPrincipalName))
	case a.AccountName != "" && a.DomainName != "":
		if strings.EqualFold(a.DomainName, "NT AUTHORITY") {
			return model.Key{}, false
		}
		return entity.LocalUser(a.DomainName, strings.ToLower(a.AccountName))
	case strings.HasPrefix(a.UserSID, "S-1-5-21-"): // An account of a domain or a host.
		return entity.User(a.UserSID)
	}
	return model.Key{}, false
}

func (m mail) add(to adder) {
	to.add(entity.Of(model.KindMailbox, cmp.Or(m.PrimaryAddress, m.MailboxAddress)))
	to.add(m.key())
	to.as(model.RoleAttacked).add(entity.Of(model.KindMailbox, cmp.Or(m.RecipientEmailAddress, m.Recipient)))
	to.as(model.RoleSource).add(entity.IP(m.SenderIP))
	for _, address := range m.URLs {
		to.as(model.RoleSuspicious).add(webAddress(address))
	}
}

// key is the id that the message has in all mailboxes, else what tells it apart.
func (m mail) key() (model.Key, bool) {
	if m.NetworkMessageID != "" {
		return entity.New(model.KindMailMessage, strings.ToLower(m.NetworkMessageID))
	}
	if m.Sender == "" || m.Subject == "" {
		return model.Key{}, false
	}
	return entity.New(model.KindMailMessage, strings.ToLower(m.Sender)+" "+strings.ToLower(m.Recipient)+" "+m.Subject)
}

// path joins folder and name as Windows or Unix would.
func (f file) path() string {
	separator := `\`
	if strings.HasPrefix(f.FilePath, "/") {
		separator = "/"
	}
	if f.FilePath == "" || f.FileName == "" || strings.HasSuffix(f.FilePath, separator+f.FileName) {
		return cmp.Or(f.FilePath, f.FileName)
	}
	return strings.TrimSuffix(f.FilePath, separator) + separator + f.FileName
}

// key is the content, which is the same everywhere, else the place.
func (f file) key(host string) (model.Key, bool) {
	switch {
	case len(f.SHA256) == 64:
		return entity.New(model.KindFile, "sha256:"+strings.ToLower(f.SHA256))
	case len(f.SHA1) == 40:
		return entity.New(model.KindFile, "sha1:"+strings.ToLower(f.SHA1))
	}
	return entity.Scoped(model.KindFile, host, f.path())
}

// webAddress is a URL, or the domain where it is only that.
func webAddress(address string) (model.Key, bool) {
	if key, ok := entity.URL(address); ok {
		return key, ok
	}
	return entity.Domain(address)
}

// cloudResource folds the case of ids of Azure, which means nothing there.
func cloudResource(id string) (model.Key, bool) {
	if strings.HasPrefix(id, "/") {
		id = strings.ToLower(id)
	}
	return entity.New(model.KindCloudResource, id)
}

// addKubernetes adds a container, an image, or an object of Kubernetes.
func (e evidence) addKubernetes(to adder) {
	switch kind := e.kind(); kind {
	case "kubernetespod":
		e.object.add(to)
	case "kubernetescluster":
		to.add(entity.New(model.KindCluster, e.Name))
	case "kubernetescontroller":
		to.add(entity.Object(e.Kind, e.Namespace.Name, e.Name))
	case "kubernetesnamespace", "kubernetessecret", "kubernetesserviceaccount":
		to.add(entity.Object(strings.TrimPrefix(kind, "kubernetes"), e.Namespace.Name, e.Name))
	case "containerimage":
		to.add(e.image.key())
	}
	e.container.add(to)
	e.Pod.add(to)
}

func (o object) add(to adder) {
	to.add(entity.Pod(o.Namespace.Name, o.Name))
	to.add(entity.Object(o.Controller.Kind, o.Namespace.Name, o.Controller.Name))
	if o.ServiceAccount.Name != "default" { // Every pod without one has "default".
		to.as(model.RoleContextual).add(entity.ServiceAccount(o.Namespace.Name, o.ServiceAccount.Name))
	}
	for _, c := range o.Containers {
		c.add(to)
	}
}

func (c container) add(to adder) {
	to.add(entity.Container(c.ContainerID))
	to.as(model.RoleContextual).add(c.Image.key())
}

// key is the digest, where the sender knows the image under both names.
func (i image) key() (model.Key, bool) {
	return entity.ImageReference(cmp.Or(i.DigestImage.ImageID, i.ImageID))
}
