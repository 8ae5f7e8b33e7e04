package policy_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/policy"
)

const (
	oneRule = "schema: gapseal.policy/v1\nimages:\n  - match: a.b/c\n"
	slsa1   = "https://slsa.dev/provenance/v1"
	denied  = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
)

func TestVouchIsRead(t *testing.T) {
	p, err := policy.Parse([]byte(oneRule+`    vouch:
      - signature
      - {attestation: slsaprovenance1}
      - platformAttestation: https://slsa.dev/provenance/v1
      - sender
    log: optional
    signedAs: [us-central1-docker.pkg.dev/acme/**, "a.b/d:v1"]
    signatureRepository: a.b/signatures
    payloadTypes: [Tekton container signature]
    namesBound: true
seal: {keys: [{file: cosign.pub}]}
sealStream: plant
builtInRoot: refuse
deny:
  keys: [{fingerprint: "`+denied+`"}]
  identities: [{identity: x@y.example, issuer: "https://i.example"}]
  digests: ["`+denied+`"]
`), key)
	if err != nil {
		t.Fatal(err)
	}
	r := &p.Rules[0]
	want := []verify.Vouch{
		{By: check.VouchedBySignature},
		{By: check.VouchedByAttestation, Name: "slsaprovenance1", PredicateType: slsa1},
		{By: check.VouchedByPlatformAttestation, Name: slsa1, PredicateType: slsa1},
		{By: check.VouchedBySender},
	}
	if !reflect.DeepEqual(r.Vouch, want) {
		t.Errorf("vouch: %v, want %v", r.Vouch, want)
	}
	if !r.LogOptional || !r.NamesBound || len(r.SignedAs) != 2 || r.SignatureRepository != "a.b/signatures" ||
		len(r.PayloadTypes) != 1 || p.SealStream != "plant" || !p.RefuseBuiltInRoot {
		t.Errorf("something was not read: %+v", p)
	}
	d := p.Deny
	if len(d.Identities) != 1 || !reflect.DeepEqual(d.Keys, []string{denied}) ||
		!reflect.DeepEqual(d.Digests, []oci.Digest{denied}) {
		t.Errorf("deny: %+v", d)
	}
}

func TestVouchIsReadStrictly(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"unknown kind":      {"    vouch: [cosign]\n", "want signature"},
		"no type":           {"    vouch: [attestation]\n", "say which type"},
		"a type too many":   {"    vouch: [{sender: acme}]\n", "has no type"},
		"two in one":        {"    vouch: [{attestation: vuln, platformAttestation: vuln}]\n", "found 2"},
		"unknown type":      {"    vouch: [{attestation: provenance}]\n", "want a type, a URI"},
		"twice":             {"    vouch: [sender, sender]\n", "listed twice"},
		"a signature's":     {"    vouch: [{attestation: 'https://sigstore.dev/cosign/sign/v1'}]\n", "write signature"},
		"empty":             {"    vouch: []\n", "found none"},
		"annotations":       {"    vouch: [{attestation: vuln}]\n    annotations: {a: b}\n", "only a signature has them"},
		"keys for a sender": {"    vouch: [sender]\n    keys: [{file: cosign.pub}]\n", "have no effect"},
		"age for a sender":  {"    vouch: [sender]\n    maxAge: 90d\n", "demands on signatures have no effect"},
		"log":               {"    log: never\n", "want required or optional"},
		"log and inclusion": {"    log: optional\n    inclusion: true\n", "contradicts"},
		"signedAs":          {"    signedAs: [nginx]\n", "signedAs"},
		"signatures":        {"    signatureRepository: a.b/c:v1\n", "signatureRepository"},
		"payload type":      {"    payloadTypes: [x, x]\n", "listed twice"},
		"stream":            {"sealStream: plant\n", "demands none"},
		"built-in root":     {"builtInRoot: warn\n", "want accept or refuse"},
		"denied digest":     {"deny: {digests: [abc]}\n", "deny.digests"},
		"denied key": {"    keys: [{fingerprint: \"" + denied + "\"}]\ndeny: {keys: [{fingerprint: \"" + denied +
			"\"}]}\n", "names a key that deny refuses"},
		"misspelt": {"    vuch: [sender]\n", `did you mean "vouch"?`},
	} {
		if _, err := policy.Parse([]byte(oneRule+c.text), key); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestExplainVouch(t *testing.T) {
	p, err := policy.Parse([]byte(oneRule+`    vouch: [signature, {attestation: vuln}, {platformAttestation: vuln}, sender]
    annotations: {a: b}
    log: optional
    signedAs: [a.b/d]
    payloadTypes: [x]
    namesBound: true
    signatureRepository: a.b/e
seal: {keys: [{file: cosign.pub}]}
sealStream: plant
builtInRoot: refuse
deny:
  keys: [{fingerprint: "`+denied+`"}]
  identities: [{identity: x@y.example, issuer: "https://i.example"}]
  digests: ["`+denied+`"]
`), key)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.Explain(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"    a signature of the image\n", "    or an attestation about the image of type https://cosign",
		"for each platform, while the index itself is not signed", "the seal of the sender and a pinned digest",
		"If a signature vouches, what was signed must have the annotation a=b.",
		"may come without an entry in a transparency log", "under a name that matches a.b/d", `of the type "x"`,
		"looks for its evidence in a.b/e", "bound by a digest, a lock or a seal", "must be of the stream plant",
		"built-in trusted root and logs are refused", "A signature by the key " + denied + " counts for nothing",
		"A signature by the identity x@y.example", "An image that contains " + denied + " is refused",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}

// TestManyRules reads a policy of 2,000 rules, with and without stars, in a time
// that grows with their number and not with its square.
func TestManyRules(t *testing.T) {
	for name, form := range map[string]string{"names": "a.b/c%d", "stars": "a.b/c%d/*"} {
		took := func(n int) time.Duration {
			var b strings.Builder
			b.WriteString("schema: gapseal.policy/v1\nimages:\n")
			for i := range n {
				fmt.Fprintf(&b, "- match: "+form+"\n", i)
			}
			start := time.Now()
			p, err := policy.Parse([]byte(b.String()), key)
			if err != nil || len(p.Rules) != n {
				t.Fatalf("%s: %v", name, err)
			}
			return time.Since(start)
		}
		if d := took(2000); d > 5*time.Second {
			t.Errorf("%s: %s for 2,000 rules", name, d)
		} else {
			t.Logf("%s: %s for 2,000 rules", name, d)
		}
	}
}
