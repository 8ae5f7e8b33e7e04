package siteconfig

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

// removeDenied removes the signers of an image whom a policy denies: gapseal verify does not
// count their signatures. The error says that none is left.
func (s *Site) removeDenied(img *Image, p *verify.Policy) error {
	if p == nil || len(img.Keys)+len(img.Identities) == 0 {
		return nil
	}
	img.Keys = slices.DeleteFunc(img.Keys, func(k *trust.Key) bool {
		bad := slices.Contains(p.Deny.Keys, k.Fingerprint())
		if bad {
			s.removed = append(s.removed, "the key "+k.Fingerprint())
		}
		return bad
	})
	img.Identities = slices.DeleteFunc(img.Identities, func(id *cert.Policy) bool {
		bad := slices.ContainsFunc(p.Deny.Identities, func(bad *cert.Policy) bool { return covers(bad, id) })
		if bad {
			s.removed = append(s.removed, id.String())
		}
		return bad
	})
	if len(img.Keys)+len(img.Identities) == 0 {
		return errors.New("the policy denies each key and identity that may sign it")
	}
	return nil
}

// checkDenied returns an error if a signer of an image may have an identity that the policy
// denies: a document only says who may sign. What else the policy denies is noted.
func (s *Site) checkDenied(img *Image) error {
	if s.policy == nil {
		return nil
	}
	d := &s.policy.Deny
	for _, p := range img.Identities {
		for _, bad := range d.Identities {
			if overlap(p, bad) {
				return fmt.Errorf("the policy denies %s, and a document that lets sign %s would admit it: pin exact "+
					"identities, or an expression that cannot match the denied one", bad, p)
			}
		}
	}
	for _, who := range s.removed {
		s.addNote("not listed, since the policy denies it: " + who)
	}
	s.leave(map[string]bool{
		"denied digests":                           len(d.Digests) > 0,
		"denied keys of certificates":              len(d.Keys) > 0 && len(img.Identities) > 0,
		"denied identities beside an accepted key": len(d.Identities) > 0 && len(img.Keys) > 0,
	})
	return nil
}

// covers reports whether bad matches each certificate that p matches. Of two different
// regular expressions it reports false.
func covers(bad, p *cert.Policy) bool {
	part := func(badExact, badPattern, exact, pattern string) bool {
		if exact == "" {
			return badPattern == pattern
		}
		return bothMatch(badExact, badPattern, exact, "")
	}
	w := bad.GitHubWorkflow
	return part(bad.SAN, bad.SANRegexp, p.SAN, p.SANRegexp) &&
		part(bad.Issuer, bad.IssuerRegexp, p.Issuer, p.IssuerRegexp) && (w == workflow{} || w == p.GitHubWorkflow)
}

// overlap reports whether one certificate may match both p and bad. It reports false only
// if that is certain.
func overlap(p, bad *cert.Policy) bool {
	return bothMatch(p.SAN, p.SANRegexp, bad.SAN, bad.SANRegexp) &&
		bothMatch(p.Issuer, p.IssuerRegexp, bad.Issuer, bad.IssuerRegexp)
}

// bothMatch reports whether one text may be what two demands want, each of which is an
// exact value or a regular expression that matches the whole text.
func bothMatch(exact, pattern, otherExact, otherPattern string) bool {
	switch {
	case exact != "" && otherExact != "":
		return exact == otherExact
	case exact != "":
		return matches(otherPattern, exact)
	case otherExact != "":
		return matches(pattern, otherExact)
	}
	a, b := parts(pattern), parts(otherPattern)
	return !differ(fixedStart(a), fixedStart(b)) && !differ(fixedEnd(a), fixedEnd(b))
}

func matches(pattern, text string) bool {
	found, err := regexp.MatchString(whole(pattern), text)
	return found || err != nil
}

// anyRune stands for a character that an expression does not fix.
const anyRune = -1

func differ(a, b []rune) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && a[i] != anyRune && b[i] != anyRune {
			return true
		}
	}
	return false
}

// parts lists what must follow one another in a text that a regular expression matches.
func parts(pattern string) []*syntax.Regexp {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	return flatten(re)
}

func flatten(re *syntax.Regexp) (list []*syntax.Regexp) {
	switch re.Op {
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			list = append(list, flatten(sub)...)
		}
		return list
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return nil // matches no character
	}
	return []*syntax.Regexp{re}
}

// fixedStart returns the characters with which each text begins that the parts match.
func fixedStart(list []*syntax.Regexp) (start []rune) {
	for _, re := range list {
		fixed := runes(re)
		if fixed == nil {
			break
		}
		start = append(start, fixed...)
	}
	return start
}

// fixedEnd returns the characters with which each text ends that the parts match, the last
// one first.
func fixedEnd(list []*syntax.Regexp) (end []rune) {
	for _, re := range slices.Backward(list) {
		fixed := slices.Clone(runes(re))
		if fixed == nil {
			break
		}
		slices.Reverse(fixed)
		end = append(end, fixed...)
	}
	return end
}

// runes returns the characters that a part matches, nil if their number varies.
func runes(re *syntax.Regexp) []rune {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return re.Rune
		}
		return slices.Repeat([]rune{anyRune}, len(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpCharClass:
		return []rune{anyRune}
	}
	return nil
}
