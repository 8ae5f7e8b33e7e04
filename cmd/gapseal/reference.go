package main

import (
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// parseImage reads an image as an operator names it, by a flag or else as an
// argument, and tells in note how it was completed, if it was.
func parseImage(flag, s string) (ref oci.Reference, note string, err error) {
	scheme, rest, isURL := strings.Cut(s, "://")
	switch {
	case isURL:
		return ref, "", usagef("%s: an image is no URL: leave out %s://, as in %s", named(flag, hideUser(s)), scheme, hideUser(rest))
	case strings.HasPrefix(s, "sha256:") || hexDigest.MatchString(s):
		return ref, "", usagef("%s: a digest alone does not say what the image is known by: write REPOSITORY@sha256:…", named(flag, s))
	}
	if ref, err = oci.ParseReference(s); err != nil {
		return ref, "", usagef("%s", strings.TrimPrefix(flag+": "+err.Error(), ": "))
	}
	if full := ref.String(); full != s {
		note = named(flag, s) + " is read as " + full
	}
	return ref, note, nil
}
