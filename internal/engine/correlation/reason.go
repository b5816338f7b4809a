package correlation

import (
	"cmp"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// reasonFor names the tie that sharing an entity of a kind makes.
func reasonFor(kind model.EntityKind) string {
	switch kind {
	case model.KindFile:
		return LinkSameFile
	case model.KindURL:
		return LinkSameURL
	case model.KindIP, model.KindDomainName:
		return LinkSameAddress
	case model.KindProcess:
		return LinkSameProcess
	case model.KindMailMessage:
		return LinkSameMailMessage
	case model.KindImage:
		return LinkSameImage
	case model.KindUser, model.KindServiceAccount, model.KindMailbox:
		return LinkSameAccount
	case kindProviderIncident:
		return LinkSameProviderIncident
	}
	return LinkSameAsset
}

// linkReason is the reason of a link as a number, zero where there is no link.
type linkReason uint8

var linkReasons = [...]string{
	"", LinkSameFile, LinkSameURL, LinkSameAsset, LinkSameAddress, LinkSameAccount, LinkSameProcess, LinkSameImage,
	LinkSameMailMessage, LinkProximateTime, LinkRoutine, LinkManualAssociation, LinkSameProviderIncident,
}

func linkReasonOf(reason string) linkReason {
	return linkReason(max(slices.Index(linkReasons[:], reason), 0))
}

func sortLinks(links []Link) {
	slices.SortFunc(links, func(a, b Link) int {
		return cmp.Or(-cmp.Compare(a.Weight, b.Weight), a.Entity.Compare(b.Entity))
	})
}

// nothingSaid is what people say of most incidents.
var nothingSaid IncidentFacts

func (i *incident) said() *IncidentFacts {
	if i.facts == nil {
		return &nothingSaid
	}
	return i.facts
}

func (i *incident) resolved() bool { return i.facts != nil && i.facts.Resolved }
