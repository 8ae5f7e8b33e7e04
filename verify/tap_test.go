package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// kept is a tap that keeps each blob.
type kept struct {
	mu     sync.Mutex
	blobs  map[oci.Digest]*bytes.Buffer
	closed int
	fails  error
}

type keeping struct {
	*bytes.Buffer
	k *kept
}

func (w keeping) Write(p []byte) (int, error) {
	if w.k.fails != nil {
		return 0, w.k.fails
	}
	return w.Buffer.Write(p)
}

func (w keeping) Close() error {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	w.k.closed++
	return nil
}

func (k *kept) tap(d oci.Digest, _ int64) io.WriteCloser {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.blobs[d] = &bytes.Buffer{}
	return keeping{k.blobs[d], k}
}

// TestTapGetsTheBytesThatAreHashed wants every blob of the inventory, whole and
// closed, beside what verify itself looks at in layers.
func TestTapGetsTheBytesThatAreHashed(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	for _, deep := range []bool{false, true} {
		for _, stream := range []bool{false, true} {
			k := &kept{blobs: map[oci.Digest]*bytes.Buffer{}}
			opt := fixture.Options()
			opt.Tap, opt.Deep = k.tap, deep
			verifyAs := fixture.Verify
			if stream {
				verifyAs = fixture.VerifyStream
			}
			rep := verifyAs(t, raw, opt)
			if rep.Verdict != check.Verified || rep.Images[0].VouchedBy != check.VouchedBySignature {
				t.Fatalf("%s, vouched for by %s: %v", rep.Verdict, rep.Images[0].VouchedBy, fixture.Failed(rep))
			}
			for _, b := range rep.Blobs {
				d := oci.Digest(b.Digest)
				if got := k.blobs[d]; got == nil || oci.FromBytes(got.Bytes()) != d {
					t.Errorf("deep %v, stream %v: the tap did not get %s", deep, stream, d)
				}
			}
			if k.closed != len(k.blobs) {
				t.Errorf("deep %v, stream %v: %d of %d blobs were closed", deep, stream, k.closed, len(k.blobs))
			}
		}
	}
}

// TestATapThatFailsEndsTheVerification: there is no report then, and the error is
// the tap's.
func TestATapThatFailsEndsTheVerification(t *testing.T) {
	full := errors.New("the registry is full")
	raw := fixture.Bundle(t, "app:v1")
	k := &kept{blobs: map[oci.Digest]*bytes.Buffer{}, fails: full}
	opt := fixture.Options()
	opt.Tap = k.tap
	rep, err := verify.Bundle(context.Background(), opened(t, raw, false), opt)
	if rep != nil || !errors.Is(err, full) {
		t.Errorf("report %v, error %v", rep, err)
	}
}

// otherTool is a container that is not a file of ours: it brings its own fault.
type otherTool struct{ *bundle.Reader }

func (otherTool) Faults() []*check.Fault {
	return []*check.Fault{{ID: check.ContainerOrder, Detail: "the archive of another tool is out of order"}}
}

// TestBundleReadsAnyContainer wants the faults of the container in the report.
func TestBundleReadsAnyContainer(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	rep, err := verify.Bundle(context.Background(), otherTool{opened(t, raw, false)}, fixture.Options())
	if failed := strings.Join(fixture.Failed(rep), " "); err == nil || failed != "container.order" {
		t.Errorf("failed [%s], error %v", failed, err)
	}
}

// TestDemandsOfTheOptionsNeedNoPolicy: digests, platforms and the newest time are
// asked for without one, and together with those of a rule.
func TestDemandsOfTheOptionsNeedNoPolicy(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	other := oci.FromBytes([]byte("another image"))
	own := oci.Digest(fixture.Verify(t, raw, fixture.Options()).Images[0].Digest)
	arm := []oci.Platform{{OS: "linux", Architecture: "arm64"}}
	amd := []oci.Platform{{OS: "linux", Architecture: "amd64"}}
	for _, c := range []struct {
		name       string
		flag, rule verify.Demands
		want       string
	}{
		{name: "the digest pinned", flag: verify.Demands{Digests: []oci.Digest{other, own}}},
		{name: "another digest pinned", flag: verify.Demands{Digests: []oci.Digest{other}}, want: "policy.digest"},
		{name: "the rule pins another", flag: verify.Demands{Digests: []oci.Digest{own}},
			rule: verify.Demands{Digests: []oci.Digest{other}}, want: "policy.digest"},
		{name: "the platform allowed", flag: verify.Demands{OnlyPlatforms: amd}},
		{name: "another platform allowed", flag: verify.Demands{OnlyPlatforms: arm}, want: "policy.platform"},
		{name: "the rule allows another", flag: verify.Demands{OnlyPlatforms: amd},
			rule: verify.Demands{OnlyPlatforms: arm}, want: "policy.platform"},
		{name: "signed too late", flag: verify.Demands{NotAfter: fixture.Options().At.AddDate(-1, 0, 0)}, want: "policy.age"},
		{name: "one signer where two are demanded", flag: verify.Demands{Signers: 2}, want: "policy.signers"},
	} {
		opt := fixture.Options()
		c.flag.Keys = opt.Keys
		opt.Demands = c.flag
		if len(c.rule.Digests)+len(c.rule.OnlyPlatforms) > 0 {
			opt.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: c.rule}}}
		}
		if failed := strings.Join(fixture.Failed(fixture.Verify(t, raw, opt)), " "); failed != c.want {
			t.Errorf("%s: failed [%s], want [%s]", c.name, failed, c.want)
		}
	}
}

// TestTheRemedyFitsTheClock: a time in the future is put right by the host's clock,
// or by the time that was given.
func TestTheRemedyFitsTheClock(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for _, c := range []struct {
		name  string
		cause check.Cause
		given bool
	}{{"host", check.CauseClock, false}, {"--at", check.CauseGivenTime, true}} {
		opt := fixture.Options()
		opt.At = opt.At.AddDate(-1, 0, 0)
		if !c.given {
			opt.HostTime = opt.At
		}
		var causes []check.Cause
		opt.Advise = func(f *check.Fault) string {
			if f.ID == check.RekorTime {
				causes = append(causes, f.Cause)
			}
			return ""
		}
		rep := fixture.Verify(t, raw, opt)
		want := check.Remedy(&check.Fault{ID: check.RekorTime, Cause: c.cause})
		i := 0
		for i < len(rep.Failures)-1 && rep.Failures[i].ID != check.RekorTime {
			i++
		}
		if got := rep.Failures[i]; string(got.Remedy) != want || len(causes) == 0 || causes[0] != c.cause {
			t.Errorf("%s: %s has the remedy %q, want %q; causes %v", c.name, got.ID, got.Remedy, want, causes)
		}
	}
}
