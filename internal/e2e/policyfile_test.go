package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writePolicy writes a policy with these rules, and returns its path.
func writePolicy(t *testing.T, rules ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	text := "schema: gapseal.policy/v1\nname: end to end\nimages:\n" + strings.Join(rules, "")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// keyRule demands that the image is present and signed with the key.
func keyRule(image pushed, pair keyPair) string {
	return fmt.Sprintf("  - match: %q\n    required: true\n    keys: [{file: %q}]\n", image.tag, pair.public)
}

// identityRule demands that the image is present and signed by the developer.
func identityRule(image pushed) string {
	const rule = "  - match: %q\n    required: true\n    identities: [{identity: %q, issuer: %q}]\n"
	return fmt.Sprintf(rule, image.tag, developer, stack.issuer.url)
}

// TestPolicyFile exports two images in one bundle. A policy demands that one is signed
// with a key, and the other by an identity.
func TestPolicyFile(t *testing.T) {
	byKey := pushAs(t, "policy-by-key", bundled(onRekor1))
	byWho := pushAs(t, "policy-by-identity", byDeveloper(t, certified2))
	absent := pushed{tag: tagOf("absent")}
	policyArgs := func(rules ...string) []string {
		return []string{"--policy", writePolicy(t, rules...), "--trusted-root", stack.fullRoot}
	}
	args := policyArgs(keyRule(byKey, stack.signer), identityRule(byWho))
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exportingBy(t, file, []pushed{byWho, byKey}, args))
	r := verifyBy(t, "verified", file, args...)
	r.wantFailed(t)
	r.wantWarned(t, "policy.reference-unbound")
	for _, i := range r.Images {
		if len(i.Signatures) != 1 || !i.Signatures[0].Counts {
			t.Errorf("want one signature that counts: %+v", i)
			continue
		}
		if (i.Signatures[0].Identity == developer) != (i.ClaimedReference == byWho.tag) {
			t.Errorf("want each image signed by the signer that its rule names: %+v", i)
		}
	}

	for _, c := range []struct {
		name   string
		rules  []string
		failed []string
	}{
		{
			"the signers exchanged", []string{identityRule(byKey), keyRule(byWho, stack.signer)},
			[]string{"trust.key", "cert.chain"},
		},
		{"another key", []string{keyRule(byKey, stack.untrusted), identityRule(byWho)}, []string{"trust.key"}},
		{"an image of no rule", []string{keyRule(byKey, stack.signer)}, []string{"policy.unlisted-image"}},
		{
			"a missing image",
			[]string{keyRule(byKey, stack.signer), identityRule(byWho), keyRule(absent, stack.signer)},
			[]string{"policy.image"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			verifyBy(t, "rejected", file, policyArgs(c.rules...)...).wantFailed(t, c.failed...)
		})
	}
}
