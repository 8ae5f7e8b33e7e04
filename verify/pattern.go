package verify

import (
	"regexp"
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// matcher is a compiled pattern of image names; see [Rule].
type matcher struct {
	repository glob
	tag        *glob // nil if any will do
}

func newMatcher(pattern string) matcher {
	repository, tag := splitPattern(pattern)
	m := matcher{repository: newGlob(repository)}
	if tag != "" {
		g := newGlob(tag)
		m.tag = &g
	}
	return m
}

func (m matcher) matches(ref oci.Reference) bool {
	return m.repository.matches(ref.Repository) && (m.tag == nil || m.tag.matches(ref.Tag))
}

// covers reports whether m matches all that another pattern matches. It may miss
// that where both have a * within one part of the name.
func (m matcher) covers(repository, tag string) bool {
	if strings.Contains(repository, "**") && !m.repository.deep {
		return false // it matches slashes, and m does not
	}
	return m.repository.matches(repository) && (m.tag == nil || tag != "" && m.tag.matches(tag))
}

// splitPattern cuts the tag off: what follows a colon behind the last slash.
func splitPattern(p string) (repository, tag string) {
	if i := strings.LastIndexByte(p, ':'); i > strings.LastIndexByte(p, '/') {
		return p[:i], p[i+1:]
	}
	return p, ""
}

func hasWildcard(pattern string) bool { return strings.Contains(pattern, "*") }

// glob is a text in which * stands for any text without a slash, and ** for any
// text. What surrounds the stars is compared first, because a policy may have
// thousands of patterns and a bundle thousands of names.
type glob struct {
	prefix, suffix string         // the text before the first star and after the last one
	whole          *regexp.Regexp // nil if there is no star; then prefix is the text
	deep           bool           // it has **
}

func newGlob(pattern string) glob {
	first, last := strings.IndexByte(pattern, '*'), strings.LastIndexByte(pattern, '*')
	if first < 0 {
		return glob{prefix: pattern}
	}
	q := regexp.QuoteMeta(pattern)
	q = strings.ReplaceAll(q, `\*\*`, `.*`)
	q = strings.ReplaceAll(q, `\*`, `[^/]*`)
	return glob{
		prefix: pattern[:first], suffix: pattern[last+1:],
		whole: regexp.MustCompile(`^(?:` + q + `)$`), deep: strings.Contains(pattern, "**"),
	}
}

func (g glob) matches(s string) bool {
	if g.whole == nil {
		return s == g.prefix
	}
	return strings.HasPrefix(s, g.prefix) && strings.HasSuffix(s, g.suffix) && g.whole.MatchString(s)
}

// Match returns a function that returns the first rule that matches a reference,
// nil if none does. The rules must not change while it is used.
func (p *Policy) Match() func(oci.Reference) *Rule {
	matchers := make([]matcher, len(p.Rules))
	for i := range p.Rules {
		matchers[i] = newMatcher(p.Rules[i].Pattern)
	}
	return func(ref oci.Reference) *Rule {
		for i := range matchers {
			if matchers[i].matches(ref) {
				return &p.Rules[i]
			}
		}
		return nil
	}
}

// Hidden returns the first rule that never applies, because an earlier one matches
// all that it matches, and that earlier rule. Both are -1 if there is none. It may
// miss a rule where both patterns have a * within one part of the name.
func (p *Policy) Hidden() (rule, by int) {
	exact := map[string]int{} // patterns without a star
	var wild []int            // the others
	matchers := make([]matcher, len(p.Rules))
	for i := range p.Rules {
		pattern := p.Rules[i].Pattern
		repository, tag := splitPattern(pattern)
		for _, same := range []string{pattern, repository} {
			if by, ok := exact[same]; ok {
				return i, by
			}
		}
		for _, by := range wild {
			if matchers[by].covers(repository, tag) {
				return i, by
			}
		}
		if hasWildcard(pattern) {
			matchers[i] = newMatcher(pattern)
			wild = append(wild, i)
		} else {
			exact[pattern] = i
		}
	}
	return -1, -1
}
