package evidence

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
)

// The types of in-toto statements that are read.
const (
	StatementV01 = "https://in-toto.io/Statement/v0.1"
	StatementV1  = "https://in-toto.io/Statement/v1"
)

// Statement is an in-toto statement.
type Statement struct {
	Type          string // StatementV01 or StatementV1
	Subjects      []Subject
	PredicateType string
	Predicate     []byte // a JSON object as the statement holds it, nil if there is none
}

// Subject is one thing that a statement is about.
type Subject struct {
	Name        string
	Digest      oci.Digest                // empty if the statement gives no SHA-256 of it
	Annotations map[string]jsontext.Value // cosign's sign predicate keeps its annotations here
}

type statement struct {
	Type          string         `json:"_type"`
	Subject       []subject      `json:"subject"`
	PredicateType string         `json:"predicateType"`
	Predicate     jsontext.Value `json:"predicate"`
}

// subject is a ResourceDescriptor of in-toto attestations.
type subject struct {
	Name             string                    `json:"name"`
	URI              string                    `json:"uri"`
	Digest           map[string]string         `json:"digest"`
	Content          string                    `json:"content"`
	DownloadLocation string                    `json:"downloadLocation"`
	MediaType        string                    `json:"mediaType"`
	Annotations      map[string]jsontext.Value `json:"annotations"`
}

// ReadStatement reads an in-toto statement 0.1 or 1. It is what was signed, so names
// outside the predicate must be known, and none may occur twice anywhere. A SHA-256 must be
// lower-case hex; a subject that only has digests of other algorithms matches
// no image. The fault has the id limit.nesting or signature.claims.
func ReadStatement(raw []byte) (*Statement, *check.Fault) {
	var s statement
	if err := strict.UnmarshalKnown(raw, &s); err != nil {
		id := check.SignatureClaims
		if errors.Is(err, strict.ErrTooDeep) {
			id = check.LimitNesting
		}
		return nil, fault(id, "the in-toto statement: %v", err)
	}
	switch {
	case s.Type != StatementV01 && s.Type != StatementV1:
		return nil, &check.Fault{ID: check.SignatureClaims, Detail: "_type of the in-toto statement",
			Expected: StatementV1 + " or " + StatementV01, Found: check.Clip(s.Type)}
	case s.PredicateType == "":
		return nil, claimsFault("the in-toto statement has no predicateType")
	case s.Predicate != nil && s.Predicate.Kind() != '{':
		return nil, claimsFault("the predicate of the in-toto statement is not an object")
	}
	out := &Statement{Type: s.Type, PredicateType: s.PredicateType, Predicate: s.Predicate}
	for i, sub := range s.Subject {
		d, err := sha256Of(sub.Digest)
		if err != nil {
			return nil, claimsFault("subject %d of the in-toto statement: %v", i, err)
		}
		out.Subjects = append(out.Subjects, Subject{Name: sub.Name, Digest: d, Annotations: sub.Annotations})
	}
	return out, nil
}

func sha256Of(set map[string]string) (oci.Digest, error) {
	for name := range set {
		if name != "sha256" && strings.EqualFold(name, "sha256") {
			return "", fmt.Errorf("the digest %q: want the algorithm as sha256", check.Clip(name))
		}
	}
	value, ok := set["sha256"]
	if !ok {
		return "", nil
	}
	return oci.ParseDigest("sha256:" + value)
}

// About returns the subjects that are this image. There may be several, because
// some tools list an image once for each of its names.
func (s *Statement) About(image oci.Digest) []Subject {
	var found []Subject
	for _, sub := range s.Subjects {
		if image != "" && sub.Digest == image {
			found = append(found, sub)
		}
	}
	return found
}

// readStatement reads the payload and checks that it is about the image. A
// signature that names the image twice is refused, because it could carry two
// sets of annotations.
func (e *Evidence) readStatement(raw []byte) {
	s, f := ReadStatement(raw)
	if f != nil {
		e.problem(f)
		return
	}
	e.Statement = s
	switch n := len(s.About(e.Subject)); {
	case n == 0:
		e.problem(&check.Fault{ID: check.SignatureClaims, Detail: "the in-toto statement is about another image",
			Expected: string(e.Subject), Found: s.subjects()})
	case n > 1 && s.PredicateType == SignPredicate:
		e.problem(claimsFault("the signed statement names the image %d times, expected once", n))
	}
}

func (s *Statement) subjects() string {
	var first oci.Digest
	for _, sub := range s.Subjects {
		if sub.Digest != "" {
			first = sub.Digest
			break
		}
	}
	switch {
	case first == "":
		return fmt.Sprintf("%d subjects, none with a SHA-256", len(s.Subjects))
	case len(s.Subjects) == 1:
		return string(first)
	}
	return fmt.Sprintf("%s and others, %d subjects in all", first, len(s.Subjects))
}

// ReadEnvelope reads a DSSE envelope of an in-toto statement, stored as
// application/vnd.dsse.envelope.v1+json. The fault has the id limit.evidence
// for one over [MaxSize], signature.claims for another type of payload, and
// signature.encoding otherwise, including for two signatures.
func ReadEnvelope(raw []byte) (*dsse.Envelope, *check.Fault) {
	if f := tooLarge("the DSSE envelope", raw); f != nil {
		return nil, f
	}
	env, err := dsse.ParseEnvelope(raw)
	switch {
	case errors.Is(err, check.ErrTooLarge):
		return nil, fault(check.LimitEvidence, "the %v", err)
	case err != nil:
		return nil, encodingFault("the %v", err)
	}
	if f := checkPayloadType(env.PayloadType); f != nil {
		return nil, f
	}
	return env, nil
}

// readProtoEnvelope reads the DSSE envelope of a Sigstore bundle.
func readProtoEnvelope(pb *dssepb.Envelope) (*dsse.Envelope, *check.Fault) {
	if n := len(pb.GetSignatures()); n != 1 {
		return nil, encodingFault("the DSSE envelope has %d signatures, expected exactly one", n)
	}
	if f := checkPayloadType(pb.GetPayloadType()); f != nil {
		return nil, f
	}
	sig := pb.GetSignatures()[0]
	if len(sig.GetSig()) == 0 || len(pb.GetPayload()) == 0 {
		return nil, encodingFault("the DSSE envelope has no payload or an empty signature")
	}
	return &dsse.Envelope{
		PayloadType: pb.GetPayloadType(),
		Payload:     pb.GetPayload(),
		KeyID:       sig.GetKeyid(),
		Signature:   sig.GetSig(),
	}, nil
}

func checkPayloadType(found string) *check.Fault {
	if found == oci.TypeInToto {
		return nil
	}
	return &check.Fault{ID: check.SignatureClaims, Detail: "the payload type of the DSSE envelope",
		Expected: oci.TypeInToto, Found: check.Clip(found)}
}

func (e *Evidence) readEnvelope(raw []byte) {
	env, f := ReadEnvelope(raw)
	if f != nil {
		e.problem(f)
		return
	}
	e.takeEnvelope(env)
}

// takeEnvelope fills e from an envelope and the statement in it.
func (e *Evidence) takeEnvelope(env *dsse.Envelope) {
	e.Envelope = env
	e.Message = env.PAE()
	e.Signature = env.Signature
	e.Payload = env.Payload
	if e.Hint == "" {
		e.Hint = env.KeyID
	}
	e.readStatement(env.Payload)
}

// SignPredicate is the predicate type of cosign's signatures. A statement of
// this type is a signature; one of any other type is an attestation.
const SignPredicate = "https://sigstore.dev/cosign/sign/v1"

// predicates are the short names that cosign gives to predicate types.
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

// PredicateURI returns the predicate type that an operator means by one of
// cosign's short names (slsaprovenance, spdxjson, vuln and so on) or by the
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
