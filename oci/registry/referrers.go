package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

const (
	maxReferrers     = 16 << 20 // bytes of all pages of one list
	maxReferrerPages = 1000
)

// Referrers lists the manifests that name d as their subject, of whatever
// type, sorted by digest: those that the referrers API tells of and those
// under the fallback tag sha256-<hex>. Both are asked, since a registry that
// has learned the API may still hold older lists under tags (OCI distribution
// specification, "Listing Referrers" and "Referrers Tag Schema"). None is an
// empty list; a list that cannot be read is an error.
func (s *Source) Referrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	all, err := s.referrers(ctx, repo, d)
	if err != nil {
		return nil, explain("referrers of "+join(repo, string(d)), repo, err)
	}
	return all, nil
}

func (s *Source) referrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	if _, err := oci.ParseDigest(string(d)); err != nil {
		return nil, err
	}
	r, err := s.open(ctx, repo)
	if err != nil {
		return nil, err
	}
	listed, err := r.listReferrers(ctx, d)
	if err != nil {
		return nil, err
	}
	tagged, err := s.taggedReferrers(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	return union(listed, tagged), nil
}

func union(lists ...[]oci.Descriptor) []oci.Descriptor {
	all := slices.Concat(lists...)
	byDigest := func(a, b oci.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) }
	slices.SortStableFunc(all, byDigest)
	return slices.CompactFunc(all, func(a, b oci.Descriptor) bool { return a.Digest == b.Digest })
}

func (s *Source) taggedReferrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	tag := "sha256-" + d.Hex()
	raw, _, err := s.manifest(ctx, repo, tag)
	if errors.Is(err, oci.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fallback tag %s: %w", tag, err)
	}
	list, err := parseReferrers(raw)
	if err != nil {
		return nil, fmt.Errorf("fallback tag %s: %w", tag, err)
	}
	return list, nil
}

// listReferrers follows the pages of the referrers API. A registry without it
// has an empty list.
func (r *repository) listReferrers(ctx context.Context, d oci.Digest) ([]oci.Descriptor, error) {
	if r.withoutReferrers.Load() {
		return nil, nil
	}
	var all []oci.Descriptor
	budget := int64(maxReferrers)
	next := r.url("referrers", string(d))
	for page := 1; next != nil; page++ {
		if page > maxReferrerPages {
			return nil, fmt.Errorf("%w: the list has more than %d pages", ErrTooLarge, maxReferrerPages)
		}
		a, err := r.document(ctx, next, oci.TypeIndex, budget)
		if err != nil {
			return nil, err
		}
		if page == 1 && r.lacksReferrers(a) {
			return nil, nil
		}
		if a.fault != nil {
			return nil, a.fault
		}
		list, err := parseReferrers(a.body)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		budget -= int64(len(a.body))
		if next, err = nextPage(next, a.Header.Values("Link")); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// lacksReferrers tells a registry without the API from one that has it. The
// specification asks for a 404; others answer as they do to any path they do
// not know, some with a page that is no index at all.
func (r *repository) lacksReferrers(a *answer) bool {
	if a.fault == nil {
		_, err := parseReferrers(a.body)
		return err != nil && mediaTypeOf(a) != oci.TypeIndex
	}
	switch a.fault.StatusCode {
	case http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable:
	default:
		return false
	}
	if isRefusal(a.fault) {
		return false
	}
	if isUnknownRoute(a.fault) {
		r.withoutReferrers.Store(true)
	}
	return true
}

// isUnknownRoute reports an answer that is the same for every digest. Others,
// such as NAME_UNKNOWN, may be about this one only and must be asked again.
func isUnknownRoute(fault *transport.Error) bool {
	return len(fault.Errors) == 1 && (fault.Errors[0].Code == transport.UnsupportedErrorCode || fault.Errors[0].Code == "METHOD_UNKNOWN")
}
