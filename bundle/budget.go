package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Budgets for the evidence of all images together, in multiples of what one image
// may have: a bundle can list one signature for many images, and each listing costs
// its time and its place in the report.
const (
	maxSignatures = 20
	maxListed     = 4 // of the bytes that are read, each as often as it is listed
)

// EvidenceCost is what it takes to judge one listing of evidence.
type EvidenceCost struct {
	Signatures int64 // layers, each of which may be a signature
	Bytes      int64 // of the manifest and its layers, each as often as it is listed
	Further    int64 // log entries and timestamps of one signature after the first of each
}

// CostOf returns what it takes to judge a listing of evidence, but for Further, which
// is known once it is read. m is its manifest, and meta holds metadata by digest.
func CostOf(ev Evidence, m *oci.Manifest, meta map[oci.Digest][]byte) EvidenceCost {
	c := EvidenceCost{Signatures: int64(len(m.Layers)), Bytes: ev.Size}
	for _, l := range m.Layers {
		if l.Digest == oci.EmptyDigest {
			c.Bytes += int64(len(emptyConfig)) // which is in every bundle
			continue
		}
		c.Bytes += int64(len(meta[l.Digest]))
	}
	return c
}

// An EvidenceBudget counts the evidence that is judged. Export carries no more than
// verify judges, so both count by it. [NewEvidenceBudget] makes one.
type EvidenceBudget struct {
	limits oci.Limits
	all    EvidenceCost
	images map[int]*EvidenceCost
	// further has the log entries and timestamps of the signatures of one manifest.
	further map[subjectOf]int64
}

type subjectOf struct {
	image   int
	subject oci.Digest
}

// NewEvidenceBudget returns a budget of which nothing is spent. A field of lim that is
// zero stands for its default.
func NewEvidenceBudget(lim oci.Limits) *EvidenceBudget {
	return &EvidenceBudget{limits: lim.WithDefaults(), images: map[int]*EvidenceCost{}, further: map[subjectOf]int64{}}
}

// Spend counts the cost of evidence about subject, which is the image with that number
// or belongs to it. If it is over a budget, Spend counts nothing and returns the fault.
func (b *EvidenceBudget) Spend(image int, subject oci.Digest, c EvidenceCost) *check.Fault {
	of := b.images[image]
	if of == nil {
		of = &EvidenceCost{}
		b.images[image] = of
	}
	at := subjectOf{image, subject}
	most, bytes := b.limits.Signatures, b.limits.Metadata
	switch {
	case of.Signatures+c.Signatures > most, b.further[at]+c.Further > most,
		b.all.Signatures+b.all.Further+c.Signatures+c.Further > maxSignatures*most:
		return &check.Fault{ID: check.LimitSigs, Subject: string(subject),
			Detail:   "too many signatures of one image, or of all images together",
			Expected: fmt.Sprintf("at most %d, or %d", most, maxSignatures*most), Found: "more"}
	case of.Bytes+c.Bytes > bytes, b.all.Bytes+c.Bytes > maxListed*bytes:
		return &check.Fault{ID: check.LimitMetadata, Subject: string(subject),
			Detail: "too many bytes of signatures and attestations of one image, or of all images together, " +
				"each counted as often as it is listed",
			Expected: fmt.Sprintf("at most %d, or %d", bytes, maxListed*bytes), Found: "more"}
	}
	of.add(c)
	b.all.add(c)
	if c.Further > 0 {
		b.further[at] += c.Further
	}
	return nil
}

func (c *EvidenceCost) add(o EvidenceCost) {
	c.Signatures += o.Signatures
	c.Bytes += o.Bytes
	c.Further += o.Further
}

// maxFurther is how many log entries and timestamps after the first of each a Sigstore
// bundle can have at most; one with more is not read.
const maxFurther = 31 + 31

// furtherAtMost returns how many log entries and timestamps after the first of each
// package evidence finds in a Sigstore bundle, or more.
func furtherAtMost(raw []byte) int64 {
	var further int64
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		tok, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return min(further, maxFurther)
		}
		if err != nil {
			return maxFurther
		}
		if tok.Kind() != '"' {
			continue
		}
		name := tok.String()
		if d.PeekKind() != '[' {
			continue
		}
		switch name {
		case "tlogEntries", "tlog_entries", "rfc3161Timestamps", "rfc3161_timestamps":
			n, err := elements(d)
			if err != nil {
				return maxFurther
			}
			further += max(n-1, 0)
		}
	}
}

// elements reads an array and counts its elements.
func elements(d *jsontext.Decoder) (n int64, err error) {
	if _, err = d.ReadToken(); err != nil {
		return 0, err
	}
	for ; d.PeekKind() != ']'; n++ {
		if err := d.SkipValue(); err != nil {
			return n, err
		}
	}
	_, err = d.ReadToken()
	return n, err
}
