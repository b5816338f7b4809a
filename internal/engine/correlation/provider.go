package correlation

import "github.com/tocsin-dev/tocsin/internal/engine/model"

// kindProviderIncident lets the incidents that senders make be found like entities.
// It is no kind of the model, so that no alert can name an entity like one.
const kindProviderIncident model.EntityKind = "ProviderIncident"

// providerIncident is the incident that the sender put an alert into. It counts
// within one AlertSource: another sender's ids are others, and nobody reaches the
// alerts of another source by making up theirs.
func providerIncident(a *model.Alert) (model.Key, bool) {
	if a.Source == "" || a.ProviderIncident == "" {
		return model.Key{}, false
	}
	return model.Key{Kind: kindProviderIncident, Name: a.Source + "/" + a.ProviderIncident}, true
}

// maxProvided is how many alerts a sender's incident can have. No product puts
// more into one (Microsoft Sentinel: 150): an id that goes on takes no more.
const maxProvided = 150

// says is the evidence of what the sender has grouped: that is no coincidence,
// however long ago, so that it is worth what merges incidents, or nothing.
func (ent *entity) says() float64 {
	if ent.alerts >= maxProvided {
		return 0
	}
	return float64(ent.weight)
}
