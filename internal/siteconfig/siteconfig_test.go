package siteconfig_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/internal/siteconfig"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/load"
	"github.com/gapseal/gapseal/verify/trust"
)

var update = flag.Bool("update", false, "write the documents as they are into testdata")

// newSite returns a site with images in registry.plant:5000/mirror.
func newSite(t *testing.T, opt *verify.Options, change func(*load.Names), images ...string) *siteconfig.Site {
	t.Helper()
	names, err := load.ParseHost("registry.plant:5000/mirror")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&names)
	}
	s := &siteconfig.Site{Name: "gapseal", Names: names}
	s.Domains = opt.Domains()
	for _, image := range images {
		ref, err := oci.ParseReference(image)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(ref, siteconfig.Forms{Tag: true}, opt, nil); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// write returns the documents of a kind, one after the other.
func write(t *testing.T, kind string, s *siteconfig.Site) string {
	t.Helper()
	files, err := siteconfig.FindKind(kind).Write(s)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range files {
		if !filepath.IsLocal(f.Path) {
			t.Errorf("%q leaves the folder", f.Path)
		}
		b.WriteString("== " + f.Path + "\n")
		b.Write(f.Text)
	}
	return b.String()
}

func fails(t *testing.T, kind string, s *siteconfig.Site, want string) {
	t.Helper()
	if _, err := siteconfig.FindKind(kind).Write(s); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", kind, err, want)
	}
}

// identified pins an identity, and a root of the lab.
func identified(t *testing.T) *verify.Options {
	t.Helper()
	o := &verify.Options{}
	o.TrustRoot(labRoot(t))
	o.Identities = []*cert.Policy{{SANRegexp: "dev@.*", Issuer: "https://accounts.example"}}
	return o
}

func labRoot(t *testing.T) *trust.Root {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/keys/trusted_root.json")
	if err != nil {
		t.Fatal(err)
	}
	root, err := trust.ParseTrustedRoot(raw)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var images = []string{"ghcr.io/acme/app:v1", "docker.io/library/nginx:1", "localhost:5000/lab/tool:v2"}

func TestGolden(t *testing.T) {
	key := fixture.Options()
	loose := fixture.Options()
	loose.LogOptional = true
	moved := func(n *load.Names) { n.Map = []load.Mapping{{From: "ghcr.io/acme", To: "own"}} }
	keep := func(n *load.Names) { n.KeepRegistry = true }
	secured := newSite(t, &key, keep, images...)
	secured.CA = `C:\ca "plant".pem`
	plain := newSite(t, &key, moved, images...)
	plain.HTTP = true
	for name, text := range map[string]string{
		"containerd":              write(t, "containerd", newSite(t, &key, nil, images...)),
		"containerd-keep":         write(t, "containerd", secured),
		"podman":                  write(t, "podman", newSite(t, &key, nil, images...)),
		"podman-map-http":         write(t, "podman", plain),
		"crio":                    write(t, "crio", newSite(t, &key, keep, images...)),
		"openshift":               write(t, "openshift", newSite(t, &key, moved, images...)),
		"policy":                  write(t, "policy.json", newSite(t, &key, nil, images...)),
		"policy-log-optional":     write(t, "policy.json", newSite(t, &loose, nil, images[0])),
		"kyverno":                 write(t, "kyverno", newSite(t, &key, nil, images...)),
		"kyverno-keyless":         write(t, "kyverno", newSite(t, identified(t), nil, images[0])),
		"controller-log-optional": write(t, "policy-controller", newSite(t, &loose, nil, images...)),
		"controller-keyless":      write(t, "policy-controller", newSite(t, identified(t), nil, images[0])),
	} {
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != text {
			t.Errorf("%s differs; run the test with -update and look at the difference:\n%s", path, text)
		}
	}
}

// The two TrustRoots hold what the trusted root does, as far as each can.
func TestTrustRoots(t *testing.T) {
	root := labRoot(t)
	files, err := siteconfig.FindKind("policy-controller").Write(newSite(t, identified(t), nil, images[0]))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	listed, err := trust.ParseRoots(files[0].Text)
	if err != nil || len(listed) != 1 {
		t.Fatalf("%s: %v", files[0].Path, err)
	}
	var ecdsa []string
	for _, l := range root.Logs {
		if !strings.HasPrefix(l.Key.Describe(), "Ed25519") {
			ecdsa = append(ecdsa, l.ID)
		}
	}
	if got := logIDs(listed[0].Logs); !slices.Equal(got, ecdsa) {
		t.Errorf("logs %v, want %v", got, ecdsa)
	}
	carried := carriedRoot(t, files[1].Text)
	for _, r := range []*trust.Root{listed[0], carried} {
		if got, want := logIDs(r.CTLogs), logIDs(root.CTLogs); !slices.Equal(got, want) {
			t.Errorf("certificate logs %v, want %v", got, want)
		}
		if len(r.CAs) != len(root.CAs) || r.CAs[0].Fingerprint() != root.CAs[0].Fingerprint() ||
			len(r.TSAs) != len(root.TSAs) || r.TSAs[0].Fingerprint() != root.TSAs[0].Fingerprint() {
			t.Error("the authorities differ")
		}
	}
	if got, want := logIDs(carried.Logs), logIDs(root.Logs); !slices.Equal(got, want) {
		t.Errorf("logs %v, want %v", got, want)
	}
	if !carried.Logs[0].From.Equal(root.Logs[0].From) || !carried.CAs[0].From.Equal(root.CAs[0].From) {
		t.Error("the times are not those of the trusted root")
	}
}

func logIDs(logs []trust.Log) (list []string) {
	for _, l := range logs {
		list = append(list, l.ID)
	}
	return list
}

func TestRefused(t *testing.T) {
	open := verify.Options{}
	key := fixture.Options()
	s := newSite(t, &open, nil, images[0])
	for _, kind := range []string{"policy.json", "kyverno", "policy-controller"} {
		if _, err := siteconfig.FindKind(kind).Write(s); !errors.Is(err, siteconfig.ErrNoSigner) {
			t.Errorf("%s without a signer: %v", kind, err)
		}
	}
	fails(t, "containerd", newSite(t, &key, func(n *load.Names) { n.Flatten = true }, images...), "as a whole")
	fails(t, "containerd", newSite(t, &key, func(n *load.Names) { n.Host, n.Prefix = "ghcr.io", "" }, images[0]),
		"nothing has to be redirected")
	fails(t, "policy-controller", newSite(t, &key, nil, images[0]), "only beside an authority")
	fails(t, "policy.json", newSite(t, identified(t), nil, images[0]), "each exact")
	none := fixture.Options()
	none.Logs = nil
	for _, kind := range []string{"policy.json", "kyverno", "policy-controller"} {
		fails(t, kind, newSite(t, &none, nil, images[0]), "no pinned log")
	}
	for _, text := range []string{"a\nkind: Evil", "\ttab", "a\x7fb", "\u2028"} {
		control := identified(t)
		control.Identities[0].Issuer = text
		fails(t, "kyverno", newSite(t, control, nil, images[0]), "a control character")
	}
	workflow := identified(t)
	workflow.Identities[0].GitHubWorkflow.Ref = "refs/heads/main"
	fails(t, "policy-controller", newSite(t, workflow, nil, images[0]), "GitHub workflow")
}

// Signers come from the rule that matches; an image without one is refused.
func TestPolicyRules(t *testing.T) {
	other := fixture.Key("other.pub")
	o := fixture.Options()
	log := o.Logs
	o = verify.Options{Policy: &verify.Policy{Rules: []verify.Rule{
		{Pattern: "ghcr.io/acme/app:v1", Demands: verify.Demands{Keys: []*trust.Key{fixture.Key("cosign.pub")}}},
		{Pattern: "ghcr.io/acme/**", Demands: verify.Demands{Keys: []*trust.Key{other}, Signers: 2}},
	}}}
	o.Logs = log
	s := newSite(t, &o, nil, "ghcr.io/acme/app:v1", "ghcr.io/acme/tool:v1")
	text := write(t, "kyverno", s)
	if strings.Count(text, "name: signed-") != 2 || !strings.Contains(text, "signed-2") {
		t.Errorf("want a rule for each set of signers:\n%s", text)
	}
	if len(s.Notes) == 0 || !strings.Contains(s.Notes[0], "several signers") {
		t.Errorf("notes %q", s.Notes)
	}
	fails(t, "kyverno", newSite(t, &o, nil, "ghcr.io/acme/app:v1", "ghcr.io/acme/app:v2"), "different signers")
	ref, err := oci.ParseReference("quay.io/else/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(ref, siteconfig.Forms{}, &o, nil); err == nil ||
		!strings.Contains(err.Error(), "no rule of the policy") {
		t.Errorf("an image that no rule matches: %v", err)
	}
}

// Whatever text stands in a value, the document says that and nothing more.
func TestHostileText(t *testing.T) {
	for _, text := range []string{
		"yes", "a: b # c", `"]}`, "'", "- x", "{{ evil }}", "*a", "&a", "!!binary x", "~", "0x1", "|", "trailing ", "null", "1e3",
		"%x", "\\d+", "@x", "a\\n", "?", "[a]", "{a: b}", "a #b", "\u00e9",
	} {
		o := identified(t)
		o.Identities[0] = &cert.Policy{SAN: text, Issuer: text}
		files, err := siteconfig.FindKind("policy-controller").Write(newSite(t, o, nil, images[0]))
		if err != nil {
			t.Fatal(err)
		}
		var policy struct {
			Spec struct {
				Authorities []struct {
					Keyless struct {
						Identities []struct{ Issuer, Subject string }
					}
				}
			}
		}
		if err := yaml.NewDecoder(bytes.NewReader(files[2].Text)).Decode(&policy); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		id := policy.Spec.Authorities[0].Keyless.Identities[0]
		if id.Issuer != text || id.Subject != text {
			t.Errorf("%q: found %q", text, id)
		}
	}
}
