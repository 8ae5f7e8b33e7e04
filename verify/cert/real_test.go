package cert

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/verify/trust"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func realRoot(t testing.TB, name string) *trust.Root {
	t.Helper()
	root, err := trust.ParseTrustedRoot(readFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func mustParse(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	cert, err := Parse(readFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// reals are certificates of a real Fulcio, with the time that a log or a
// timestamp authority gave their signatures.
var reals = []struct {
	file, san, kind, issuer string
	at                      int64
}{
	{"legacy-keyless.pem", "dev@lab.test", SANEmail, "http://127.0.0.1:8888", 1795400963},
	{"bundle-keyless.der", "dev@lab.test", SANEmail, "http://127.0.0.1:8888", 1795400961},
	{"bundle-keyless-rekor2.der", "dev@lab.test", SANEmail, "http://127.0.0.1:8888", 1795400961},
	{
		"bundle-keyless-gha.der", "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main",
		SANURI, "http://127.0.0.1:8888/gha", 1795400962,
	},
}

func TestRealCertificates(t *testing.T) {
	root := realRoot(t, "trusted_root.json")
	for _, real := range reals {
		leaf := mustParse(t, real.file)
		chain, err := VerifyChain(leaf, root.CAs, time.Unix(real.at, 0))
		if err != nil {
			t.Errorf("%s: %v", real.file, err)
			continue
		}
		if len(chain.Certificates) != 3 || chain.Authority != &root.CAs[0] {
			t.Errorf("%s: %d certificates by %q", real.file, len(chain.Certificates), chain.Authority.Name)
		}
		scts, err := VerifySCTs(chain, root.CTLogs)
		if err != nil || len(scts) != 1 || scts[0].Err != nil || scts[0].Log != &root.CTLogs[0] {
			t.Errorf("%s: timestamps %+v, %v", real.file, scts, err)
		} else if d := scts[0].Time.Sub(leaf.NotBefore); d < 0 || d > time.Minute {
			t.Errorf("%s: entered %s after it was made", real.file, d)
		}
		id, err := ReadIdentity(leaf)
		if err != nil || id.SAN != real.san || id.SANKind != real.kind || id.Issuer != real.issuer {
			t.Errorf("%s: identity %+v, %v", real.file, id, err)
		}
	}
}

func TestRealWorkflowIdentity(t *testing.T) {
	id, err := ReadIdentity(mustParse(t, "bundle-keyless-gha.der"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range id.Extensions {
		got = append(got, e.Name+"="+e.Value)
	}
	for _, want := range []string{
		"Issuer=http://127.0.0.1:8888/gha", "GitHub Workflow Trigger=push", "GitHub Workflow Name=Release",
		"GitHub Workflow SHA=" + strings.Repeat("1",
			40), "GitHub Workflow Repository=acme/app", "GitHub Workflow Ref=refs/heads/main",
		"Issuer (V2)=http://127.0.0.1:8888/gha", "Source Repository URI=https://github.com/acme/app", "Build Trigger=push",
		"Token Subject=repo:acme/app:ref:refs/heads/main",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing from %q", want, got)
		}
	}
}

// Ten minutes, both ends included.
func TestRealCertificateIsShortLived(t *testing.T) {
	root := realRoot(t, "trusted_root.json")
	leaf := mustParse(t, "bundle-keyless.der")
	for _, at := range []time.Time{leaf.NotBefore, leaf.NotAfter} {
		if _, err := VerifyChain(leaf, root.CAs, at); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	for at, state := range map[time.Time]string{leaf.NotBefore.Add(-time.Second): "not yet valid",
		leaf.NotAfter.Add(time.Second): "expired"} {
		_, err := VerifyChain(leaf, root.CAs, at)
		var validity *ValidityError
		if !errors.As(err, &validity) || validity.Link != Leaf || !strings.Contains(err.Error(), state) {
			t.Errorf("%s: got %v, want a *ValidityError of the leaf", at, err)
		}
	}
}

// The public-good authorities did not issue it.
func TestRealCertificateUnderAnotherRoot(t *testing.T) {
	root := realRoot(t, "trusted_root.public-good.json")
	_, err := VerifyChain(mustParse(t, "bundle-keyless.der"), root.CAs, time.Unix(1795400961, 0))
	var untrusted *UntrustedError
	if !errors.As(err, &untrusted) || untrusted.Issuer != "CN=lab fulcio intermediate,O=lab" ||
		len(untrusted.Trusted) != 2 {
		t.Errorf("got %v, want *UntrustedError", err)
	}
}

// A timestamp for another certificate of the same authority.
func TestRealTimestampOfAnotherCertificate(t *testing.T) {
	root := realRoot(t, "trusted_root.json")
	a, b := mustParse(t, "bundle-keyless.der"), mustParse(t, "legacy-keyless.pem")
	swapped := *a
	swapped.Extensions = slices.Clone(a.Extensions)
	for i, e := range swapped.Extensions {
		if e.Id.Equal(oidSCTs) {
			swapped.Extensions[i].Value = extension(b, oidSCTs)
		}
	}
	chain := &Chain{Certificates: append([]*x509.Certificate{&swapped}, root.CAs[0].Chain...)}
	scts, err := VerifySCTs(chain, root.CTLogs)
	if !errors.Is(err, trust.ErrSignature) || len(scts) != 1 || scts[0].Log == nil {
		t.Errorf("got %+v, %v, want ErrSignature", scts, err)
	}
	var unknown *UnknownLogError
	_, err = VerifySCTs(chain, realRoot(t, "trusted_root.public-good.json").CTLogs)
	if !errors.As(err, &unknown) || len(unknown.Found) != 1 || len(unknown.Trusted) != 2 {
		t.Errorf("got %v, want *UnknownLogError", err)
	}
}
