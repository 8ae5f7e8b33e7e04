package trust

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestBuiltinRoot(t *testing.T) {
	sum := sha256.Sum256(builtinRoot)
	root := BuiltinRoot()
	const digest = "sha256:6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66"
	if root.Digest != digest || "sha256:"+hex.EncodeToString(sum[:]) != digest {
		t.Errorf("digest %s", root.Digest)
	}
	if root.Source != SourceBuiltin || root.Logs[0].Source != SourceBuiltin || root.CTLogs[0].Source != SourceBuiltin {
		t.Error("not labelled as built-in")
	}
	if len(root.Logs) != 2 || len(root.CAs) != 2 || len(root.CTLogs) != 2 || len(root.TSAs) != 1 ||
		len(root.Unsupported) != 0 {
		t.Errorf("%d logs, %d authorities, %d certificate logs, %d timestamp authorities, left out: %q",
			len(root.Logs), len(root.CAs), len(root.CTLogs), len(root.TSAs), root.Unsupported)
	}
	if want := time.Date(2025, time.September, 23, 0, 0, 0, 0, time.UTC); !root.Newest().Equal(want) {
		t.Errorf("newest entry %s", root.Newest())
	}
	if root.Newest().After(BuiltinCurrent) || BuiltinCurrent.After(time.Now()) {
		t.Errorf("current on %s", BuiltinCurrent)
	}
	root.Logs[0].Name = "changed"
	if BuiltinLogs()[0].Name != "rekor.sigstore.dev" {
		t.Error("the values are shared")
	}
}

func TestParseRootsOfJSONLines(t *testing.T) {
	one, two := strings.TrimSpace(string(readFile(t, v1))), strings.TrimSpace(string(readFile(t, v2)))
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"one":              {one, 1},
		"one, many lines":  {strings.ReplaceAll(one, ",", ",\n"), 1},
		"two":              {one + "\n" + two, 2},
		"two, empty lines": {"\n" + one + "\r\n\n" + two + "\n", 2},
	} {
		roots, err := ParseRoots([]byte(c.text))
		if err != nil || len(roots) != c.want {
			t.Errorf("%s: %d roots, %v", name, len(roots), err)
			continue
		}
		if c.want == 2 && (roots[0].Digest == roots[1].Digest || len(roots[0].Logs) != 1 || len(roots[1].Logs) != 1) {
			t.Errorf("%s: the roots were merged", name)
		}
	}
	for name, c := range map[string]struct{ text, says string }{
		"an empty root":   {one + "\n" + `{"mediaType":"application/vnd.dev.sigstore.trustedroot.v0.1+json"}`, "line 2: trusted root: it lists no log"},
		"no root":         {one + "\n{}", "line 2"},
		"text":            {one + "\ntext", "line 2"},
		"without a break": {one + two, "after the end"},
		"many":            {strings.Repeat(one+"\n", maxRoots+1), "lines"},
	} {
		if _, err := ParseRoots([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// pemOf writes the certificates of an authority.
func pemOf(a *Authority) (text string) {
	for _, c := range a.Chain {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return text
}

// parts returns the built-in root as PEM files.
func parts() map[string][]byte {
	root := BuiltinRoot()
	return map[string][]byte{
		"targets/rekor.pub":         []byte(root.Logs[0].Key.PEM()),
		"targets/ctfe_2022.pub":     []byte("# certificate log\r\n" + root.CTLogs[1].Key.PEM()),
		"targets/fulcio_v1.crt.pem": []byte(pemOf(&root.CAs[1].Authority)),
		"targets/fulcio.crt.pem":    []byte(pemOf(&root.CAs[0].Authority)),
		"targets/tsa.certchain.pem": []byte(pemOf(&root.TSAs[0].Authority)),
	}
}

func TestFromPEM(t *testing.T) {
	want := BuiltinRoot()
	root, err := FromPEM(parts())
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Logs) != 1 || root.Logs[0].ID != want.Logs[0].ID || len(root.CTLogs) != 1 ||
		root.CTLogs[0].ID != want.CTLogs[1].ID {
		t.Errorf("logs %v, %v", root.Logs, root.CTLogs)
	}
	if len(root.CAs) != 2 || len(root.TSAs) != 1 || len(root.TSAs[0].Chain) != len(want.TSAs[0].Chain) {
		t.Fatalf("%d authorities, %d of timestamps", len(root.CAs), len(root.TSAs))
	}
	chains := 0
	for _, ca := range root.CAs {
		chains += len(ca.Chain)
		if err := ca.CheckWindow(time.Now()); err != nil {
			t.Error(err)
		}
	}
	if chains != len(want.CAs[0].Chain)+len(want.CAs[1].Chain) {
		t.Errorf("%d certificates of authorities", chains)
	}
}

func TestFromPEMRefuses(t *testing.T) {
	for name, c := range map[string]struct{ file, text, says string }{
		"a name that says nothing":  {"key.pub", string(parts()["targets/rekor.pub"]), "the name of a PEM file"},
		"a key for an authority":    {"fulcio.pem", string(parts()["targets/rekor.pub"]), "PEM blocks CERTIFICATE"},
		"a certificate for a log":   {"rekor.pub", "x", "found none"},
		"an authority as a stamper": {"tsa.pem", string(parts()["targets/fulcio.crt.pem"]), "signs the timestamps"},
		"a stamper as an authority": {"fulcio.pem", string(parts()["targets/tsa.certchain.pem"]), "may not issue"},
		"no certificates":           {"fulcio.pem", "", "no PEM block"},
	} {
		_, err := FromPEM(map[string][]byte{c.file: []byte(c.text)})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if _, err := FromPEM(nil); err == nil {
		t.Error("no files make a root")
	}
}

func TestParseRootsOfATrustRoot(t *testing.T) {
	encode := func(name string) string { return base64.StdEncoding.EncodeToString(parts()[name]) }
	text := `apiVersion: policy.sigstore.dev/v1alpha1
kind: TrustRoot
metadata:
  name: plant
spec:
  sigstoreKeys:
    certificateAuthorities:
    - subject: {organization: sigstore.dev, commonName: sigstore}
      uri: https://fulcio.sigstore.dev
      certChain: ` + encode("targets/fulcio_v1.crt.pem") + `
    ctLogs:
    - baseURL: https://ctfe.sigstore.dev/2022
      hashAlgorithm: sha-256
      publicKey: ` + encode("targets/ctfe_2022.pub") + `
    tLogs:
    - baseURL: https://rekor.sigstore.dev
      hashAlgorithm: sha-256
      publicKey: ` + encode("targets/rekor.pub") + `
    timestampAuthorities:
    - subject: {organization: sigstore.dev, commonName: sigstore-tsa}
      uri: https://timestamp.sigstore.dev
      certChain: ` + encode("targets/tsa.certchain.pem") + "\n"
	roots, err := ParseRoots([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := roots[0]
	if len(roots) != 1 || len(r.Logs) != 1 || r.Logs[0].Name != "rekor.sigstore.dev" || len(r.CTLogs) != 1 ||
		len(r.CAs) != 1 || r.CAs[0].URI != "https://fulcio.sigstore.dev" || len(r.TSAs) != 1 {
		t.Errorf("%+v", r)
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"another kind":  {"kind: TrustRoot", "kind: ClusterImagePolicy", "kind of document"},
		"only a remote": {"sigstoreKeys:", "remote:", "vouches for nothing without a network"},
		"no base64":     {"publicKey: ", "publicKey: '!' # ", "base64"},
		"a name twice":  {"kind: TrustRoot", "kind: TrustRoot\nkind: TrustRoot", "TrustRoot"},
		"a remote beside the keys": {"  sigstoreKeys:", "  remote: {mirror: https://tuf.example}\n  sigstoreKeys:",
			"sigstoreKeys alone"},
		"an unknown key beside the keys": {"    ctLogs:", "    validFor: 2020\n    ctLogs:", `line 11, column 5: unknown key "validFor"`},
		"an unknown key of a log":        {"publicKey: ", "validFor: 2020\n      publicKey: ", `unknown key "validFor"`},
		"a second document":              {"apiVersion", text + "---\napiVersion", "one YAML document"},
		"an anchor":                      {"name: plant", "name: &a plant", "anchors"},
		"nested too deep":                {"name: plant", "name: " + strings.Repeat("[", 20_000), "too deeply"},
		"dashes on one line":             {"  name: plant", strings.Repeat("- ", 20_000), "too deeply"},
		"more brackets than a file has":  {"name: plant", "name: " + strings.Repeat("[", 500_000), "too long"},
		"too large":                      {"name: plant", "name: " + strings.Repeat("x", 1<<20), "too large"},
	} {
		if _, err := ParseRoots([]byte(strings.Replace(text, c.old, c.new, 1))); err == nil ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestATrustRootDoesNotGrow reads small files that the YAML library would make large.
func TestATrustRootDoesNotGrow(t *testing.T) {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 8), i)
	}
	for name, text := range map[string]string{
		"aliases of aliases": laughs,
		"brackets":           "x: " + strings.Repeat("[", 20_000),
		"more brackets":      "x: " + strings.Repeat("[]", 400_000),
		"dashes":             strings.Repeat("- ", 400_000),
		"quotes":             strings.Repeat("''", 400_000),
		"keys":               strings.Repeat("? ", 400_000),
	} {
		text = "# policy.sigstore.dev/v1alpha1\nkind: TrustRoot\n" + text
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ParseRoots([]byte(text))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 128<<20 {
			t.Errorf("%s: error %v, %d MiB", name, err, n>>20)
		}
	}
}

func FuzzParseRoots(f *testing.F) {
	f.Add([]byte("apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nspec:\n  sigstoreKeys:\n    tLogs:\n" +
		"    - baseURL: https://rekor.example\n      publicKey: " +
		base64.StdEncoding.EncodeToString(parts()["targets/rekor.pub"]) + "\n"))
	f.Add([]byte("# policy.sigstore.dev/\nkind: TrustRoot\n---\nkind: TrustRoot\n"))
	f.Add([]byte("{}\n{}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		roots, err := ParseRoots(raw)
		if (err == nil) != (len(roots) > 0) {
			t.Errorf("%v, %v", roots, err)
		}
		for _, r := range roots {
			if err := r.checkUse(); err != nil {
				t.Error(err)
			}
		}
	})
}
