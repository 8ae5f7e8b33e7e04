package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestOtherTag verifies a signature for a name with a tag under another tag of the same
// digest, and in another repository. The reports distinguish the two.
func TestOtherTag(t *testing.T) {
	p := publisher{name: "other tag", policy: "own-key-unlogged.yaml", push: func(t *testing.T, s *sample) {
		s.image = pushOCI(t, s.repo)
		by := s.by()
		by.unlogged = true
		signAs(t, s.image, by, s.image.tag)
	}}
	s := p.sample(t, false)
	args := p.args(t, s, s.key)
	for _, c := range []struct{ name, tag, detail string }{
		{"tag", strings.TrimSuffix(s.image.tag, "v1") + "v2", "under another tag"},
		{"repository", strings.TrimSuffix(s.image.tag, ":v1") + "-copy:v1", "another repository"},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := pushed{tag: c.tag, digest: s.image.digest}
			copyImage(t, s.image, other)
			if c.name == "repository" {
				args = p.args(t, &sample{repo: s.repo + "-copy"}, s.key)
			}
			r := refuseBy(t, other, []string{"signature.docker-reference"}, args...)
			if got := r.Failures[0].Detail; !strings.Contains(got, c.detail) {
				t.Errorf("the detail is %q, want it to say %q", got, c.detail)
			}
		})
	}
}

// copyImage copies an image with its signature to another name.
func copyImage(t *testing.T, from, to pushed) {
	t.Helper()
	_, tag, _ := strings.Cut(to.tag, "/")
	_, tag, _ = strings.Cut(tag, ":")
	for from, target := range map[name.Tag]name.Tag{
		from.repository(t).Tag("v1"):         to.repository(t).Tag(tag),
		from.repository(t).Tag(sigTag(from)): to.repository(t).Tag(sigTag(from)),
	} {
		image := ok(remote.Image(from, remote.WithContext(t.Context())))(t)
		if err := remote.Write(target, image, remote.WithContext(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlatformAttestation signs the attestation manifest of a platform well, and makes
// what it says wrong.
func TestPlatformAttestation(t *testing.T) {
	const builder = "docker/github-builder/.github/workflows/build.yml@refs/tags/v1"
	for _, c := range []struct {
		name    string
		claimed string
		subject bool
		caller  string
		failed  []string
	}{
		{
			"about another platform", digestOf([]byte("another platform")), true, "acme/app",
			[]string{"signature.claims", "policy.platform-attestation"},
		},
		{"without a subject", "", false, "acme/app", []string{"signature.claims", "policy.platform-attestation"}},
		{
			"called by another repository", "", true, "evil/app",
			[]string{"cert.identity", "policy.platform-attestation"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := publisher{name: c.name, policy: "docker-github-builder.yaml", push: func(t *testing.T, s *sample) {
				var att pushed
				s.image, att = buildkit(t, s.repo, c.claimed, c.subject)
				sign(t, att, s.workflow(t, c.caller, builder, certified1))
			}}
			s := p.sample(t, false)
			refuseBy(t, s.image, c.failed, p.args(t, s, s.key)...)
		})
	}
}

// TestSender takes away, one by one, what the sender needs to vouch for an image.
func TestSender(t *testing.T) {
	p := publisher{name: "sender", policy: "docker-official.yaml", seal: true, push: pushOfficial}
	s := p.sample(t, false)
	args := p.args(t, s, s.key)
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exportingBy(t, file, []pushed{s.image}, slices.Concat(args, p.sealArgs(s))))
	done := wantExit(t, 0, verifying(t, file, args...))
	if !strings.Contains(string(done.stdout), "UNSIGNED") {
		t.Errorf("the report does not say UNSIGNED:\n%s", done)
	}

	other := *s
	other.pin = digestOf(nil)
	verifyBy(t, "rejected", file, p.args(t, &other, s.key)...).wantFailed(t, "policy.digest", "policy.sender")
	verifyBy(t, "rejected", file, p.args(t, s, stack.untrusted)...).wantFailed(t, "policy.seal", "policy.sender")
	verifyBy(t, "rejected", file, keyAnchors()...).wantFailed(t, "signature.present")
	wantExit(t, 2, exportingBy(t, file+"2", []pushed{s.image}, args)) // the policy demands a seal
}

// TestSenderLock pins the digest with a lock in place of the policy. A lock of another
// image does not vouch for this one.
func TestSenderLock(t *testing.T) {
	p := publisher{
		name: "sender lock", policy: "docker-official.yaml", seal: true, push: pushOfficial,
		replace: map[string]string{
			`    digests: ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]`: "",
		},
	}
	s := p.sample(t, false)
	args := p.args(t, s, s.key)
	dir := t.TempDir()
	file, lock := filepath.Join(dir, "bundle.tar"), filepath.Join(dir, "lock.json")
	other := filepath.Join(dir, "other.json")
	signed := pushGood(t, "lock-of-another", "cosign2")
	wantExit(t, 0, exporting(t, filepath.Join(dir, "other.tar"), []pushed{signed}, "--lock-out", other))

	sealed := slices.Concat(args, p.sealArgs(s), []string{"--allow-unverified"})
	wantExit(t, 2, exportingBy(t, file, []pushed{s.image}, sealed)) // a seal vouches for what verifies
	sealed = slices.Concat(args, p.sealArgs(s), []string{"--lock-out", lock})
	wantExit(t, 0, exportingBy(t, file, []pushed{s.image}, sealed))
	r := verifyBy(t, "verified", file, append(slices.Clone(args), "--lock", lock)...)
	if i := r.Images[0]; i.VouchedBy != "sender" || i.BoundBy != "lock" {
		t.Errorf("vouched for by %q and bound by %q, want sender and lock", i.VouchedBy, i.BoundBy)
	}
	verifyBy(t, "rejected", file, args...).wantFailed(t, "policy.sender")
	verifyBy(t, "rejected", file, append(slices.Clone(args), "--lock", other)...).
		wantFailed(t, "policy.lock", "policy.sender")
}
