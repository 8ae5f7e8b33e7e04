package evidence

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
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
	Predicate     []byte // a JSON object as it stands in the statement, nil if there is none
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

// ReadStatement reads an in-toto statement 0.1 or 1. Names outside the
// predicate must be known, and none may stand twice anywhere. A SHA-256 must be
// lower-case hex; a subject with digests of other algorithms alone matches no
// image. The fault is limit.nesting or signature.claims.
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
			Expected: StatementV1 + " or " + StatementV01, Found: clip(s.Type)}
	case s.PredicateType == "":
		return nil, claimsFault("the in-toto statement has no predicateType")
	case s.Predicate != nil && s.Predicate.Kind() != '{':
		return nil, claimsFault("the predicate of the in-toto statement is no object")
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
			return "", fmt.Errorf("the digest %q: want the algorithm as sha256", clip(name))
		}
	}
	value, ok := set["sha256"]
	if !ok {
		return "", nil
	}
	return oci.ParseDigest("sha256:" + value)
}

// About returns the subjects that are this image. There may be several: some
// tools list an image once for each of its names.
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
// signature that names the image twice could carry two sets of annotations.
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
