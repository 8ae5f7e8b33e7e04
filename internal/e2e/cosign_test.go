package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// demanded is the annotation that the signatures of this run carry.
const demanded = "repo=acme/app"

// signature describes how cosign signs.
type signature struct {
	version    string // cosign2 or cosign3
	key        keyPair
	token      string // of an identity, for a keyless signature; key is not used then
	services   string // a signing config, for a Sigstore bundle
	annotation string
	unlogged   bool
	recursive  bool
}

// goodSignature returns a logged signature by the trusted key, with the demanded
// annotation.
func goodSignature(version string) signature {
	return signature{version: version, key: stack.signer, annotation: demanded}
}

// sign signs image as s describes.
func sign(t *testing.T, image pushed, s signature) {
	t.Helper()
	args := append(signingArgs(s, "sign"), "-a", s.annotation)
	if s.recursive {
		args = append(args, "-r")
	}
	wantExit(t, 0, signing(t, s, append(args, image.byDigest(t))))
}

// predicates holds a predicate for each type, by cosign's name of the type.
var predicates = map[string]string{
	"slsaprovenance1": `{"buildDefinition":{"buildType":"https://e2e.test/build/v1","externalParameters":{}},` +
		`"runDetails":{"builder":{"id":"https://e2e.test/builder"}}}`,
	"slsaprovenance": `{"builder":{"id":"https://e2e.test/builder"},"buildType":"https://e2e.test/build/v1",` +
		`"invocation":{"configSource":{}}}`,
	"https://k8s.io/promo-tools/promotion/v1": `{"dstRef":"registry.k8s.io/kube-apiserver",` +
		`"timestamp":"2026-09-17T07:00:00Z","builderId":"https://k8s.io/promo-tools@v4.6.0"}`,
	"spdxjson": `{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"app",` +
		`"documentNamespace":"https://e2e.test/spdx/app",` +
		`"creationInfo":{"created":"2026-01-01T00:00:00Z","creators":["Tool: e2e"]}}`,
}

// attest attaches an attestation of each of the types.
func attest(t *testing.T, image pushed, s signature, types ...string) {
	t.Helper()
	for _, name := range types {
		predicate := filepath.Join(t.TempDir(), "predicate.json")
		if err := os.WriteFile(predicate, []byte(predicates[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append(signingArgs(s, "attest"), "--type", name, "--predicate", predicate)
		wantExit(t, 0, signing(t, s, append(args, image.byDigest(t))))
	}
}

// signing prepares a run of the cosign version that s names. Cosign 2 checks a new
// certificate with anchors from its environment.
func signing(t *testing.T, s signature, args []string) *exec.Cmd {
	t.Helper()
	cmd := command(t, s.version, args...)
	if s.token != "" && s.services == "" {
		cmd.Env = append(cmd.Env,
			"SIGSTORE_ROOT_FILE="+stack.file("fulcio.pem"),
			"SIGSTORE_REKOR_PUBLIC_KEY="+stack.rekorPub,
			"SIGSTORE_CT_LOG_PUBLIC_KEY_FILE="+stack.file("ct.pub"))
	}
	return cmd
}

// signingArgs returns the arguments that sign and attest have in common. Cosign 3
// needs three of them to write the .sig and .att tags of the first generation.
func signingArgs(s signature, verb string) []string {
	args := []string{verb, "-y"}
	if s.token == "" {
		args = append(args, "--key", s.key.private)
	} else {
		args = append(args, "--identity-token", s.token)
	}
	switch {
	case s.services != "":
		args = append(args, "--signing-config", stack.signingConfig(s.services), "--trusted-root", stack.fullRoot)
		if s.version == "cosign2" {
			args = append(args, "--new-bundle-format")
		}
		return args
	case s.version == "cosign3":
		args = append(args, "--use-signing-config=false", "--new-bundle-format=false", "--trusted-root", stack.root)
	}
	if s.token != "" {
		args = append(args, "--fulcio-url", stack.fulcioURL, "--oidc-issuer", stack.issuer.url)
	}
	if s.unlogged {
		return append(args, "--tlog-upload=false")
	}
	return append(args, "--rekor-url", stack.rekorURL)
}

// cosignVerify prepares a verification by cosign with the same keys as for gapseal.
func cosignVerify(t *testing.T, version string, args ...string) *exec.Cmd {
	t.Helper()
	pinned := []string{"verify", "--key", stack.signer.public, "--trusted-root", stack.root, "-a", demanded}
	return command(t, version, append(pinned, args...)...)
}

// cosignVerifyBy prepares a verification by cosign 3 with only the anchors in args.
// It omits the one argument of gapseal that cosign does not have.
func cosignVerifyBy(t *testing.T, image pushed, args []string) *exec.Cmd {
	t.Helper()
	line := []string{"verify"}
	for _, arg := range args {
		if arg != "--require-inclusion" {
			line = append(line, arg)
		}
	}
	return command(t, "cosign3", append(line, image.byDigest(t))...)
}

// TestCosign is a control: cosign accepts the images that gapseal should accept,
// and refuses those that gapseal should refuse.
func TestCosign(t *testing.T) {
	for _, version := range []string{"cosign2", "cosign3"} {
		t.Run(version, func(t *testing.T) {
			for _, signer := range []string{"cosign2", "cosign3"} {
				image := pushGood(t, "control-"+signer+"-"+version, signer)
				wantExit(t, 0, cosignVerify(t, version, image.byDigest(t)))
			}
			for _, bad := range badImages {
				image := bad.push(t, "control-"+version+"-"+bad.name)
				done, err := execute(cosignVerify(t, version, image.byDigest(t)))
				if err != nil {
					t.Fatal(err)
				}
				if done.code == 0 {
					t.Errorf("%s: cosign accepts it\n%s", bad.name, done)
				}
			}
		})
	}
}

// pushGood pushes an image with one good signature.
func pushGood(t *testing.T, repo, version string) pushed {
	t.Helper()
	image := pushOCI(t, repo)
	sign(t, image, goodSignature(version))
	return image
}

// badImages differ from a good image in exactly one defect. failed are the checks
// that must fail.
var badImages = []struct {
	name   string
	push   func(t *testing.T, repo string) pushed
	failed []string
}{
	{"unsigned", pushOCI, []string{"signature.present"}},
	{"not-logged", pushNotLogged, []string{"rekor.present"}},
	{"wrong-key", pushByUntrustedKey, []string{"trust.key"}},
	{"wrong-annotation", pushOtherwiseAnnotated, []string{"policy.annotations"}},
}

func pushNotLogged(t *testing.T, repo string) pushed {
	t.Helper()
	return pushSigned(t, repo, func(s *signature) { s.unlogged = true })
}

func pushByUntrustedKey(t *testing.T, repo string) pushed {
	t.Helper()
	return pushSigned(t, repo, func(s *signature) { s.key = stack.untrusted })
}

func pushOtherwiseAnnotated(t *testing.T, repo string) pushed {
	t.Helper()
	return pushSigned(t, repo, func(s *signature) { s.annotation = "repo=evil/app" })
}

// pushSigned pushes an image with a signature by cosign 2, which is good except for
// change.
func pushSigned(t *testing.T, repo string, change func(*signature)) pushed {
	t.Helper()
	image, s := pushOCI(t, repo), goodSignature("cosign2")
	change(&s)
	sign(t, image, s)
	return image
}
