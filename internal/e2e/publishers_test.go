package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// policies is the folder of the example policies, relative to this one.
const policies = "../../docs/policies"

// publisher is a row of docs/publishers.md: how its images are signed, and the answers
// that its example policy must give.
type publisher struct {
	name      string
	policy    string                               // a file in docs/policies
	rule      int                                  // the rule of the policy that is for this image
	push      func(t *testing.T, s *sample)        // pushes the image, and what vouches for it
	vouchedBy string                               // "signature" if empty
	failed    []string                             // the checks that fail if the wrong signer vouches
	replace   map[string]string                    // values of the policy that the lab cannot have
	seal      bool                                 // the sender seals the bundle
	root      func(t *testing.T, s *sample) string // the trusted root; the lab's if nil
}

// sample is one image of a publisher. If it is wrong, the one thing that vouches for it
// is made by another key, identity or sender than the policy names.
type sample struct {
	repo  string
	wrong bool
	key   keyPair // the key of the publisher, which the policy pins
	image pushed

	signatures string // the repository for evidence, if that is another
	pin        string // the digest that the policy pins, if it does
}

// signer returns the key that signs: the publisher's, unless the sample is wrong.
func (s *sample) signer() keyPair {
	if s.wrong {
		return stack.untrusted
	}
	return s.key
}

// by returns a signature of cosign's first generation by the signer's key.
func (s *sample) by() signature {
	return signature{version: "cosign2", key: s.signer(), annotation: demanded}
}

// email returns a keyless signature by an address, or by another one if the sample is
// wrong. Without services, it is one of cosign's first generation.
func (s *sample) email(t *testing.T, address, services string) signature {
	t.Helper()
	if s.wrong {
		address = "someone@e2e.test"
	}
	token, err := stack.issuer.emailToken(address)
	return keyless(t, services, token, err)
}

// workflow returns a keyless signature by a workflow at a ref, called by a repository;
// by a workflow of another repository if the sample is wrong.
func (s *sample) workflow(t *testing.T, caller, ref, services string) signature {
	t.Helper()
	if s.wrong {
		caller, ref = "evil/app", "evil/app/.github/workflows/release.yml@refs/heads/main"
	}
	token, err := stack.issuer.token(stack.issuer.workflowURL(), map[string]any{
		"sub": "repo:" + caller, "job_workflow_ref": ref, "repository": caller, "workflow": "Release",
		"event_name": "push", "ref": "refs/heads/main", "sha": "1111111111111111111111111111111111111111",
	})
	return keyless(t, services, token, err)
}

// signAs signs the image under another name than its own.
func signAs(t *testing.T, image pushed, s signature, reference string) {
	t.Helper()
	args := append(signingArgs(s, "sign"), "--sign-container-identity", reference)
	wantExit(t, 0, signing(t, s, append(args, image.byDigest(t))))
}

// TestPublishers makes an image in the shape of each publisher's, and verifies it under
// the example policy for it, in which only the names, the issuers and the keys are
// replaced by the lab's. The same image must be rejected if the one thing that vouches
// for it is wrong.
func TestPublishers(t *testing.T) {
	var table strings.Builder
	for _, p := range publishers() {
		t.Run(p.name, func(t *testing.T) {
			good, wrong := "(no answer)", "(no answer)"
			defer func() { fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", p.name, p.policy, good, wrong) }()
			r := p.verify(t, p.sample(t, false))
			if got := r.Images[0].VouchedBy; got != p.by() {
				t.Errorf("vouched for by %q, want %q", got, p.by())
			}
			good = "verified, by " + r.Images[0].VouchedBy
			r = p.reject(t, p.sample(t, true))
			wrong = "rejected: " + strings.Join(r.failed(), ", ")
			r.wantFailed(t, p.failed...)
		})
	}
	t.Logf("\n| publisher | policy | answer | with the wrong signer |\n|---|---|---|---|\n%s", table.String())
}

// verify exports the sample and requires it to be verified, and, with its digest
// demanded, without a warning.
func (p publisher) verify(t *testing.T, s *sample) report {
	t.Helper()
	args := p.args(t, s, s.key)
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exportingBy(t, file, []pushed{s.image}, slices.Concat(args, p.sealArgs(s))))
	pin := s.image.tag + "@" + s.image.digest.String()
	verifyBy(t, "verified", file, append(slices.Clone(args), "--image", pin, "--strict")...).wantWarned(t)
	r := verifyBy(t, "verified", file, args...)
	for _, c := range r.Checks {
		if c.Status == "warn" && c.ID != "policy.reference-unbound" {
			t.Errorf("warns of %s: %s", c.ID, c.Detail)
		}
	}
	return r
}

// reject requires export to refuse the sample, and verify to reject it. A seal by
// another key is refused by verify only, whose policy names the right one.
func (p publisher) reject(t *testing.T, s *sample) report {
	t.Helper()
	args := p.args(t, s, s.key)
	file := filepath.Join(t.TempDir(), "bundle.tar")
	if p.seal {
		sealed := slices.Concat(p.args(t, s, s.signer()), p.sealArgs(s))
		wantExit(t, 0, exportingBy(t, file, []pushed{s.image}, sealed))
	} else {
		wantExit(t, 1, exportingBy(t, file, []pushed{s.image}, args))
		wantExit(t, 0, exportingBy(t, file, []pushed{s.image}, append(slices.Clone(args), "--allow-unverified")))
	}
	return verifyBy(t, "rejected", file, args...)
}

func (p publisher) by() string {
	if p.vouchedBy == "" {
		return "signature"
	}
	return p.vouchedBy
}

// sample pushes an image of the publisher.
func (p publisher) sample(t *testing.T, wrong bool) *sample {
	t.Helper()
	s := &sample{repo: "pub-" + repoOf(p.name), wrong: wrong, key: stack.signer}
	if wrong {
		s.repo += "-wrong"
	}
	p.push(t, s)
	return s
}

// sealArgs returns the arguments with which the sender seals, if it does.
func (p publisher) sealArgs(s *sample) []string {
	if !p.seal {
		return nil
	}
	return []string{"--seal", s.signer().private, "--seal-stream", "e2e"}
}

// args writes the policy, which pins the key, and returns the arguments that export and
// verify share.
func (p publisher) args(t *testing.T, s *sample, key keyPair) []string {
	t.Helper()
	root := stack.fullRoot
	if p.root != nil {
		root = p.root(t, s)
	}
	file := filepath.Join(t.TempDir(), p.policy)
	if err := os.WriteFile(file, []byte(p.text(t, s, key)), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--policy", file, "--trusted-root", root}
}

var (
	matchLine = regexp.MustCompile(`(?m)^( *- match: ).*$`)
	keyFile   = regexp.MustCompile(`file: keys/[a-z0-9._-]+`)
	keyPEM    = regexp.MustCompile(`pem: \|\n(?: +[^ :]+ ?[^:\n]*\n)+? +-----END PUBLIC KEY-----`)
	anyPin    = regexp.MustCompile(`sha256:0{64}`)
)

// text returns the example policy with the lab's names, issuers and keys.
func (p publisher) text(t *testing.T, s *sample, key keyPair) string {
	t.Helper()
	text := string(ok(os.ReadFile(filepath.Join(policies, p.policy)))(t))
	rule := -1
	text = matchLine.ReplaceAllStringFunc(text, func(line string) string {
		rule++
		if rule != p.rule {
			return line
		}
		return matchLine.ReplaceAllString(line, "${1}"+strings.TrimSuffix(tagOf(s.repo), ":v1"))
	})
	for from, to := range p.replace {
		if !strings.Contains(text, from) {
			t.Fatalf("%s does not contain %q", p.policy, from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	text = strings.ReplaceAll(text, "https://accounts.google.com", stack.issuer.url)
	text = strings.ReplaceAll(text, "https://token.actions.githubusercontent.com", stack.issuer.workflowURL())
	text = keyFile.ReplaceAllString(text, "file: "+key.public)
	text = keyPEM.ReplaceAllString(text, "file: "+key.public)
	text = anyPin.ReplaceAllString(text, s.pin)
	return strings.ReplaceAll(text, "registry.scout.docker.com/dhi/python", s.signatures)
}

// failed lists the checks that failed, each once, in the order of cause.
func (r report) failed() (ids []string) {
	for _, f := range r.Failures {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}
