package docs

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/testdata"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

// A failure is a message that docs/operating.md explains: the defect of the
// bundle, or the demand that it does not meet, and the check that fails.
type failure struct {
	id     check.ID
	image  string // of testdata; app:v1 if empty
	bundle func(testing.TB, []byte) []byte
	option func(*verify.Options)
	limits oci.Limits
}

var failures = map[string]failure{
	"damaged":        {id: check.BlobDigest, bundle: flipLayer},
	"truncated":      {id: check.ContainerTruncated, bundle: func(_ testing.TB, b []byte) []byte { return b[:20000] }},
	"appended":       {id: check.ContainerEnd, bundle: func(_ testing.TB, b []byte) []byte { return append(b, 0) }},
	"compressed":     {id: check.ContainerWrapper, bundle: gzipped},
	"unanchored":     {id: check.TrustUnanchored, option: func(o *verify.Options) { o.Keys = nil }},
	"wrong key":      {id: check.TrustKey, image: "wrongkey:v1"},
	"unknown log":    {id: check.TrustLog, option: func(o *verify.Options) { o.Logs = trust.BuiltinLogs() }},
	"not logged":     {id: check.RekorPresent, image: "notlog:v1"},
	"clock":          {id: check.RekorTime, option: slowClock},
	"unsigned":       {id: check.SignaturePresent, image: "unsigned:v1"},
	"mirror":         {id: check.SignatureReference, image: "mirror:v1"},
	"other identity": {id: check.CertIdentity, bundle: keyless, option: identity("dev@example.com")},
	"no certificate": {id: check.CertChain, bundle: keyed, option: identity("dev@lab.test")},
	"certificate":    {id: check.TrustKey, image: "keyless:v1"},
	"no proof":       {id: check.RekorInclusion, option: func(o *verify.Options) { o.RequireInclusion = true }},
	"attestation":    {id: check.PolicyAttestation, option: demandAttestation},
	"annotations":    {id: check.PolicyAnnotations, image: "wrongann:v1", option: demandAnnotation},
	"other digest":   {id: check.PolicyImage, image: "app:v2", option: pinDigest},
	"age":            {id: check.PolicyAge, option: threeMonthsLater},
	"platform":       {id: check.ManifestNarrowed, option: demandPlatform},
	"budget":         {id: check.LimitTotal, limits: oci.Limits{Total: 24 << 10}},
	"strict":         {id: check.PolicyUnbound, option: func(o *verify.Options) { o.Strict = true }},
}

// flipLayer changes one bit of the last entry, which is a layer.
func flipLayer(_ testing.TB, raw []byte) []byte {
	files := fixture.Files(raw)
	raw[bytes.LastIndex(raw, files[len(files)-1].Data)+20] ^= 1
	return raw
}

// pinDigest demands app:v2 with the digest of app:v1.
func pinDigest(o *verify.Options) {
	digest := fixture.NewRegistry().RootOf("app:v1")
	ref, err := oci.ParseReference(fixture.Host + "app:v2@" + string(digest))
	if err != nil {
		panic(err)
	}
	o.Images = []oci.Reference{ref}
}

// trusted replaces the anchors of o by those of the trusted root in testdata.
func trusted(o *verify.Options) {
	raw, err := testdata.FS.ReadFile("keys/trusted_root.json")
	if err != nil {
		panic(err)
	}
	root, err := trust.ParseTrustedRoot(raw)
	if err != nil {
		panic(err)
	}
	o.Logs, o.CAs, o.CTLogs, o.TSAs = root.Logs, root.CAs, root.CTLogs, root.TSAs
}

// identity demands a keyless signature instead of one by a key.
func identity(san string) func(*verify.Options) {
	return func(o *verify.Options) {
		trusted(o)
		o.Keys, o.Identities = nil, []*cert.Policy{{SAN: san, Issuer: "http://127.0.0.1:8888"}}
	}
}

// keyless returns a bundle with a keyless signature, and keyed one with a
// signature by a key. Neither carries a key.
func keyless(t testing.TB, _ []byte) []byte { return keyFree(t, "keyless:v1") }
func keyed(t testing.TB, _ []byte) []byte   { return keyFree(t, "bundle:v1") }

func keyFree(t testing.TB, image string) []byte {
	req := fixture.Request(t, image)
	req.Keys = nil
	return fixture.Export(t, fixture.NewRegistry(), req)
}

func slowClock(o *verify.Options) { setClock(o, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) }

func setClock(o *verify.Options, at time.Time) { o.At, o.HostTime = at, at }

func demandAnnotation(o *verify.Options) { o.Annotations = map[string]string{"repo": "acme/app"} }

// threeMonthsLater verifies three months later, and demands an age of one month.
func threeMonthsLater(o *verify.Options) {
	setClock(o, o.At.AddDate(0, 3, 0))
	o.MaxAge = 30 * 24 * time.Hour
}

func demandPlatform(o *verify.Options) {
	o.Platforms = []oci.Platform{{OS: "linux", Architecture: "arm64"}}
}

func demandAttestation(o *verify.Options) {
	o.Attestations = []verify.RequiredAttestation{
		{Name: "spdxjson", PredicateType: "https://spdx.dev/Document", Count: 1},
	}
}

func gzipped(t testing.TB, raw []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mirrored returns the registry, with app:v1 mirrored as mirror:v1.
func mirrored() *fixture.Registry {
	reg := fixture.NewRegistry()
	for name, d := range reg.Tags {
		if tag, ok := strings.CutPrefix(name, fixture.Host+"app:"); ok {
			reg.Tags[fixture.Host+"mirror:"+tag] = d
		}
	}
	return reg
}

func failureParts() map[string]func(testing.TB) string {
	parts := map[string]func(testing.TB) string{"verified": verified, "verified keyless": verifiedKeyless}
	for name, f := range failures {
		parts["failure "+name] = func(t testing.TB) string { return f.text(t, name) }
	}
	return parts
}

func verified(t testing.TB) string {
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), options(t))
	return fenced("", text(t, rep))
}

// verifiedKeyless returns the text report of a keyless signature, without the
// checks of the bundle.
func verifiedKeyless(t testing.TB) string {
	opt := options(t)
	identity("dev@lab.test")(&opt)
	rep := fixture.Verify(t, keyFree(t, "keyless:v1"), opt)
	story, _, ok := strings.Cut(text(t, rep), "The following checks were performed on the bundle")
	if !ok || rep.Verdict != check.Verified {
		t.Errorf("the keyless image is %s: %v", rep.Verdict, fixture.Failed(rep))
	}
	return fenced("", story)
}

// text returns the text report, beginning with the first failed check.
func (f failure) text(t testing.TB, name string) string {
	image := f.image
	if image == "" {
		image = "app:v1"
	}
	raw := slices.Clone(fixture.Export(t, mirrored(), fixture.Request(t, image)))
	if f.bundle != nil {
		raw = f.bundle(t, raw)
	}
	opt := options(t)
	if f.option != nil {
		f.option(&opt)
	}
	rep := fixture.Verify(t, raw, opt, f.limits)
	if rep.Verdict != check.Rejected || rep.Failures[0].ID != f.id {
		t.Errorf("%s: failed %v, want %s first", name, fixture.Failed(rep), f.id)
		return ""
	}
	_, story, ok := strings.Cut(text(t, rep), "FAILED ")
	if !ok {
		t.Errorf("%s: the text names no failure", name)
	}
	return fenced("", "FAILED "+story)
}

func text(t testing.TB, rep *verify.Report) string {
	var b bytes.Buffer
	if err := report.Text(&b, rep); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
