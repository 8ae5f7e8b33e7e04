package report

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// The types of a verification summary: that of the in-toto statement, and that
// of its predicate.
const (
	typeStatement = "https://in-toto.io/Statement/v1"
	typeVSA       = "https://slsa.dev/verification_summary/v1"
)

// verifierID names gapseal, and its own rules where no policy file was given.
const (
	verifierID  = "https://github.com/gapseal/gapseal"
	ownPolicy   = verifierID + "/blob/main/docs/checks.md"
	slsaVersion = "1.1"
)

// The levels a summary may tell. gapseal proves who signed what, and does not
// evaluate how it was built.
const (
	levelUnevaluated = "SLSA_BUILD_LEVEL_UNEVALUATED"
	levelFailed      = "FAILED"
)

var errNothingNamed = errors.New("a verification summary needs something to be about, and the bundle has no readable image, no index.json, and no file digest; verify with --file-digest")

// VSA writes the statement of [Summary] and a line break.
func VSA(w io.Writer, r *verify.Report) error {
	statement, err := Summary(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(statement, '\n'))
	return err
}

// Summary returns the report as an in-toto Statement v1 with a SLSA Verification
// Summary v1 for predicate, as JSON to be signed. Its subjects are the images by
// digest; of a bundle in which none can be read, the bundle. Its resource is the
// bundle, as an ni URI (RFC 6920) of its identity. The error says that neither
// has a digest in the report.
func Summary(r *verify.Report) ([]byte, error) {
	p := vsaPredicate{
		Verifier:   vsaVerifier{ID: verifierID, Version: map[string]string{term.Shown(r.Tool.Name): term.Shown(r.Tool.Version)}},
		Time:       verifiedAt(r).UTC().Format(time.RFC3339),
		Resource:   niURI(string(resource(r))),
		Policy:     vsaPolicy(r),
		Inputs:     inputAttestations(r),
		Result:     "FAILED",
		Levels:     []string{levelFailed},
		SLSA:       slsaVersion,
		Waivers:    shownAll(r.Waivers),
		ToolDigest: digestSet(string(r.Tool.Digest)),
	}
	if r.Transfer != nil {
		p.Transfer = term.Shown(string(r.Transfer.ID))
	}
	if r.Verdict == check.Verified {
		p.Result, p.Levels = "PASSED", []string{levelUnevaluated}
	}
	s := vsaStatement{Type: typeStatement, Subject: vsaSubjects(r), PredicateType: typeVSA, Predicate: p}
	if len(s.Subject) == 0 || p.Resource == "" {
		return nil, errNothingNamed
	}
	return compact(s)
}

// verifiedAt is when the verification took place: what the host's clock said,
// whatever was judged at.
func verifiedAt(r *verify.Report) time.Time {
	if r.Clock.Host.IsZero() {
		return r.VerifiedAt
	}
	return r.Clock.Host
}

// resource is the digest that stands for the bundle: its identity, or that of
// the file where it has none.
func resource(r *verify.Report) verify.Text {
	if _, ok := hexDigest(string(r.Bundle.Identity)); ok {
		return r.Bundle.Identity
	}
	return r.Bundle.FileDigest
}

// niURI names content by its digest (RFC 6920); it is empty for what is none.
func niURI(digest string) string {
	digits, ok := hexDigest(digest)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return ""
	}
	return "ni:///sha-256;" + base64.RawURLEncoding.EncodeToString(raw)
}

// inputAttestations lists all evidence that was judged, each piece by the digest
// of the manifest that stores it.
func inputAttestations(r *verify.Report) []vsaDescriptor {
	list := []vsaDescriptor{}
	for i := range r.Images {
		for _, ev := range r.Images[i].Evidence {
			if d := digestSet(ev.Digest); ev.Judged && d != nil {
				list = append(list, vsaDescriptor{Digest: d})
			}
		}
	}
	order := func(a, b vsaDescriptor) int { return strings.Compare(a.Digest["sha256"], b.Digest["sha256"]) }
	slices.SortFunc(list, order)
	return slices.CompactFunc(list, func(a, b vsaDescriptor) bool { return order(a, b) == 0 })
}
