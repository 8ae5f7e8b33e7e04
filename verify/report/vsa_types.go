package report

import (
	"bytes"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
)

// The documents of a verification summary, with the members that SLSA v1.1 and
// in-toto name. Members of our own have URIs for names, as both allow.
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

// vsaSubjects are the images, each digest once. A name that something binds to
// the digest is the subject's; any other is told as the claim that it is, or who
// trusts the summary would trust the name.
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
	switch img.BoundBy {
	case "digest", "policy", "seal":
		return vsaDescriptor{Name: name, Digest: digest, Annotations: map[string]string{"boundBy": string(img.BoundBy)}}
	}
	return vsaDescriptor{Digest: digest, Annotations: map[string]string{"claimedReference": name, "boundBy": term.Shown(string(img.BoundBy))}}
}

// vsaPolicy names what was verified against: a policy file, by its digest in the
// URI too, since its path says nothing elsewhere. Without one these are the rules
// that every bundle has to meet, and what the command demanded.
func vsaPolicy(r *verify.Report) vsaDescriptor {
	if r.Policy == nil || niURI(r.Policy.Digest) == "" {
		return vsaDescriptor{URI: ownPolicy}
	}
	return vsaDescriptor{URI: niURI(r.Policy.Digest), Digest: digestSet(r.Policy.Digest)}
}

// digestSet writes a digest as in-toto does, nil if it is none.
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
