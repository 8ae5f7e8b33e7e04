package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

const (
	maxReferrers     = 16 << 20 // bytes of all pages of one list
	maxReferrerPages = 1000
)

// Referrers lists the manifests of any type whose subject is d, sorted by digest:
// those of the referrers API and those of the fallback tag sha256-<hex>. It requests
// both, since a registry that gained the API may still hold older lists under tags
// (OCI distribution specification, "Listing Referrers" and "Referrers Tag Schema").
// The list may be empty; a list that cannot be read is an error.
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

// listReferrers follows the pages of the referrers API. For a registry without the
// API the list is empty.
func (r *repository) listReferrers(ctx context.Context, d oci.Digest) ([]oci.Descriptor, error) {
	if r.withoutReferrers.Load() {
		return nil, nil
	}
	var all []oci.Descriptor
	budget := int64(maxReferrers)
	next := r.url("referrers", string(d))
	for page := 1; next != nil; page++ {
		if page > maxReferrerPages {
			return nil, fmt.Errorf("%w: the list has more than %d pages", check.ErrTooLarge, maxReferrerPages)
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

// lacksReferrers reports whether the registry has no referrers API. It should
// answer 404 by the specification. Some registries answer as to any unknown path,
// a few of them with a page that is not an index.
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

// isUnknownRoute reports whether the answer would be the same for every digest.
// Other answers, such as NAME_UNKNOWN, may hold for this digest only.
func isUnknownRoute(fault *transport.Error) bool {
	if len(fault.Errors) != 1 {
		return false
	}
	code := fault.Errors[0].Code
	return code == transport.UnsupportedErrorCode || code == "METHOD_UNKNOWN"
}

type referrerList struct {
	MediaType string           `json:"mediaType"`
	Manifests []oci.Descriptor `json:"manifests"`
}

// parseReferrers reads an index of referrers, which the API and the fallback tag
// have in common. A malformed entry makes the list an error: leaving the entry out
// would lose evidence.
func parseReferrers(raw []byte) ([]oci.Descriptor, error) {
	var list referrerList
	if err := strict.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("want an index of referrers: %w", err)
	}
	// An empty list may be null. A document of another kind has no list either, and
	// must not be taken for an empty one.
	if list.MediaType != oci.TypeIndex && (list.MediaType != "" || list.Manifests == nil) {
		return nil, fmt.Errorf("want an index of referrers (%s), found a document of media type %.100q",
			oci.TypeIndex, list.MediaType)
	}
	for i, d := range list.Manifests {
		if err := checkBlob(d); err != nil {
			return nil, fmt.Errorf("entry %d of the list of referrers: %w", i, err)
		}
	}
	return list.Manifests, nil
}

// nextPage returns the URL of the link with rel="next" (RFC 8288), nil if there is
// none. It must have the same host, since the list is the registry's own.
func nextPage(base *url.URL, links []string) (*url.URL, error) {
	target := linkNext(links)
	if target == "" {
		return nil, nil
	}
	next, err := base.Parse(target)
	if err != nil {
		return nil, errors.New("the next page of the list has a malformed address")
	}
	if next.Host != base.Host {
		return nil, fmt.Errorf("the next page of the list is on another host, %.100q", next.Host)
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: next.Path, RawQuery: next.RawQuery}, nil
}

func linkNext(headers []string) string {
	for _, h := range headers {
		for {
			_, rest, ok := strings.Cut(h, "<")
			target, rest, ok2 := strings.Cut(rest, ">")
			if !ok || !ok2 {
				break
			}
			params, _, _ := strings.Cut(rest, "<")
			if isNext(params) {
				return target
			}
			h = rest
		}
	}
	return ""
}

func isNext(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(strings.TrimRight(strings.TrimSpace(p), ", "), "=")
		relations := strings.Fields(strings.Trim(strings.TrimSpace(v), `"`))
		if strings.EqualFold(strings.TrimSpace(k), "rel") && slices.Contains(relations, "next") {
			return true
		}
	}
	return false
}
