package registry

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// nextPage returns the URL behind rel="next" (RFC 8288), nil if there is none.
// It must be of the same host: this list is the registry's own.
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
		if strings.EqualFold(strings.TrimSpace(k), "rel") && slices.Contains(strings.Fields(strings.Trim(strings.TrimSpace(v), `"`)), "next") {
			return true
		}
	}
	return false
}
