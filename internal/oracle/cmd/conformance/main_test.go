package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	lab        = "../../testdata/samples/lab/"
	publicGood = "../../testdata/samples/public-good/"
)

// ask runs the client as the suite does, with options in the order of the
// protocol.
func ask(t *testing.T, dir string, artifact string, options ...string) (code int, printed string) {
	t.Helper()
	args := append([]string{"verify-bundle", "--bundle", dir + "/bundle.json"}, options...)
	var stderr bytes.Buffer
	code = run(append(args, artifact), &stderr)
	return code, stderr.String()
}

func identity(t *testing.T, dir string) []string {
	t.Helper()
	raw, err := os.ReadFile(dir + "/identity")
	if err != nil {
		t.Fatal(err)
	}
	who := strings.Fields(string(raw))
	return []string{"--certificate-identity", who[0], "--certificate-oidc-issuer", who[1]}
}

func TestVerifyBundle(t *testing.T) {
	const (
		other   = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
		image   = "sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"
		message = "sha256:db40015510d443b79cc2223ad278cb8c0cb6b266eaad208840d8ad4c8c3e1984"
		login   = "sha256:732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4"
	)
	root := []string{"--trusted-root", lab + "trusted_root.json"}
	onlyKey := []string{"--key", lab + "key-rekor1/key.pub"}
	key := append(slices.Clone(onlyKey), root...)
	otherRoot := append(slices.Clone(onlyKey), "--trusted-root", publicGood+"trusted_root.json")
	noRoot := append(slices.Clone(onlyKey), "--trusted-root", lab+"key-rekor1/key.pub")
	noKey := append([]string{"--key", lab + "trusted_root.json"}, root...)
	noIssuer := append([]string{"--certificate-identity", "a"}, root...)
	upper := "sha256:" + strings.ToUpper(image[7:])
	workflow := append(identity(t, lab+"keyless-workflow"), root...)
	dev := append(identity(t, lab+"message-keyless"), root...)
	good := append(identity(t, publicGood+"keyless-login"), "--trusted-root", publicGood+"trusted_root.json")
	for _, c := range []struct {
		name, sample, artifact string
		options                []string
		code                   int
		printed                string // begins what is printed to stderr
	}{
		{"envelope, file", lab + "key-rekor1", lab + "key-rekor1/artifact", key, exitVerified, ""},
		{"envelope, digest", lab + "key-rekor1", image, key, exitVerified, ""},
		{"envelope, digest in upper case", lab + "key-rekor1", upper, key, exitVerified, ""},
		{"attestation", lab + "key-rekor2-slsa", image, key, exitVerified, ""},
		{"identity", lab + "keyless-workflow", image, workflow, exitVerified, ""},
		{"staging with a root", lab + "keyless-workflow", image,
			append([]string{"--staging"}, workflow...), exitVerified, ""},
		{"public good", publicGood + "keyless-login", login, good, exitVerified, ""},
		{"message, file", lab + "message-keyless", lab + "message-keyless/artifact", dev, exitVerified, ""},
		{"message, another file", lab + "message-keyless", lab + "message-key/artifact", dev,
			exitRejected, "rejected: signature.claims:"},
		{"message, digest", lab + "message-keyless", message, dev,
			exitNoVerdict, "conformance: this is a message signature"},
		{"envelope, another digest", lab + "key-rekor1", other, key, exitRejected, "rejected: signature.claims:"},
		{"another key", lab + "bad-other-key", image, key, exitRejected, "rejected: trust.key:"},
		{"another identity", lab + "keyless-workflow", image, dev, exitRejected, "rejected: cert.identity:"},
		{"no log entry", lab + "bad-no-log", image, key, exitRejected, "rejected: rekor.present:"},
		{"another root", lab + "key-rekor1", image, otherRoot, exitRejected, "rejected: trust.log:"},
		{"not a root", lab + "key-rekor1", image, noRoot, exitRejected, "rejected: trusted root:"},
		{"not a key", lab + "key-rekor1", image, noKey, exitRejected, "rejected: public key file:"},
		{"public good, with the built-in root", publicGood + "keyless-login", login,
			identity(t, publicGood+"keyless-login"), exitVerified, ""},
		{"the lab, with the built-in root", lab + "key-rekor1", image, onlyKey, exitRejected, "rejected: trust.log:"},
		{"staging without a root", lab + "key-rekor1", image, append([]string{"--staging"}, onlyKey...),
			exitNoVerdict, "conformance: --staging: there is no network"},
		{"key and identity", lab + "key-rekor1", image, append(key, dev...),
			exitNoVerdict, "conformance: want an identity"},
		{"neither", lab + "key-rekor1", image, root, exitNoVerdict, "conformance: want an identity"},
		{"identity without issuer", lab + "key-rekor1", image, noIssuer,
			exitNoVerdict, "conformance: want an identity"},
		{"no such bundle", lab + "none", image, key, exitNoVerdict, "conformance: open "},
		{"unknown option", lab + "key-rekor1", image, append([]string{"--rekor-url", "x"}, key...),
			exitNoVerdict, "conformance: flag provided but not defined"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, printed := ask(t, c.sample, c.artifact, c.options...)
			if code != c.code || !strings.HasPrefix(printed, c.printed) || (code == exitVerified) != (printed == "") {
				t.Errorf("exit %d, want %d and %q; printed:\n%s", code, c.code, c.printed, printed)
			}
		})
	}
}

// TestDigestThatIsAFile gives a file whose name has the form of a digest.
func TestDigestThatIsAFile(t *testing.T) {
	dir, err := filepath.Abs(lab)
	if err != nil {
		t.Fatal(err)
	}
	const image = "sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"
	t.Chdir(t.TempDir())
	if err := os.WriteFile(image, []byte("another artifact"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, printed := ask(t, dir+"/key-rekor1", image,
		"--key", dir+"/key-rekor1/key.pub", "--trusted-root", dir+"/trusted_root.json")
	if code != exitRejected || !strings.HasPrefix(printed, "rejected: signature.claims:") {
		t.Errorf("exit %d, printed %s", code, printed)
	}
}

func TestOtherCommands(t *testing.T) {
	for _, args := range [][]string{nil, {"sign-bundle"}, {"verify"}} {
		var stderr bytes.Buffer
		code := run(args, &stderr)
		if code != exitNoVerdict || !strings.Contains(stderr.String(), "usage: verify-bundle") {
			t.Errorf("%q: exit %d, %s", args, code, &stderr)
		}
	}
}
