package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// What an inventory may hold of text that nothing else fixes.
const (
	maxKeys      = 64
	maxReference = 1024
)

var (
	toolName    = regexp.MustCompile(`^[0-9A-Za-z._-]{0,64}$`)
	toolVersion = regexp.MustCompile(`^[0-9A-Za-z.+()_-]{0,128}$`)

	waivers = []string{WaiverAllowUnverified}
)

// check answers whether inv is written the one way its content can be: each list
// in its order with nothing in it twice, and no room for text that says nothing
// about the images.
func (inv *Inventory) check() error {
	switch {
	case !toolName.MatchString(inv.Tool.Name) || !toolVersion.MatchString(inv.Tool.Version):
		return errors.New("names no tool and version in plain letters and digits")
	case !ascending(inv.Waivers, cmp.Compare) || slices.ContainsFunc(inv.Waivers, unknownWaiver):
		return fmt.Errorf("lists waivers other than %q", waivers)
	case len(inv.Images) == 0:
		return errors.New("lists no image")
	case !ascending(inv.Images, compareImages):
		return errors.New("does not list images by reference, each reference once")
	case slices.ContainsFunc(inv.Images, func(img Image) bool { return len(img.Reference) > maxReference }):
		return fmt.Errorf("has a reference of more than %d bytes", maxReference)
	case len(inv.Keys) > maxKeys:
		return fmt.Errorf("lists %d keys, the format allows %d", len(inv.Keys), maxKeys)
	case !ascending(inv.Keys, compareKeys):
		return errors.New("does not list keys by fingerprint, each once")
	case !ascending(inv.Blobs, compareBlobs):
		return errors.New("does not list blobs by digest, each once")
	}
	return nil
}

func unknownWaiver(w string) bool { return !slices.Contains(waivers, w) }

func compareImages(a, b Image) int { return cmp.Compare(a.Reference, b.Reference) }
func compareKeys(a, b Key) int     { return cmp.Compare(a.Fingerprint, b.Fingerprint) }

// ascending reports whether each element of list is greater than the one before.
func ascending[T any](list []T, compare func(a, b T) int) bool {
	for i := 1; i < len(list); i++ {
		if compare(list[i-1], list[i]) >= 0 {
			return false
		}
	}
	return true
}
