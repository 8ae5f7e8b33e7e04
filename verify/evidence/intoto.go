package evidence

import (
	"maps"
	"slices"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// annotationInToto names the predicate type on a layer, as BuildKit writes it.
const annotationInToto = "in-toto.io/predicate-type"

// ReadInToto reads the layers of type application/vnd.in-toto+json that one
// manifest stores for subject. Such a layer is an in-toto statement that nobody
// signed, with Message and Signature nil, or a DSSE envelope of one. Whatever
// the config says is not read. blob gives metadata by digest, nil for what is
// missing or damaged.
func ReadInToto(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	m, problems := parseReferrer(blob(manifest))
	if m == nil {
		return []Evidence{{Form: check.FormInToto, Manifest: manifest, Subject: subject, Problems: problems}}
	}
	problems = append(problems, m.checkSubject(subject, false)...)
	problems = append(problems, m.checkAnnotations(map[string]*string{annotationCreated: nil})...)
	all := make([]Evidence, 0, len(m.Layers))
	for i, l := range m.Layers {
		e := Evidence{Form: check.FormInToto, Manifest: manifest, Layer: i, Subject: subject}
		e.problem(problems...)
		e.checkInTotoLayer(l)
		if raw := blob(l.Digest); raw != nil {
			e.readInToto(raw)
		}
		e.checkPredicate(l.Annotations, annotationInToto)
		all = append(all, e)
	}
	return all
}

func (e *Evidence) checkInTotoLayer(l oci.Descriptor) {
	for _, name := range slices.Sorted(maps.Keys(l.Annotations)) {
		if name != annotationInToto {
			e.problem(encodingFault("the layer of an in-toto statement has an unknown annotation: %.100q", name))
		}
	}
	if l.MediaType != oci.TypeInToto {
		e.problem(encodingFault("the layer has media type %.100q, expected %s", l.MediaType, oci.TypeInToto))
	}
	if l.Annotations = nil; !bare(l) {
		e.problem(encodingFault("the layer carries more than type, digest, size and annotations"))
	}
}

// readInToto tells an envelope from a statement by the member that only an
// envelope has.
func (e *Evidence) readInToto(raw []byte) {
	if f := tooLarge("the in-toto statement", raw); f != nil {
		e.problem(f)
		return
	}
	var either struct {
		PayloadType *string `json:"payloadType"`
	}
	if err := strict.Unmarshal(raw, &either); err == nil && either.PayloadType != nil {
		e.readEnvelope(raw)
		return
	}
	e.Payload = raw
	e.readStatement(raw)
}
