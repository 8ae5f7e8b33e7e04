package evidence

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// Annotations of a layer of the first generation, as cosign writes them.
const (
	annotationSignature = "dev.cosignproject.cosign/signature"
	annotationRekor     = "dev.sigstore.cosign/bundle"
	annotationCert      = "dev.sigstore.cosign/certificate"
	annotationChain     = "dev.sigstore.cosign/chain"
	annotationTimestamp = "dev.sigstore.cosign/rfc3161timestamp"
	annotationPredicate = "predicateType"
)

// maxPEM is the budget for an annotation with certificates, in bytes.
const maxPEM = 64 << 10

// readLayer reads what came with a layer, and leaves the annotations signature
// and predicateType, which mean different things in different layers, to the
// caller. It reports whether the layer is of the media type: whatever another
// one holds, it is not what was signed.
func (e *Evidence) readLayer(l oci.Descriptor, mediaType string) bool {
	for _, name := range slices.Sorted(maps.Keys(l.Annotations)) {
		value := l.Annotations[name]
		switch name {
		case annotationSignature, annotationPredicate:
		case annotationRekor:
			e.readRekor(value)
		case annotationCert:
			e.readCertificate(value)
		case annotationChain:
			e.readChain(value)
		case annotationTimestamp:
			e.readTimestamp(value)
		default:
			e.problem(encodingFault("the layer has an annotation that cosign does not write: %.100q", name))
		}
	}
	if l.MediaType != mediaType {
		e.problem(encodingFault("the layer has media type %.100q, expected %s", l.MediaType, mediaType))
	}
	if l.Annotations = nil; !bare(l) {
		e.problem(encodingFault("the layer carries more than type, digest, size and annotations"))
	}
	return l.MediaType == mediaType
}

func (e *Evidence) readCertificate(value string) {
	certs, err := decodePEM(value)
	if err == nil && len(certs) != 1 {
		err = fmt.Errorf("want one certificate, found %d", len(certs))
	}
	if err != nil {
		e.problem(encodingFault("the annotation %s: %v", annotationCert, err))
		return
	}
	e.Cert = certs[0]
}

// readChain allows for an empty chain: cosign writes one for a certificate that
// came without.
func (e *Evidence) readChain(value string) {
	certs, err := decodePEM(value)
	if err != nil {
		e.problem(encodingFault("the annotation %s: %v", annotationChain, err))
		return
	}
	e.Chain = certs
}

func (e *Evidence) readTimestamp(value string) {
	var t struct {
		Signed string `json:"SignedRFC3161Timestamp"`
	}
	if err := strict.UnmarshalKnown([]byte(value), &t); err != nil {
		e.problem(encodingFault("the annotation %s: %v", annotationTimestamp, err))
		return
	}
	der, err := DecodeBase64(t.Signed)
	if err != nil || len(der) == 0 || !Written([]byte(value)) {
		e.problem(encodingFault("the annotation %s: want a timestamp in strict base64, and no white space", annotationTimestamp))
		return
	}
	e.Timestamps = append(e.Timestamps, der)
}

// decodePEM returns the certificates of a text that holds nothing else, each
// written as encoding/pem writes it. White space around a block is let pass:
// cosign trims the last line break of a chain.
func decodePEM(text string) ([][]byte, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("want at most %d bytes, found %d", maxPEM, len(text))
	}
	var certs [][]byte
	for rest := bytes.TrimSpace([]byte(text)); len(rest) > 0; {
		block, _ := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(certs) == MaxCertificates {
			return nil, fmt.Errorf("want at most %d PEM blocks CERTIFICATE and nothing else", MaxCertificates)
		}
		text := bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		after, ok := bytes.CutPrefix(rest, text)
		if !ok {
			return nil, errors.New("want PEM blocks in their canonical form, without headers, and nothing between them")
		}
		certs, rest = append(certs, block.Bytes), bytes.TrimSpace(after)
	}
	return certs, nil
}
