package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

const (
	// MaxResultBytes is what the kubelet keeps of a termination message; a
	// longer one arrives cut off.
	MaxResultBytes = 4096
	// MaxVerdicts is how many verdicts a step may give.
	MaxVerdicts = 32

	maxName    = 512
	maxMessage = 512
	maxUID     = 64
)

// Result is what a step answers, in its termination message.
type Result struct {
	Verdicts []Verdict `json:"verdicts"`
	Message  string    `json:"message"`
}

// Verdict is what a step found one entity to be.
type Verdict struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	UID     string `json:"uid,omitempty"`
}

var uidPattern = regexp.MustCompile(`^[A-Za-z0-9-]*$`)

// DecodeResult reads what a step answered. It takes nothing that is too long,
// unknown or misspelt: a result that is half understood would be half believed.
// Control characters in text are replaced.
func DecodeResult(raw string) (Result, error) {
	switch {
	case raw == "":
		return Result{}, errors.New("it is empty")
	case len(raw) > MaxResultBytes:
		return Result{}, fmt.Errorf("it is longer than %d bytes", MaxResultBytes)
	case !utf8.ValidString(raw):
		return Result{}, errors.New("it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(raw)))
	decoder.DisallowUnknownFields()
	var out Result
	if err := decoder.Decode(&out); err != nil {
		return Result{}, explain(raw, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Result{}, errors.New("something follows the JSON object")
	}
	return out.checked()
}

// explain says what is wrong without repeating the text, which nobody checked.
func explain(raw string, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(raw) == MaxResultBytes:
		return fmt.Errorf("it was cut off after %d bytes", MaxResultBytes)
	case errors.As(err, &syntax):
		return fmt.Errorf("it is not JSON, from byte %d on", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("a field has the wrong type, at byte %d", kind.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends in the middle")
	}
	return errors.New("it has a field that is not known")
}

func (r Result) checked() (Result, error) {
	if len(r.Verdicts) > MaxVerdicts {
		return Result{}, fmt.Errorf("verdicts: are %d, more than %d", len(r.Verdicts), MaxVerdicts)
	}
	if utf8.RuneCountInString(r.Message) > maxMessage {
		return Result{}, fmt.Errorf("message: is longer than %d characters", maxMessage)
	}
	r.Message = Printable(r.Message)
	for i := range r.Verdicts {
		if err := r.Verdicts[i].check(); err != nil {
			return Result{}, fmt.Errorf("verdicts[%d].%w", i, err)
		}
		r.Verdicts[i].Reason = Printable(r.Verdicts[i].Reason)
	}
	return r, nil
}

func (v Verdict) check() error {
	switch {
	case !knownKinds[model.EntityKind(v.Kind)]:
		return errors.New("kind: is not a kind of entity")
	case v.Name == "" || utf8.RuneCountInString(v.Name) > maxName:
		return fmt.Errorf("name: must have 1 to %d characters", maxName)
	case v.Name != Printable(v.Name):
		return errors.New("name: has control characters")
	case !knownVerdicts[model.Verdict(v.Verdict)]:
		return errors.New("verdict: must be Unknown, NoThreatsFound, Suspicious or Malicious")
	case utf8.RuneCountInString(v.Reason) > maxMessage:
		return fmt.Errorf("reason: is longer than %d characters", maxMessage)
	case len(v.UID) > maxUID || !uidPattern.MatchString(v.UID):
		return errors.New("uid: is not a UID")
	}
	return nil
}

var knownVerdicts = map[model.Verdict]bool{
	model.VerdictUnknown: true, model.VerdictNoThreatsFound: true, model.VerdictSuspicious: true, model.VerdictMalicious: true,
}

var knownKinds = map[model.EntityKind]bool{
	model.KindPod: true, model.KindWorkload: true, model.KindContainer: true, model.KindImage: true, model.KindNode: true,
	model.KindNamespace: true, model.KindServiceAccount: true, model.KindSecret: true, model.KindCluster: true,
	model.KindUser: true, model.KindDevice: true, model.KindMailbox: true, model.KindProcess: true, model.KindFile: true,
	model.KindIP: true, model.KindDomainName: true, model.KindURL: true, model.KindMailMessage: true, model.KindCloudResource: true,
}
