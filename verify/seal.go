package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/seal"
	"github.com/gapseal/gapseal/verify/trust"
)

// sealed judges the seal. The report shows a seal only if a pinned key made it over
// this inventory. Such a seal proves that nothing was added, removed or exchanged
// after sealing, and its holder vouches for the references.
func (s *session) sealed() {
	if len(s.opt.SealKeys) == 0 {
		if s.c.Sealed {
			s.fault(bundleWide, check.Fault{ID: check.PolicySealNotJudged, Warn: true,
				Detail: "the bundle has a seal, and no seal key is pinned: it was not judged and proves nothing here"})
		}
		return
	}
	if f := s.judgeSeal(); f != nil {
		f.ID, f.Subject = check.PolicySeal, string(s.c.Manifest)
		s.fault(bundleWide, *f)
		return
	}
	sealed := s.rep.Seal
	s.pass(bundleWide, check.Fault{ID: check.PolicySeal, Subject: sealed.Inventory, Found: sealed.Key,
		Detail: fmt.Sprintf("sealed as number %d of the stream %s", sealed.Serial, sealed.Stream)})
}

func (s *session) judgeSeal() *check.Fault {
	switch {
	case !s.c.Sealed:
		return &check.Fault{Detail: "the bundle has no seal, and one was demanded",
			Expected: "a seal by " + s.sealers(), Found: "none"}
	case s.c.Seal == nil:
		return &check.Fault{Detail: "the bundle has a seal, but it cannot be read"}
	}
	sealed, key, err := seal.Open(s.c.Seal, s.opt.SealKeys)
	if err != nil {
		return s.sealFault(err)
	}
	if sealed.Inventory != s.c.Manifest {
		return &check.Fault{Detail: "the seal is for another inventory: something was added, removed or exchanged " +
			"after the bundle was sealed, or the seal was taken from another bundle",
			Expected: string(s.c.Manifest), Found: string(sealed.Inventory)}
	}
	if f := s.sealAllowed(sealed, key); f != nil {
		return f
	}
	s.rep.Seal = &Seal{Key: key.Fingerprint(), Stream: sealed.Stream, Serial: sealed.Serial,
		ExportedAt: sealed.ExportedAt, Inventory: string(sealed.Inventory)}
	return nil
}

// sealAllowed asks whether the stream of a seal is the one demanded, and whether
// the policy denies its key.
func (s *session) sealAllowed(said *seal.Statement, by *trust.Key) *check.Fault {
	streams := []string{s.opt.SealStream}
	if p := s.opt.Policy; p != nil {
		streams = append(streams, p.SealStream)
		if slices.Contains(p.Deny.Keys, by.Fingerprint()) {
			return &check.Fault{Detail: "the policy denies the key that sealed the bundle", Found: by.Fingerprint()}
		}
	}
	for _, want := range streams {
		if want != "" && want != said.Stream {
			return &check.Fault{Detail: "the bundle was sealed for another stream", Expected: want, Found: said.Stream}
		}
	}
	return nil
}

// sealFault says what is wrong with the envelope of a seal.
func (s *session) sealFault(err error) *check.Fault {
	var (
		wrongType *dsse.TypeError
		wrongKey  *dsse.KeyError
	)
	switch {
	case errors.As(err, &wrongType):
		return &check.Fault{Detail: "the envelope is not a seal but holds another kind of statement",
			Expected: wrongType.Want, Found: wrongType.Found}
	case errors.As(err, &wrongKey):
		return &check.Fault{Detail: "the seal names a key that is not pinned",
			Expected: s.sealers(), Found: wrongKey.Found}
	}
	return &check.Fault{Detail: "the seal is not valid: " + check.Clip(err.Error()),
		Expected: "a seal by " + s.sealers()}
}

// sealers lists the pinned seal keys.
func (s *session) sealers() string {
	names := make([]string, len(s.opt.SealKeys))
	for i, k := range s.opt.SealKeys {
		names[i] = k.Fingerprint()
	}
	return strings.Join(names, " or ")
}
