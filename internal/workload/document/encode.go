package document

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// shortest is how far reasons are shortened before verdicts are left out.
const shortest = 40

// EncodeResult writes a result that fits a termination message: reasons are
// shortened first, then the mildest verdicts are left out, and the message says
// how many.
func EncodeResult(r Result) ([]byte, error) {
	r.Verdicts = slices.Clone(r.Verdicts)
	slices.SortStableFunc(r.Verdicts, func(a, b Verdict) int {
		switch {
		case model.Verdict(a.Verdict).Worse(model.Verdict(b.Verdict)):
			return -1
		case model.Verdict(b.Verdict).Worse(model.Verdict(a.Verdict)):
			return 1
		}
		return 0
	})
	total, message := len(r.Verdicts), Truncate(Printable(r.Message), maxMessage/2)
	r.Verdicts = r.Verdicts[:min(total, MaxVerdicts)]
	for limit := maxMessage; ; {
		r.Message = message
		if kept := len(r.Verdicts); kept < total {
			r.Message += fmt.Sprintf(" (%d of %d verdicts are told)", kept, total)
		}
		raw, err := json.Marshal(r.shortened(limit))
		if err != nil {
			return nil, fmt.Errorf("encoding result: %w", err)
		}
		switch {
		// One byte less than the limit: a message of exactly that length looks cut off.
		case len(raw) < MaxResultBytes:
			return raw, nil
		case limit > shortest:
			limit = limit * 3 / 4
		case len(r.Verdicts) > 0:
			r.Verdicts = r.Verdicts[:len(r.Verdicts)-1]
		default:
			return nil, fmt.Errorf("encoding result: the message alone takes %d bytes", len(raw))
		}
	}
}

func (r Result) shortened(limit int) Result {
	verdicts := make([]Verdict, 0, len(r.Verdicts))
	for _, v := range r.Verdicts {
		v.Reason = Truncate(Printable(v.Reason), limit)
		verdicts = append(verdicts, v)
	}
	r.Verdicts = verdicts
	return r
}
