package report

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
)

// The types of a verification summary: that of the in-toto statement and that of
// its predicate.
const (
	typeStatement = "https://in-toto.io/Statement/v1"
	typeVSA       = "https://slsa.dev/verification_summary/v1"
)

// verifierID names gapseal, ownPolicy its rules for a run without a policy file.
const (
	verifierID  = "https://github.com/gapseal/gapseal"
	ownPolicy   = verifierID + "/blob/main/docs/checks.md"
	slsaVersion = "1.1"
)

// The levels that a summary may give. gapseal proves who signed what; it does not
// evaluate how something was built.
const (
	levelUnevaluated = "SLSA_BUILD_LEVEL_UNEVALUATED"
	levelFailed      = "FAILED"
)

var errNoSubject = errors.New("a verification summary needs a subject, and the report has no image, no identity, " +
	"and no SHA-256 of the bundle file")

// VSA writes the statement of [Summary] and a line break.
func VSA(w io.Writer, r *verify.Report) error {
	statement, err := Summary(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(statement, '\n'))
	return err
}

// SignVSA writes the statement of [Summary] in a DSSE envelope signed by a key.
// The error is that of [Summary] or [dsse.Sign], or w's.
func SignVSA(w io.Writer, r *verify.Report, by *dsse.Signer) error {
	statement, err := Summary(r)
	if err != nil {
		return err
	}
	raw, err := dsse.Sign(oci.TypeInToto, statement, by)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

// Summary returns the report as JSON to be signed: an in-toto Statement v1 whose
// predicate is a SLSA Verification Summary v1. Its subjects are the images by
// digest or, if no image of the bundle can be read, the bundle. Its resource is
// the bundle, as an ni URI (RFC 6920) of its identity or, if it has none, of its
// file digest. It returns an error if the report has neither.
func Summary(r *verify.Report) ([]byte, error) {
	version := map[string]string{term.Shown(r.Tool.Name): term.Shown(r.Tool.Version)}
	p := vsaPredicate{
		Verifier:   vsaVerifier{ID: verifierID, Version: version},
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
		return nil, errNoSubject
	}
	return compact(s)
}

// verifiedAt returns when the verification took place, by the host's clock. The
// bundle may have been judged as of another time.
func verifiedAt(r *verify.Report) time.Time {
	if r.Clock.Host.IsZero() {
		return r.VerifiedAt
	}
	return r.Clock.Host
}

// resource returns the digest that stands for the bundle: its identity, or that
// of the file if it has none.
func resource(r *verify.Report) verify.Text {
	if _, ok := hexDigest(string(r.Bundle.Identity)); ok {
		return r.Bundle.Identity
	}
	return r.Bundle.FileDigest
}

// niURI names content by its SHA-256 digest (RFC 6920). It returns "" for anything
// else.
func niURI(digest string) string {
	digits, ok := hexDigest(digest)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return ""
	}
	return "ni:///sha-256;" + base64.RawURLEncoding.EncodeToString(raw)
}

// inputAttestations lists the evidence that was judged, each piece by the digest
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

// The parts of a verification summary, with the members that SLSA v1.1 and in-toto
// define. The names of gapseal's own members are URIs, as both allow.
type (
	vsaStatement struct {
		Type          string          `json:"_type"`
		Subject       []vsaDescriptor `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     vsaPredicate    `json:"predicate"`
	}
	vsaDescriptor struct {
		Name        string            `json:"name,omitempty"`
		URI         string            `json:"uri,omitempty"`
		Digest      map[string]string `json:"digest,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	vsaVerifier struct {
		ID      string            `json:"id"`
		Version map[string]string `json:"version"`
	}
	vsaPredicate struct {
		Verifier   vsaVerifier       `json:"verifier"`
		Time       string            `json:"timeVerified"`
		Resource   string            `json:"resourceUri"`
		Policy     vsaDescriptor     `json:"policy"`
		Inputs     []vsaDescriptor   `json:"inputAttestations"`
		Result     string            `json:"verificationResult"`
		Levels     []string          `json:"verifiedLevels"`
		SLSA       string            `json:"slsaVersion"`
		Waivers    []string          `json:"https://github.com/gapseal/gapseal/waivers,omitempty"`
		Transfer   string            `json:"https://github.com/gapseal/gapseal/transfer,omitempty"` // id of the record
		ToolDigest map[string]string `json:"https://github.com/gapseal/gapseal/toolDigest,omitempty"`
	}
)

// vsaSubjects returns the images, each under each of its names. A name that
// something binds to the digest is the name of the subject. Any other is given as
// a claim: otherwise anyone who trusts the summary would trust the name.
func vsaSubjects(r *verify.Report) []vsaDescriptor {
	var list []vsaDescriptor
	seen := map[string]bool{}
	for i := range r.Images {
		img := &r.Images[i]
		d := digestSet(img.Digest)
		if key := img.Digest + " " + img.ClaimedReference; d != nil && !seen[key] {
			seen[key] = true
			list = append(list, vsaSubject(img, d))
		}
	}
	if d := digestSet(string(resource(r))); len(list) == 0 && d != nil {
		list = append(list, vsaDescriptor{Name: "bundle", Digest: d})
	}
	return list
}

func vsaSubject(img *verify.Image, digest map[string]string) vsaDescriptor {
	name := term.Shown(img.ClaimedReference)
	notes := map[string]string{
		"boundBy": term.Shown(string(img.BoundBy)), "vouchedBy": term.Shown(string(img.VouchedBy)),
	}
	switch img.BoundBy {
	case check.BoundByDigest, check.BoundByPolicy, check.BoundByLock, check.BoundBySeal:
		return vsaDescriptor{Name: name, Digest: digest, Annotations: notes}
	}
	notes["claimedReference"] = name
	return vsaDescriptor{Digest: digest, Annotations: notes}
}

// vsaPolicy names what was verified against. For a policy file the URI is made of
// its digest, since its path means nothing on another host. Without a policy file
// these are the rules that every bundle has to meet, and what the command
// demanded.
func vsaPolicy(r *verify.Report) vsaDescriptor {
	if r.Policy == nil || niURI(r.Policy.Digest) == "" {
		return vsaDescriptor{URI: ownPolicy}
	}
	return vsaDescriptor{URI: niURI(r.Policy.Digest), Digest: digestSet(r.Policy.Digest)}
}

// digestSet writes a digest as in-toto does. It returns nil for anything else.
func digestSet(digest string) map[string]string {
	if digits, ok := hexDigest(digest); ok {
		return map[string]string{"sha256": digits}
	}
	return nil
}

// compact returns v as JSON in one line that is safe to show.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := encode(&b, v, ""); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
