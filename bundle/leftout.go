package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// LeftOut is a piece of evidence, or a layer that its publisher does not pass on, that
// export found and did not carry. Anyone who may push to a repository can attach things
// to an image that cannot be fetched or read. They do not stop an export. They are
// recorded, so that they are never mistaken for evidence that did not exist.
//
// Tag and Digest are empty for a list of referrers as a whole.
type LeftOut struct {
	Subject oci.Digest `json:"subject"` // what it is about: the image, one of its children, or other evidence
	Tag     string     `json:"tag"`     // where it was looked for, empty if not at a tag
	Digest  oci.Digest `json:"digest"`  // empty if unknown
	Type    string     `json:"type"`    // what it claims to be: its artifact type or media type, empty if unknown
	Reason  Reason     `json:"reason"`
}

// Reason says why something was left out.
type Reason string

// The reasons for which something is left out.
const (
	ReasonDenied         Reason = "denied"
	ReasonForeignLayer   Reason = "foreign-layer"
	ReasonForeignSubject Reason = "foreign-subject"
	ReasonIncomplete     Reason = "incomplete"
	ReasonMalformed      Reason = "malformed"
	ReasonMismatch       Reason = "mismatch"
	ReasonMissing        Reason = "missing"
	ReasonMore           Reason = "more"
	ReasonNotAList       Reason = "not-a-list"
	ReasonOverBudget     Reason = "over-budget"
	ReasonUnsignedImage  Reason = "unsigned-image"
	ReasonUnsupported    Reason = "unsupported"
)

var reasons = map[Reason]string{
	ReasonDenied:         "the registry would not say",
	ReasonForeignLayer:   "its publisher keeps this layer elsewhere, and the registry does not hold it",
	ReasonForeignSubject: "its manifest does not name this subject",
	ReasonIncomplete:     "a part of it is gone from the registry",
	ReasonMalformed:      "it cannot be read",
	ReasonMismatch:       "the registry sent other content",
	ReasonMissing:        "the registry does not have it",
	ReasonMore:           "further evidence, not listed one by one",
	ReasonNotAList:       "the answer is not a list of referrers",
	ReasonOverBudget:     "it is over a budget",
	ReasonUnsignedImage:  "it could be run or installed, and has no signature of its own",
	ReasonUnsupported:    "it is of a media type that this version does not read",
}

// Reasons lists all reasons in order.
func Reasons() []Reason { return slices.Sorted(maps.Keys(reasons)) }

// Text says the reason in words.
func (r Reason) Text() string { return reasons[r] }

// Name names what was left out, by its digest or tag.
func (l LeftOut) Name() string {
	switch {
	case l.Digest != "":
		return string(l.Digest)
	case l.Tag != "":
		return "tag " + l.Tag
	case l.Reason == ReasonMore:
		return "more evidence"
	}
	return "the list of referrers"
}

// Exists reports whether what was left out is known to exist. A tag or a list of
// referrers that the registry would not give may not exist: some registries answer
// for what they do not hold as if access were denied.
func (l LeftOut) Exists() bool { return l.Reason != ReasonDenied || l.Digest != "" }

// These bound what is listed as left out of one image, so that neither thousands of
// useless referrers nor an index with thousands of children can fill the inventory.
// Left-out children of an index and layers do not count: the image's own manifests
// name them.
const (
	maxLeftOut = 100  // pieces of evidence that are known to exist
	maxUnknown = 1000 // tags and lists about which the registry would not say
)

// maxType bounds the length of a type, which is text from the registry.
const maxType = 127

var leftOutType = regexp.MustCompile(`^[0-9A-Za-z!#$&^_.+;=/-]*$`)

// check reports why l is not valid, nil if it is.
func (l LeftOut) check() error {
	_, known := reasons[l.Reason]
	_, subject := oci.ParseDigest(string(l.Subject))
	_, digest := oci.ParseDigest(string(l.Digest))
	switch {
	case !known:
		return fmt.Errorf("leaves something out for an unknown reason %.60q", l.Reason)
	case subject != nil:
		return fmt.Errorf("leaves something out about something without a digest: %w", subject)
	case l.Digest != "" && digest != nil:
		return fmt.Errorf("leaves something out without a digest: %w", digest)
	case l.Tag != "" && !isEvidenceTag(l.Subject, l.Tag):
		return fmt.Errorf("leaves something out at a tag that is not one of evidence: %.60q", l.Tag)
	case len(l.Type) > maxType || !leftOutType.MatchString(l.Type):
		return fmt.Errorf("gives something left out a type that is not a media type: %.60q", l.Type)
	}
	return nil
}

func isEvidenceTag(subject oci.Digest, tag string) bool {
	return slices.ContainsFunc(tagSuffixes, func(s string) bool { return tag == evidenceTag(subject, s) })
}

func compareLeftOut(a, b LeftOut) int {
	return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Digest, b.Digest),
		cmp.Compare(a.Type, b.Type), cmp.Compare(a.Reason, b.Reason))
}

// checkLeftOut reports entries that are not valid, not in order, or listed twice.
func (img *Image) checkLeftOut() error {
	if !ascending(img.LeftOut, compareLeftOut) {
		return errors.New("does not list what was left out in order, each once")
	}
	for _, l := range img.LeftOut {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

// leaving collects what is left out of one image.
type leaving struct {
	image  *Image
	parts  []LeftOut // children of its indexes, and layers
	others []LeftOut // evidence that is known to exist
	denied []LeftOut // evidence that may not exist
}

// part records a child of an index or a layer.
func (l *leaving) part(o LeftOut) { l.parts = append(l.parts, o) }

// evidence records a piece of evidence. Over the bounds it records only that there is
// more.
func (l *leaving) evidence(o LeftOut) {
	list, most := &l.others, maxLeftOut
	if !o.Exists() {
		list, most = &l.denied, maxUnknown
	}
	switch n := len(*list); {
	case n < most-1:
		*list = append(*list, o)
	case n == most-1:
		*list = append(*list, LeftOut{Subject: l.image.Digest, Reason: ReasonMore})
	}
}

// list writes the list of what was left out into the image, whose tree has these
// nodes. It skips layers that are carried after all, because the repository of another
// image holds them. It also skips evidence about an attestation manifest that was left
// out itself.
func (l *leaving) list(carried map[oci.Digest]string, nodes []oci.Digest) {
	gone := map[oci.Digest]bool{}
	for _, o := range l.parts {
		gone[o.Digest] = true
	}
	there := map[oci.Digest]bool{}
	for _, d := range nodes {
		there[d] = !gone[d]
	}
	for again := true; again; {
		again = false
		for _, ev := range l.image.Evidence {
			if there[ev.Subject] && !there[ev.Digest] {
				there[ev.Digest] = true
				again = true
			}
		}
	}
	for _, o := range slices.Concat(l.parts, l.others, l.denied) {
		if there[o.Subject] && (o.Reason != ReasonForeignLayer || carried[o.Digest] == "") {
			l.image.LeftOut = append(l.image.LeftOut, o)
		}
	}
	slices.SortFunc(l.image.LeftOut, compareLeftOut)
	l.image.LeftOut = slices.Compact(l.image.LeftOut)
}

// typeOf returns the first of names that is not empty, if it may stand in the
// inventory.
func typeOf(names ...string) string {
	name := cmp.Or(names...)
	if len(name) > maxType || !leftOutType.MatchString(name) {
		return ""
	}
	return name
}

// reasonFor returns the reason for leaving out what failed with err. It is empty if
// err ends the export: the connection failed, or the run was cancelled.
func reasonFor(err error) Reason {
	var fault *check.Fault
	switch {
	case errors.Is(err, errForeignSubject):
		return ReasonForeignSubject
	case errors.Is(err, oci.ErrDenied):
		return ReasonDenied
	case errors.Is(err, oci.ErrNotFound):
		return ReasonMissing
	case errors.Is(err, check.ErrTooLarge):
		return ReasonOverBudget
	case errors.Is(err, oci.ErrNoList):
		return ReasonNotAList
	case errors.Is(err, oci.ErrMismatch):
		return ReasonMismatch
	case errors.Is(err, oci.ErrNoManifest):
		return ReasonMalformed
	case errors.As(err, &fault):
		return reasonForFault(fault)
	}
	return ""
}

func reasonForFault(f *check.Fault) Reason {
	switch {
	case f.ID == check.PolicyUnsigned:
		return ReasonUnsignedImage
	case f.ID == check.ManifestMediaType:
		return ReasonUnsupported
	case strings.HasPrefix(string(f.ID), "limit."):
		return ReasonOverBudget
	}
	return ReasonMalformed
}

// leftOut checks the entries of an image against its content: each must be about
// something that is there, and a layer must be one that may be left out.
func (w *walker) leftOut(g *ImageGraph) {
	if len(g.LeftOut) == 0 {
		return
	}
	subjects := map[oci.Digest]bool{}
	for _, n := range g.Tree {
		subjects[n.Digest] = true
	}
	for _, ev := range g.Canonical {
		subjects[ev.Digest] = true
	}
	for _, l := range g.LeftOut {
		switch {
		case !subjects[l.Subject]:
			w.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(g.Digest),
				Detail: "something is listed as left out about what is not part of the image",
				Found:  string(l.Subject)})
		case l.Reason == ReasonForeignLayer && !w.hasForeign(l):
			w.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(g.Digest),
				Detail: "a layer is listed as left out that its manifest does not allow to be elsewhere",
				Found:  string(l.Digest)})
		}
	}
}

func (w *walker) hasForeign(l LeftOut) bool {
	return w.Manifests[l.Subject] == nil || w.gone[layerOf{l.Subject, l.Digest}]
}

func foreignLayers(inv *Inventory) map[oci.Digest]bool {
	layers := map[oci.Digest]bool{}
	for _, img := range inv.Images {
		for _, l := range img.LeftOut {
			if l.Reason == ReasonForeignLayer {
				layers[l.Digest] = true
			}
		}
	}
	return layers
}

// leaveOut counts a layer that is not carried, once for each manifest.
func (w *walker) leaveOut(manifest, layer oci.Digest) {
	if at := (layerOf{manifest, layer}); !w.gone[at] {
		w.gone[at] = true
		w.Graph.leftOut[manifest]++
	}
}
