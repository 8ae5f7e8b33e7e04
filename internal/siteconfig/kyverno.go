package siteconfig

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
)

// clusterPolicy is the spec of a ClusterPolicy of Kyverno. Kyverno's newer
// ImageValidatingPolicy asks a repository of The Update Framework before it looks at inline
// roots, and so does a ClusterPolicy with the type SigstoreBundle.
type clusterPolicy struct {
	Background bool           `yaml:"background"`
	Webhook    map[string]any `yaml:"webhookConfiguration"`
	Rules      []kyvernoRule  `yaml:"rules"`
}

type kyvernoRule struct {
	Name   string         `yaml:"name"`
	Match  map[string]any `yaml:"match"`
	Verify []verifyImages `yaml:"verifyImages"`
}

type verifyImages struct {
	Type       string        `yaml:"type"`
	Action     string        `yaml:"failureAction"`
	References []string      `yaml:"imageReferences"`
	Mutate     bool          `yaml:"mutateDigest"`
	Digest     bool          `yaml:"verifyDigest"`
	Required   bool          `yaml:"required"`
	Attestors  []attestorSet `yaml:"attestors"`
}

type attestorSet struct {
	Count   int     `yaml:"count"` // how many of the entries must have signed
	Entries []entry `yaml:"entries"`
}

type entry struct {
	Keys    *staticKeys     `yaml:"keys,omitempty"`
	Keyless *kyvernoKeyless `yaml:"keyless,omitempty"`
}

type staticKeys struct {
	PEM   string `yaml:"publicKeys"`
	Rekor rekor  `yaml:"rekor"`
	CTLog ctLog  `yaml:"ctlog"`
}

type kyvernoKeyless struct {
	identity `yaml:",inline"`
	Roots    string            `yaml:"roots"`
	Rekor    rekor             `yaml:"rekor"`
	CTLog    ctLog             `yaml:"ctlog"`
	More     map[string]string `yaml:"additionalExtensions,omitempty"`
}

type rekor struct {
	URL    string `yaml:"url"` // must not be empty; asked only for a signature without an entry
	Key    string `yaml:"pubkey,omitempty"`
	Ignore bool   `yaml:"ignoreTlog,omitempty"`
}

// ctLog must be present: without a key or ignoreSCT, Kyverno asks a repository of The Update
// Framework.
type ctLog struct {
	Key    string `yaml:"pubkey,omitempty"`
	Ignore bool   `yaml:"ignoreSCT,omitempty"`
}

// kyverno writes a rule for each set of signers.
func (s *Site) kyverno() ([]File, error) {
	groups, err := s.groups()
	if err != nil {
		return nil, err
	}
	spec := clusterPolicy{Webhook: map[string]any{"failurePolicy": "Fail", "timeoutSeconds": 30}}
	for i, g := range groups {
		entries, err := s.entries(g)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.repos[0], err)
		}
		spec.Rules = append(spec.Rules, kyvernoRule{
			Name: "signed-" + strconv.Itoa(i+1),
			Match: map[string]any{"any": []any{map[string]any{
				"resources": map[string]any{"kinds": []string{"Pod"}},
			}}},
			Verify: []verifyImages{{
				Type: "Cosign", Action: "Enforce", References: references(g.repos), Mutate: true, Digest: true,
				Required: true, Attestors: []attestorSet{{1, entries}},
			}},
		})
	}
	s.noteRefused("Kyverno", "it judges those only if it may ask a TUF repository", never)
	s.noteNames("Kyverno")
	text, err := s.yaml("kubectl apply -f", object{"kyverno.io/v1", "ClusterPolicy", named{s.Name}, spec})
	return []File{{s.Name + ".clusterpolicy.yaml", text}}, err
}

// references matches every tag and digest of repositories: * matches any text.
func references(repos []string) (list []string) {
	for _, r := range repos {
		list = append(list, r+":*", r+"@*")
	}
	return list
}

// entries lists the signers, each once for every log that may have logged its signature,
// since an entry takes only one key of each kind.
func (s *Site) entries(g *group) (list []entry, err error) {
	for _, k := range g.Keys {
		for _, r := range s.rekors(s.Domains, g.LogOptional) {
			list = append(list, entry{Keys: &staticKeys{k.PEM(), r, ctLog{Ignore: true}}})
		}
	}
	if len(list) == 0 && len(g.Keys) > 0 {
		return nil, errNoLog
	}
	for _, p := range g.Identities {
		for name, value := range extensions(p) {
			if special(value) {
				return nil, fmt.Errorf("%s: Kyverno would not take the value of %s as it is written: *, ?, {{ and $( mean more "+
					"to it", p, name)
			}
		}
		signed := s.keylessEntries(p)
		if len(signed) == 0 {
			return nil, fmt.Errorf("%s: want a trusted root with a certificate authority and a log that signs entry "+
				"timestamps (Rekor v1), found none", p)
		}
		list = append(list, signed...)
	}
	return list, nil
}

func (s *Site) keylessEntries(p *cert.Policy) (list []entry) {
	for _, d := range s.Domains {
		if len(d.CAs) == 0 {
			continue
		}
		roots := ""
		for _, ca := range d.CAs {
			roots += pemOf(ca.Chain...)
		}
		logs := []ctLog{{Ignore: true}}
		if !d.NoCTLogs {
			logs = nil
			for _, l := range d.CTLogs {
				logs = append(logs, ctLog{Key: l.Key.PEM()})
			}
		}
		for _, r := range s.rekors([]verify.Domain{d}, false) {
			for _, l := range logs {
				list = append(list, entry{Keyless: &kyvernoKeyless{literal(newIdentity(p)), roots, r, l, extensions(p)}})
			}
		}
	}
	return list
}

// special reports whether Kyverno takes a value for more than text: it has wildcards,
// variables and references.
func special(value string) bool {
	return strings.ContainsAny(value, "*?") || strings.Contains(value, "{{") || strings.Contains(value, "$(")
}

// literal returns the same identity with regular expressions in place of exact values
// that Kyverno would take for more than text.
func literal(id identity) identity {
	if special(id.Subject) {
		id.Subject, id.SubjectRegExp = "", whole(regexp.QuoteMeta(id.Subject))
	}
	if special(id.Issuer) {
		id.Issuer, id.IssuerRegExp = "", whole(regexp.QuoteMeta(id.Issuer))
	}
	return id
}

// extensions returns the values of a GitHub workflow, under the names that cosign gives
// to Fulcio's extensions 2 to 6.
func extensions(p *cert.Policy) map[string]string {
	m := map[string]string{}
	for name, value := range map[string]string{
		"githubWorkflowTrigger": p.GitHubWorkflow.Trigger, "githubWorkflowSha": p.GitHubWorkflow.SHA,
		"githubWorkflowName": p.GitHubWorkflow.Name, "githubWorkflowRepository": p.GitHubWorkflow.Repository,
		"githubWorkflowRef": p.GitHubWorkflow.Ref,
	} {
		if value != "" {
			m[name] = value
		}
	}
	return m
}

// rekors returns the logs of domains. If a log entry is optional, it returns one that stands
// for none.
func (s *Site) rekors(domains []verify.Domain, optional bool) (list []rekor) {
	if optional {
		return []rekor{{URL: "https://rekor.invalid", Ignore: true}}
	}
	for _, d := range domains {
		for _, l := range ecdsaLogs(d.Logs) {
			list = append(list, rekor{URL: newLog(l, "rekor").URL, Key: l.Key.PEM()})
		}
	}
	return list
}
