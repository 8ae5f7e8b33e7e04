package siteconfig

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// imagePolicy is the spec of a ClusterImagePolicy. One authority suffices.
type imagePolicy struct {
	Images      []glob      `yaml:"images"`
	Authorities []authority `yaml:"authorities"`
	Mode        string      `yaml:"mode"`
}

type glob struct {
	Glob string `yaml:"glob"`
}

type authority struct {
	Name    string       `yaml:"name"`
	Key     *inlineKey   `yaml:"key,omitempty"`
	Keyless *keyless     `yaml:"keyless,omitempty"`
	CTLog   *trustRooted `yaml:"ctlog,omitempty"`
	Stamped *trustRooted `yaml:"rfc3161timestamp,omitempty"`
	Format  string       `yaml:"signatureFormat,omitempty"`
	Signed  []predicate  `yaml:"attestations,omitempty"`
}

type predicate struct {
	Name string `yaml:"name"`
	Type string `yaml:"predicateType"`
}

type inlineKey struct {
	Data string `yaml:"data"`
}

type keyless struct {
	URL        string     `yaml:"url"`
	Identities []identity `yaml:"identities"`
	TrustRoot  string     `yaml:"trustRootRef"`
	IgnoreSCT  bool       `yaml:"insecureIgnoreSCT,omitempty"`
}

type trustRooted struct {
	TrustRoot string `yaml:"trustRootRef"`
}

// sigstoreKeys is what a TrustRoot lists, with PEM encoded as base64.
type sigstoreKeys struct {
	CAs    []certAuthority `yaml:"certificateAuthorities"`
	TLogs  []logInstance   `yaml:"tLogs,omitempty"`
	CTLogs []logInstance   `yaml:"ctLogs,omitempty"`
	TSAs   []certAuthority `yaml:"timestampAuthorities,omitempty"`
}

type certAuthority struct {
	Subject subject `yaml:"subject"`
	URI     string  `yaml:"uri"`
	Chain   base64  `yaml:"certChain"`
}

type subject struct {
	Organization string `yaml:"organization"`
	CommonName   string `yaml:"commonName"`
}

type logInstance struct {
	URL  string `yaml:"baseURL"`
	Hash string `yaml:"hashAlgorithm"`
	Key  base64 `yaml:"publicKey"`
}

// policyController writes a ClusterImagePolicy for each set of signers, and a TrustRoot
// for each trusted root that one of them needs.
func (s *Site) policyController() ([]File, error) {
	groups, err := s.groups()
	if err != nil {
		return nil, err
	}
	s.noteRefused("policy-controller", "it judges those only by an identity, not by a key",
		func(img *Image) bool { return len(img.Identities) > 0 })
	c := &controller{site: s, roots: map[string]any{}}
	var policies []any
	for i, g := range groups {
		authorities, err := c.authorities(g)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.repos[0], err)
		}
		spec := imagePolicy{globs(g.repos), authorities, "enforce"}
		policies = append(policies,
			object{"policy.sigstore.dev/v1beta1", "ClusterImagePolicy", named{s.numbered(i)}, spec})
	}
	var files []File
	for _, name := range c.order {
		root := object{"policy.sigstore.dev/v1alpha1", "TrustRoot", named{name}, c.roots[name]}
		text, err := s.yaml("kubectl apply -f, before the policy that names it", root)
		if err != nil {
			return nil, err
		}
		files = append(files, File{name + ".trustroot.yaml", text})
	}
	s.noteNames("policy-controller")
	text, err := s.yaml("kubectl apply -f", policies...)
	return append(files, File{s.Name + ".clusterimagepolicy.yaml", text}), err
}

// numbered returns the name of the i-th object of a kind.
func (s *Site) numbered(i int) string {
	if i == 0 {
		return s.Name
	}
	return s.Name + "-" + strconv.Itoa(i+1)
}

// globs matches every tag and digest of repositories, and no repository below them: a
// glob must match the whole name, and ** matches any text.
func globs(repos []string) (list []glob) {
	for _, r := range repos {
		list = append(list, glob{r + ":**"}, glob{r + "@**"})
	}
	return list
}

// controller collects the trusted roots that authorities need.
type controller struct {
	site  *Site
	roots map[string]any // specs of the TrustRoots, by name
	order []string       // of their names
}

// root returns the TrustRoot that lists the keys of a domain. It is for .sig tags only:
// policy-controller 0.13 gives its logs other ids than Sigstore bundles do.
func (c *controller) root(i int) *trustRooted {
	name := c.site.numbered(i)
	if c.roots[name] == nil {
		c.order = append(c.order, name)
		c.roots[name] = map[string]any{"sigstoreKeys": trustRoot(&c.site.Domains[i])}
	}
	return &trustRooted{name}
}

// bundleRoot returns the TrustRoot for Sigstore bundles. It carries the whole domain, with
// the times of its keys.
func (c *controller) bundleRoot(i int) (*trustRooted, error) {
	name := c.site.numbered(i) + "-bundles"
	if c.roots[name] == nil {
		repository, err := newRepository(&c.site.Domains[i])
		if err != nil {
			return nil, err
		}
		c.order = append(c.order, name)
		c.roots[name] = map[string]any{"repository": repository}
	}
	return &trustRooted{name}, nil
}

func (c *controller) authorities(g *group) (list []authority, err error) {
	for _, k := range g.Keys {
		keyed, err := c.keyed(k, g.LogOptional)
		if err != nil {
			return nil, err
		}
		list = append(list, keyed...)
	}
	for _, p := range g.Identities {
		if p.GitHubWorkflow != (workflow{}) {
			return nil, errWorkflow
		}
		signed, err := c.keyless(newIdentity(p))
		if err != nil {
			return nil, err
		}
		list = append(list, signed...)
	}
	for i := range list {
		list[i].Name = "signer-" + strconv.Itoa(i+1)
	}
	return list, nil
}

// keyed accepts signatures by a key. An authority without ctlog demands no log entry; one
// with a trustRootRef demands an entry of a log of that root.
func (c *controller) keyed(k *trust.Key, logOptional bool) (list []authority, err error) {
	key := &inlineKey{k.PEM()}
	if logOptional {
		return []authority{{Key: key}}, nil
	}
	err = errNoLog
	for i, d := range c.site.Domains {
		switch {
		case len(ecdsaLogs(d.Logs)) == 0:
		case len(d.CAs)+len(d.TSAs) == 0:
			err = errors.New("a TrustRoot takes the key of a log only beside an authority; give the trusted root that " +
				"lists both, or accept signatures without a log entry")
		default:
			list = append(list, authority{Key: key, CTLog: c.root(i)})
		}
	}
	if len(list) > 0 {
		err = nil
	}
	return list, err
}

// keyless accepts signatures by an identity, in .sig tags and in Sigstore bundles, under
// each root that issues certificates. Only a log entry or a timestamp shows that the
// certificate was valid, so the log is never optional; for a root without logs, timestamps
// suffice.
func (c *controller) keyless(id identity) (list []authority, err error) {
	reason := errNoCA
	for i, d := range c.site.Domains {
		logged := len(ecdsaLogs(d.Logs)) > 0
		switch {
		case len(d.CAs) == 0:
			continue
		case !logged && (!d.NoLogs || len(d.TSAs) == 0):
			reason = errNoLog
			continue
		}
		url := uri(d.CAs[0].Authority)
		if logged {
			root := c.root(i)
			k := &keyless{url, []identity{id}, root.TrustRoot, d.NoCTLogs}
			list = append(list, authority{Keyless: k, CTLog: root, Format: "legacy"})
		}
		root, err := c.bundleRoot(i)
		if err != nil {
			return nil, err
		}
		k := &keyless{url, []identity{id}, root.TrustRoot, d.NoCTLogs}
		a := authority{Keyless: k, Format: "bundle", Signed: []predicate{{"signature", signaturePredicate}}}
		if logged {
			a.CTLog = root
		} else {
			a.Stamped = root
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, reason
	}
	return list, nil
}

// signaturePredicate is the predicate type of a signature in a Sigstore bundle, as
// cosign 3 writes it. policy-controller 0.13 finds only attestations in bundles; with this
// type it accepts a signature as one.
const signaturePredicate = "https://sigstore.dev/cosign/sign/v1"

// trustRoot converts what a trusted root lists. A TrustRoot cannot say when a key or an
// authority was in use, so one that is no longer in use is trusted again.
func trustRoot(d *verify.Domain) *sigstoreKeys {
	keys := &sigstoreKeys{CAs: []certAuthority{}}
	for _, a := range d.CAs {
		keys.CAs = append(keys.CAs, newAuthority(a.Authority))
	}
	for _, a := range d.TSAs {
		keys.TSAs = append(keys.TSAs, newAuthority(a.Authority))
	}
	for _, l := range ecdsaLogs(d.Logs) {
		keys.TLogs = append(keys.TLogs, newLog(l, "rekor"))
	}
	for _, l := range d.CTLogs {
		keys.CTLogs = append(keys.CTLogs, newLog(l, "ctlog"))
	}
	return keys
}

// newAuthority converts an authority. The organization and the address must not be empty;
// nothing but people reads them.
func newAuthority(a trust.Authority) certAuthority {
	top := a.Anchor().Subject
	org := cmp.Or(strings.Join(top.Organization, ", "), top.CommonName, "unnamed")
	return certAuthority{subject{org, cmp.Or(top.CommonName, org)}, uri(a), base64(pemOf(a.Chain...))}
}

func newLog(l trust.Log, kind string) logInstance {
	return logInstance{"https://" + cmp.Or(l.Name, kind+".invalid"), "sha-256", base64(l.Key.PEM())}
}

// uri returns the address of an authority, which nothing asks.
func uri(a trust.Authority) string {
	if u, err := url.Parse(a.URI); err == nil && u.Host != "" {
		return a.URI
	}
	return "https://authority.invalid"
}
