package cert

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Policy says whose signature is wanted: an identity and the issuer that
// vouches for it, each either exact or as a regular expression (RE2). A regular
// expression must match the whole value. It is case-sensitive unless it says
// otherwise.
type Policy struct {
	SAN, SANRegexp       string
	Issuer, IssuerRegexp string
	GitHubWorkflow       GitHubWorkflow
}

// GitHubWorkflow requires exact values of Fulcio's extensions 2 to 6. An empty
// field requires nothing.
type GitHubWorkflow struct {
	Trigger, SHA, Name, Repository, Ref string
}

// String describes whose signature is wanted, with every value that is required.
func (p *Policy) String() string {
	s := p.SAN
	if s == "" {
		s = "any identity that matches " + p.SANRegexp
	}
	if p.Issuer != "" {
		s += ", vouched for by " + p.Issuer
	} else {
		s += ", vouched for by an issuer that matches " + p.IssuerRegexp
	}
	for _, d := range p.GitHubWorkflow.demands() {
		s += ", " + extensionNames[d.number] + " " + d.want
	}
	return s
}

// Validate checks that the policy requires one identity and one issuer, each in
// one way, and that its regular expressions compile. If not, the error is a
// [*PolicyError].
func (p *Policy) Validate() error {
	if err := validate("identity", p.SAN, p.SANRegexp); err != nil {
		return err
	}
	return validate("issuer", p.Issuer, p.IssuerRegexp)
}

func validate(what, exact, pattern string) error {
	if exact == "" && pattern == "" {
		return &PolicyError{What: what, Reason: "want an exact value or a regular expression, found neither"}
	}
	if exact != "" && pattern != "" {
		return &PolicyError{What: what, Reason: "want an exact value or a regular expression, found both"}
	}
	_, err := anchored(what, pattern)
	return err
}

// anchored compiles the pattern to match whole values. The pattern must compile
// by itself too, because "a)|(?:b" would escape the anchors around it.
func anchored(what, pattern string) (*regexp.Regexp, error) {
	_, err := regexp.Compile(pattern)
	if err != nil {
		return nil, &PolicyError{What: what, Reason: err.Error()}
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil, &PolicyError{What: what, Reason: err.Error()}
	}
	return re, nil
}

// Match checks that id is one that the policy wants. The error is that of
// [Policy.Validate], or a [*MismatchError] for the first difference: the
// identity, the issuer, then the workflow. An extension that the certificate
// lacks matches no requirement.
func (p *Policy) Match(id *Identity) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if err := match("identity", p.SAN, p.SANRegexp, id.SAN); err != nil {
		return err
	}
	if err := match("issuer", p.Issuer, p.IssuerRegexp, id.Issuer); err != nil {
		return err
	}
	return p.GitHubWorkflow.match(id)
}

func match(what, exact, pattern, found string) error {
	if exact != "" {
		return equal(what, exact, found)
	}
	re, err := anchored(what, pattern)
	if err != nil {
		return err
	}
	if found != "" && re.MatchString(found) {
		return nil
	}
	part := regexp.MustCompile(pattern).MatchString(found)
	return &MismatchError{What: what, Found: found,
		Expected: "all of it matches " + pattern, Partly: found != "" && part}
}

func equal(what, want, found string) error {
	if want != found {
		return &MismatchError{What: what, Expected: strconv.Quote(want), Found: found}
	}
	return nil
}

func (w *GitHubWorkflow) match(id *Identity) error {
	for _, d := range w.demands() {
		if err := equal(extensionNames[d.number], d.want, id.Value(d.number)); err != nil {
			return err
		}
	}
	return nil
}

// workflowDemand is a value that an extension of the certificate must have.
type workflowDemand struct {
	number int // of the extension
	want   string
}

// demands lists the values that are required.
func (w *GitHubWorkflow) demands() []workflowDemand {
	all := []workflowDemand{
		{numberTrigger, w.Trigger},
		{numberSHA, w.SHA},
		{numberName, w.Name},
		{numberRepository, w.Repository},
		{numberRef, w.Ref},
	}
	return slices.DeleteFunc(all, func(d workflowDemand) bool { return d.want == "" })
}

// PolicyError reports that a policy requires nothing, or something that cannot
// be checked.
type PolicyError struct {
	What   string
	Reason string
}

// Error says what is wrong with which part of the policy.
func (e *PolicyError) Error() string { return e.What + ": " + e.Reason }

// MismatchError reports that an identity is not the one a policy wants. What is
// "identity", "issuer" or a name of Fulcio's extensions.
type MismatchError struct {
	What     string
	Expected string // the exact value, or that all of it matches an expression
	Found    string
	Partly   bool // the expression matches a part of Found; it must match all of it
}

// Error names what differs, with both values.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("certificate has another %s: expected %s, found %q", e.What, e.Expected, e.Found)
}
