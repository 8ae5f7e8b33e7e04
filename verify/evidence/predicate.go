package evidence

import "net/url"

// SignPredicate is the predicate of cosign's signatures. It alone makes a
// statement a signature; every other one is an attestation.
const SignPredicate = "https://sigstore.dev/cosign/sign/v1"

// predicates are the short names that cosign's flag --type knows.
var predicates = map[string]string{
	"custom":           "https://cosign.sigstore.dev/attestation/v1",
	"slsaprovenance":   "https://slsa.dev/provenance/v0.2",
	"slsaprovenance02": "https://slsa.dev/provenance/v0.2",
	"slsaprovenance1":  "https://slsa.dev/provenance/v1",
	"spdx":             "https://spdx.dev/Document",
	"spdxjson":         "https://spdx.dev/Document",
	"cyclonedx":        "https://cyclonedx.org/bom",
	"link":             "https://in-toto.io/Link/v1",
	"vuln":             "https://cosign.sigstore.dev/attestation/vuln/v1",
	"openvex":          "https://openvex.dev/ns",
}

// PredicateURI returns the predicate type that an operator means: by one of
// cosign's short names (slsaprovenance, spdxjson, vuln and so on), or by the
// absolute URI itself. ok is false for anything else.
func PredicateURI(name string) (uri string, ok bool) {
	if uri, ok := predicates[name]; ok {
		return uri, true
	}
	u, err := url.Parse(name)
	if err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "" {
		return "", false
	}
	return name, true
}
