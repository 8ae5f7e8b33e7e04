package e2e

import (
	"slices"
	"testing"
)

// kind is one way to sign, and how gapseal must report it.
type kind struct {
	name    string
	signed  signature
	anchors []string
	cosign  []string // further arguments with which cosign 3 verifies the same

	form, log, time  string
	identity, issuer string
	passed           []string // checks that are made only for some kinds
	noted            []string // checks that pass with a note
}

const (
	firstForm  = "cosign-simple-signing"
	bundleForm = "sigstore-bundle-v0.3"
)

// The trusted root identifies Rekor v1 by its key only, so the name that its checkpoint
// bears is a note.
var (
	included  = []string{"rekor.inclusion"}
	unnamed   = []string{"rekor.checkpoint"}
	proven    = slices.Concat(included, unnamed)
	promised  = []string{"rekor.set", "rekor.time"}
	certified = []string{"cert.chain", "cert.sct", "cert.identity"}
	stamped   = []string{"tsa.timestamp"}
)

func keyKinds() []kind {
	return []kind{
		{
			name: "key, first form", signed: goodSignature("cosign2"), anchors: keyAnchors(),
			form: firstForm, log: "hashedrekord/0.0.1", time: "log", passed: promised,
		},
		{
			name: "key, bundle on Rekor v1", signed: bundled(onRekor1),
			anchors: append(keyAnchors(), "--require-inclusion"),
			form:    bundleForm, log: "dsse/0.0.1", time: "log",
			passed: slices.Concat(promised, included), noted: unnamed,
		},
		{
			name: "key, bundle on Rekor v2", signed: bundled(onRekor2),
			anchors: append(keyAnchors(), "--require-inclusion"),
			cosign:  []string{"--use-signed-timestamps"},
			form:    bundleForm, log: "hashedrekord/0.0.2", time: "tsa", passed: slices.Concat(proven, stamped),
		},
	}
}

func keylessKinds(t *testing.T) []kind {
	t.Helper()
	token, err := stack.issuer.workflowToken()
	return []kind{
		{
			name: "keyless, first form", signed: byDeveloper(t, ""), anchors: developerAnchors(),
			form: firstForm, log: "hashedrekord/0.0.1", time: "log", identity: developer, issuer: stack.issuer.url,
			passed: slices.Concat(promised, certified),
		},
		{
			name: "keyless, bundle on Rekor v1", signed: byDeveloper(t, certified1), anchors: developerAnchors(),
			form: bundleForm, log: "dsse/0.0.1", time: "log", identity: developer, issuer: stack.issuer.url,
			passed: slices.Concat(promised, included, stamped, certified), noted: unnamed,
		},
		{
			name: "keyless, bundle on Rekor v2", signed: byDeveloper(t, certified2), anchors: developerAnchors(),
			cosign: []string{"--use-signed-timestamps"},
			form:   bundleForm, log: "hashedrekord/0.0.2", time: "tsa", identity: developer, issuer: stack.issuer.url,
			passed: slices.Concat(proven, stamped, certified),
		},
		{
			name: "workflow, bundle on Rekor v1", signed: keyless(t, certified1, token, err),
			anchors: workflowAnchors(),
			form:    bundleForm, log: "dsse/0.0.1", time: "log", identity: workflow, issuer: stack.issuer.workflowURL(),
			passed: slices.Concat(promised, included, stamped, certified), noted: unnamed,
		},
	}
}

// workflowAnchors returns arguments that demand the release workflow of acme/app, on
// any branch.
func workflowAnchors() []string {
	return []string{
		"--certificate-identity-regexp", "https://github.com/acme/app/.*",
		"--certificate-oidc-issuer", stack.issuer.workflowURL(),
		"--certificate-github-workflow-repository", "acme/app", "--certificate-github-workflow-name", "Release",
		"--trusted-root", stack.fullRoot,
	}
}

// TestKinds signs in every way that cosign supports, and verifies without a network.
func TestKinds(t *testing.T) {
	for _, k := range append(keyKinds(), keylessKinds(t)...) {
		t.Run(k.name, func(t *testing.T) {
			image := pushAs(t, repoOf(k.name), k.signed)
			wantExit(t, 0, cosignVerifyBy(t, image, slices.Concat(k.anchors, k.cosign)))
			args := slices.Concat(k.anchors, []string{"-a", demanded})
			r := verifyBy(t, "verified", exportBy(t, image, args...), args...)
			r.wantFailed(t)
			r.wantWarned(t, "policy.reference-unbound")
			r.wantPassed(t, k.passed...)
			r.wantNoted(t, k.noted...)
			k.want(t, r.Images[0].Signatures)

			evil := slices.Concat(k.anchors, []string{"-a", "repo=evil/app"})
			refuseBy(t, image, []string{"policy.annotations"}, evil...)
		})
	}
}

// want requires exactly one signature, of this kind.
func (k kind) want(t *testing.T, list []judged) {
	t.Helper()
	if len(list) != 1 || !list[0].Counts || list[0].Log == nil || list[0].TrustedTime == "" {
		t.Fatalf("want one logged signature that counts, at a known time: %+v", list)
	}
	s := list[0]
	got := []string{s.Form, s.Log.Kind, s.TimeSource, s.Identity, s.Issuer}
	want := []string{k.form, k.log, k.time, k.identity, k.issuer}
	if !slices.Equal(got, want) {
		t.Errorf("the signature is %q, want %q", got, want)
	}
	if k.signed.token == "" && s.Key != fingerprint(t, stack.signer.public) {
		t.Errorf("the key is %s, want the signer's", s.Key)
	}
	// Rekor v2 signs no time, so none may be reported.
	if noTime := s.Log.IntegratedTime == ""; noTime != (k.time == "tsa") {
		t.Errorf("the log's time is %q", s.Log.IntegratedTime)
	}
}
