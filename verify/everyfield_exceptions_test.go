package verify_test

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/verify"
)

// exception is a class of changes that still verify, and why that is harmless.
// Every kind of every row must occur: a row that is not needed is an error.
type exception struct {
	reason   string
	document string // regular expressions, which must match the whole
	path     string
	kinds    string // names, separated by blanks
	harmless func(*outcome) string
}

const (
	ownStatement = "what export says of itself; nothing rests on it"
	claim        = "a tag is a claim: policy.reference-unbound warns, and a pinned --image refuses"
	stripped     = "the inventory catches loss, not malice: what was stripped counts for nothing, a demanded image is missed"
	bundleKey    = "the key in the bundle is only a convenience, the pinned one judges"
	spelling     = "white space, escapes and the order of members in what holds a signature"
	foreign      = "a member or an annotation that means nothing here, and that nothing is concluded from"
	unread       = "the config of a signature, which nothing reads: a JSON object"
	oldManifest  = "an old OCI manifest names no media type: manifest.media-type warns"
)

var exceptions = []exception{
	{ownStatement, "inventory.*", "/tool/(name|version)", "append change-first change-last empty letter-case", sameReport},
	{ownStatement, "inventory, .*", "/tool(/name|/version)?", "delete empty null", sameReport},
	{ownStatement, "inventory, .*", "/tool/(name|version)", "behind-case behind-long-s duplicate-other-last", sameReport},
	{claim, "inventory.*", "/images/[0-9]+/reference", "append change-last", otherTag},
	{claim, "inventory, .*", "/images/[0-9]+/reference", "behind-case duplicate-other-last", otherTag},
	{stripped, "inventory, .*", "/images/[0-9]+", "drop", fewerImages},
	{stripped, "inventory, .*", "/images/[0-9]+/evidence/1", "drop empty null", fewerSignatures},
	{stripped, "inventory, .*", "/images/[0-9]+/evidence/1/subject", "append behind-case behind-long-s change-first change-last delete duplicate-other-last empty letter-case null space-inside", fewerSignatures},
	{bundleKey, "inventory, .*", "/keys", "delete empty null behind-case behind-kelvin behind-long-s duplicate-other-last", sameReport},
	{bundleKey, "inventory, .*", "/keys/0", "drop", sameReport},
	{oldManifest, "signature manifest", "/mediaType", "delete empty null", withoutType},
}

// free are exceptions like those above, whose kinds are a regular expression and
// need not occur.
var free = []exception{
	{spelling, "signature manifest", ".*", "space-(before|after)|(name-)?respelt|reorder", sameReport},
	{foreign, "signature manifest", "[^>]*", "unknown-field|add-(annotations|platform|artifactType|urls)", sameReport},
	{foreign, "signature manifest", "/config/mediaType", ".*", sameReport},
	{unread, "signature config", ".*", ".*", sameReport},
	{"a signature twice is two signatures by one signer", "signature manifest", "/layers/0", "duplicate-element", signedTwice},
}

// outcome is a bundle that verifies although something in it was changed.
type outcome struct {
	base, got *verify.Report
	demanded  func() []string // the checks that fail if the images are demanded with their digests
}

// excepted returns the row that allows a change.
func excepted(document, path, kind string) (row int, ok bool) {
	row = slices.IndexFunc(exceptions, func(e exception) bool {
		return slices.Contains(strings.Fields(e.kinds), kind) && whole(e.document, document) && whole(e.path, path)
	})
	return row, row >= 0
}

func whole(pattern, s string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(s)
}

// freely returns the row of free that allows a change.
func freely(document, path, kind string) *exception {
	for i, e := range free {
		if whole(e.kinds, kind) && whole(e.document, document) && whole(e.path, path) {
			return &free[i]
		}
	}
	return nil
}

// signedTwice allows each signature a second time.
func signedTwice(o *outcome) string {
	for i, img := range o.got.Images {
		for _, s := range img.Signatures {
			if s.Key != o.base.Images[i].Signatures[0].Key {
				return "a signature by another key"
			}
		}
	}
	return ""
}

// sameReport, like the functions below, returns the harm that was done, empty for
// none.
func sameReport(o *outcome) string {
	if !slices.Equal(summary(o.base.Images, ""), summary(o.got.Images, "")) {
		return "the report says something else of the images"
	}
	return ""
}

// withoutType is sameReport for a manifest without a media type.
func withoutType(o *outcome) string {
	if !warns(o.got, "manifest.media-type") {
		return "no warning of a missing media type"
	}
	return sameReport(o)
}

// otherTag allows another tag, if there is a warning and it matches no pinned image.
func otherTag(o *outcome) string {
	switch {
	case !slices.Equal(summary(o.base.Images, "any"), summary(o.got.Images, "any")):
		return "more than the reference differs"
	case !warns(o.got, "policy.reference-unbound"):
		return "no warning of an unbound reference"
	case !slices.Equal(o.demanded(), []string{"policy.image"}):
		return "the other reference passes for the one that was pinned"
	}
	return ""
}

// fewerImages allows that an image is missing, but not all, and only if demanding it
// fails.
func fewerImages(o *outcome) string {
	before := summary(o.base.Images, "")
	for _, s := range summary(o.got.Images, "") {
		if !slices.Contains(before, s) {
			return "the report says something else of an image that is left"
		}
	}
	if len(o.got.Images) == 0 {
		return "nothing is left, and a bundle of nothing verifies"
	}
	if !slices.Equal(o.demanded(), []string{"policy.image"}) {
		return "an image that was asked for is not missed"
	}
	return ""
}

// fewerSignatures allows the loss of a signature that is not the root's.
func fewerSignatures(o *outcome) string {
	for i, img := range o.got.Images {
		before := o.base.Images[i]
		if img.Digest != before.Digest || img.ClaimedReference != before.ClaimedReference || img.BoundBy != before.BoundBy {
			return "more than signatures differ"
		}
		if !slices.ContainsFunc(img.Signatures, func(s verify.Signature) bool { return s.Counts && s.Subject == img.Digest }) {
			return "no signature of the root is left"
		}
	}
	return ""
}
