package registry

import "strings"

// challenge is one way to authenticate that a server offers.
type challenge struct {
	scheme string            // in lower case
	params map[string]string // names in lower case
}

const (
	maxChallenges = 16
	maxParams     = 64 // of one challenge
)

// parseChallenges reads the values of WWW-Authenticate (RFC 9110, section 11.6.1).
// One value may hold several challenges: a comma separates both challenges and the
// parameters of a challenge, and may stand in a quoted value. What cannot be read is
// passed over.
func parseChallenges(headers []string) []challenge {
	var all []challenge
	for _, h := range headers {
		p := challengeParser{rest: h}
		all = append(all, p.challenges()...)
	}
	return all[:min(len(all), maxChallenges)]
}

type challengeParser struct{ rest string }

func (p *challengeParser) challenges() (all []challenge) {
	for len(all) <= maxChallenges {
		p.rest = strings.TrimLeft(p.rest, " \t,")
		if p.rest == "" {
			break
		}
		word := p.take(isTokenChar)
		if word == "" {
			p.passOver()
			continue
		}
		value, isParam := p.value()
		switch {
		case !isParam:
			all = append(all, challenge{strings.ToLower(word), map[string]string{}})
			p.skipToken68()
		case len(all) > 0:
			name := strings.ToLower(word)
			params := all[len(all)-1].params
			if _, given := params[name]; !given && len(params) < maxParams {
				params[name] = value
			}
		}
	}
	return all
}

// take removes the characters at the beginning that have a property.
func (p *challengeParser) take(has func(c byte) bool) string {
	n := 0
	for n < len(p.rest) && has(p.rest[n]) {
		n++
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

// passOver removes what cannot be read: up to the next comma.
func (p *challengeParser) passOver() {
	_, p.rest, _ = strings.Cut(p.rest, ",")
}

// value reads "=" and what follows, if that is next.
func (p *challengeParser) value() (string, bool) {
	after, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " \t"), "=")
	if !ok {
		return "", false
	}
	p.rest = strings.TrimLeft(after, " \t")
	if quoted, ok := strings.CutPrefix(p.rest, `"`); ok {
		p.rest = quoted
		return p.quoted(), true
	}
	// Some servers do not quote URLs, which are no tokens.
	return p.take(func(c byte) bool { return c != ',' && c != ' ' && c != '\t' }), true
}

// quoted reads up to the closing quote, or to the end if there is none.
func (p *challengeParser) quoted() string {
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	p.rest = ""
	return b.String()
}

// skipToken68 removes what some schemes have in the place of parameters: base64, up
// to the next comma.
func (p *challengeParser) skipToken68() {
	candidate, rest, _ := strings.Cut(p.rest, ",")
	candidate = strings.TrimRight(strings.Trim(candidate, " \t"), "=")
	if candidate != "" && strings.Trim(candidate, token68) == "" {
		p.rest = rest
	}
}

const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	token68      = alphanumeric + "-._~+/"
)

func isTokenChar(c byte) bool {
	return strings.IndexByte(alphanumeric+"!#$%&'*+-.^_`|~", c) >= 0
}
