package registry

import (
	"bytes"
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

// MaxReferrers is the budget of one list of referrers with all its pages, in bytes.
const MaxReferrers = 4 << 20

const (
	maxReferrerPages = 1000
	maxCommas        = 200_000 // in a list: each entry takes memory, also one that is only "null,"
)

// Referrers lists the manifests of any type whose subject is d, sorted by digest:
// those of the referrers API and those of the fallback tag sha256-<hex>. It requests
// both, since a registry that gained the API may still hold older lists under tags
// (OCI distribution specification, "Listing Referrers" and "Referrers Tag Schema").
// The list may be empty. Its entries are what somebody who may push has listed: only
// their digests are checked, and only the manifest itself says what its subject is.
//
// A registry without the API has no list of it, and some answer a request for the
// API or the tag with d itself: that is no list either, and no error. If one of the
// two is refused ([oci.ErrDenied]) or is no list ([oci.ErrNoList], which includes a
// list over its budget, [check.ErrTooLarge]), the error says so, and the list holds
// what could be read nevertheless. With any other error there is no list.
func (s *Source) Referrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	what := "referrers of " + join(repo, string(d))
	if _, err := oci.ParseDigest(string(d)); err != nil {
		return nil, explain(what, repo, err)
	}
	listed, err := s.listedReferrers(ctx, repo, d)
	err = explain(what, repo, err)
	if err != nil && !isPartial(err) {
		return nil, err
	}
	tag := "sha256-" + d.Hex()
	tagged, tagErr := s.taggedReferrers(ctx, repo, tag, d)
	tagErr = explain(what+": fallback tag "+tag, repo, tagErr)
	if tagErr != nil && !isPartial(tagErr) {
		return nil, tagErr
	}
	if err == nil {
		err = tagErr
	} else if tagErr != nil {
		err = &fetchError{err.Error() + "; " + tagErr.Error(), errors.Join(err, tagErr)}
	}
	return union(listed, tagged), err
}

// isPartial reports whether a list that comes with err can be used.
func isPartial(err error) bool { return errors.Is(err, oci.ErrDenied) || errors.Is(err, oci.ErrNoList) }

func union(lists ...[]oci.Descriptor) []oci.Descriptor {
	all := slices.Concat(lists...)
	byDigest := func(a, b oci.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) }
	slices.SortStableFunc(all, byDigest)
	return slices.CompactFunc(all, func(a, b oci.Descriptor) bool { return a.Digest == b.Digest })
}

func (s *Source) taggedReferrers(ctx context.Context, repo, tag string, d oci.Digest) ([]oci.Descriptor, error) {
	raw, _, err := s.manifest(ctx, repo, tag)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return nil, nil
	case errors.Is(err, oci.ErrNoManifest), errors.Is(err, check.ErrTooLarge):
		return nil, fmt.Errorf("%w: %w", oci.ErrNoList, err)
	case err != nil:
		return nil, err
	case oci.FromBytes(raw) == d:
		return nil, nil
	}
	return parseReferrers(raw)
}

func (s *Source) listedReferrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	r, err := s.open(ctx, repo)
	if err != nil {
		return nil, err
	}
	return r.listReferrers(ctx, d)
}

// listReferrers follows the pages of the referrers API. For a registry without the
// API the list is empty.
func (r *repository) listReferrers(ctx context.Context, d oci.Digest) (all []oci.Descriptor, err error) {
	if r.withoutReferrers.Load() {
		return nil, nil
	}
	budget := int64(MaxReferrers)
	next := r.url("referrers", string(d))
	seen := map[string]bool{}
	for page := 1; next != nil; page++ {
		if seen[next.String()] {
			return all, fmt.Errorf("%w: page %d of the list is an earlier page again", oci.ErrNoList, page)
		}
		seen[next.String()] = true
		if page > maxReferrerPages {
			return all, fmt.Errorf("%w: %w: the list has more than %d pages",
				oci.ErrNoList, check.ErrTooLarge, maxReferrerPages)
		}
		a, err := r.document(ctx, next, oci.TypeIndex, budget)
		switch {
		case errors.Is(err, check.ErrTooLarge):
			return all, fmt.Errorf("%w: %w", oci.ErrNoList, err)
		case err != nil:
			return nil, err
		case page == 1 && r.lacksReferrers(a, d):
			return nil, nil
		case a.fault != nil:
			return all, pageFault(a.fault, page)
		}
		list, err := parseReferrers(a.body)
		all = append(all, list...)
		if err != nil {
			return all, err
		}
		budget -= int64(len(a.body))
		if next, err = nextPage(next, a.Header.Values("Link")); err != nil {
			return all, fmt.Errorf("%w: %w", oci.ErrNoList, err)
		}
	}
	return all, nil
}

// pageFault makes the fault of a later page one of the list, unless it may pass.
func pageFault(fault *transport.Error, page int) error {
	if page > 1 && fault.StatusCode < 500 && !isRefusal(fault) {
		return fmt.Errorf("%w: page %d: %w", oci.ErrNoList, page, fault)
	}
	return aboutContent(fault)
}

// lacksReferrers reports whether the registry has no referrers API. It should
// answer 404 by the specification. Some registries answer as to any unknown path, a
// few of them with a page, and some with the manifest d.
func (r *repository) lacksReferrers(a *answer, d oci.Digest) bool {
	if a.fault == nil {
		return !isListOfReferrers(a.body) || oci.FromBytes(a.body) == d
	}
	switch status := a.fault.StatusCode; status {
	case http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable,
		http.StatusGone, http.StatusUnprocessableEntity, http.StatusNotImplemented:
	default:
		return status < 400 // such as 204
	}
	if isRefusal(a.fault) {
		return false
	}
	if isUnknownRoute(a.fault) {
		r.withoutReferrers.Store(true)
	}
	return true
}

// isListOfReferrers reports whether an answer is meant as a list, even if some
// of its entries are wrong.
func isListOfReferrers(raw []byte) bool {
	_, err := parseReferrers(raw)
	return !errors.Is(err, errNoIndex)
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

var errNoIndex = errors.New("want an index of referrers")

// parseReferrers reads an index of referrers, which the API and the fallback tag
// have in common. The error matches [oci.ErrNoList]; with it come the entries that
// can be used, and it matches errNoIndex if the document is no index at all.
func parseReferrers(raw []byte) ([]oci.Descriptor, error) {
	var list referrerList
	if bytes.Count(raw, []byte(",")) > maxCommas {
		return nil, fmt.Errorf("%w: %w: the list has too many entries", oci.ErrNoList, check.ErrTooLarge)
	}
	if err := strict.Unmarshal(raw, &list); err != nil && isMeantAsIndex(raw) {
		return nil, fmt.Errorf("%w: %w", oci.ErrNoList, err)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", oci.ErrNoList, errNoIndex, err)
	}
	// An empty list may be null. A document of another kind has no list either, and
	// must not be taken for an empty one.
	if list.MediaType != oci.TypeIndex && (list.MediaType != "" || list.Manifests == nil) {
		return nil, fmt.Errorf("%w: %w (%s), found a document of media type %.100q",
			oci.ErrNoList, errNoIndex, oci.TypeIndex, list.MediaType)
	}
	var good []oci.Descriptor
	var fault error
	for i, d := range list.Manifests {
		if _, err := oci.ParseDigest(string(d.Digest)); err != nil {
			fault = fmt.Errorf("%w: entry %d of the list of referrers: %w", oci.ErrNoList, i, err)
			continue
		}
		good = append(good, d)
	}
	return good, fault
}

// isMeantAsIndex reports whether a document that cannot be read begins as an index
// does, so that it is not taken for the page of a host without the API.
func isMeantAsIndex(raw []byte) bool {
	raw = bytes.TrimSpace(raw)
	return bytes.HasPrefix(raw, []byte("{")) && bytes.Contains(raw, []byte(`"manifests"`))
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
	if !sameHost(&url.URL{Scheme: base.Scheme, Host: next.Host}, base.Host) {
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
