package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// liar is a container whose answers a test changes.
type liar struct {
	*bundle.Reader
	whole  bool
	state  check.State // of every blob; empty tells the truth
	hashes func(context.Context, bundle.Tap, func(int64)) error
}

func (l liar) Whole() bool { return l.whole }

func (l liar) State(d oci.Digest) check.State {
	if l.state != "" {
		return l.state
	}
	return l.Reader.State(d)
}

func (l liar) Hash(ctx context.Context, tap bundle.Tap, progress func(int64)) error {
	if l.hashes != nil {
		return l.hashes(ctx, tap, progress)
	}
	return l.Reader.Hash(ctx, tap, progress)
}

// A container that contradicts itself is a fault of the program: its content is
// not verified, although it reports no fault.
func TestAContainerThatContradictsItselfIsRejected(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for name, c := range map[string]liar{
		"not whole":    {},
		"unread":       {whole: true, state: check.Unread},
		"damaged":      {whole: true, state: check.Damaged},
		"missing":      {whole: true, state: check.Missing},
		"never hashed": {whole: true, hashes: func(context.Context, bundle.Tap, func(int64)) error { return nil }},
	} {
		c.Reader = opened(t, raw, false)
		rep, err := verify.Bundle(t.Context(), c, fixture.Options())
		if err == nil || !slices.Equal(fixture.Failed(rep), []string{"internal.fault"}) {
			t.Errorf("%s: %v, failed %v", name, err, fixture.Failed(rep))
		}
	}
}

// Layers that were to be unpacked and were not given to the tap are no layers that
// passed.
func TestDeepWantsTheBytesOfEachLayer(t *testing.T) {
	opt := fixture.Options()
	opt.Deep = true
	c := liar{Reader: opened(t, fixture.Bundle(t, "app:v1"), false), whole: true}
	c.hashes = func(ctx context.Context, _ bundle.Tap, progress func(int64)) error {
		return c.Reader.Hash(ctx, nil, progress)
	}
	rep, err := verify.Bundle(t.Context(), c, opt)
	if err == nil || !slices.Equal(fixture.Failed(rep), []string{"internal.fault"}) {
		t.Errorf("%v, failed %v", err, fixture.Failed(rep))
	}
}

// The bytes of a pipe come once: after a verification that did not end, the same
// reader cannot be verified.
func TestAPipeIsHashedOnce(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for name, stop := range map[string]bundle.Tap{
		"the tap fails at the last blob": failAt(t, raw),
		"nothing failed":                 nil,
	} {
		r := opened(t, raw, true)
		opt := fixture.Options()
		opt.Tap = stop
		if _, err := verify.Bundle(t.Context(), r, opt); (err != nil) != (stop != nil) {
			t.Fatalf("%s: %v", name, err)
		}
		opt.Tap = nil
		if rep, err := verify.Bundle(t.Context(), r, opt); rep != nil || !errors.Is(err, bundle.ErrStream) {
			t.Errorf("%s, and again: report %v, error %v", name, rep != nil, err)
		}
	}
}

// failAt returns a tap that fails at the last blob of a bundle.
func failAt(t *testing.T, raw []byte) bundle.Tap {
	t.Helper()
	files := fixture.Files(raw)
	last := files[len(files)-1].Name
	return func(d oci.Digest, _ int64) io.WriteCloser {
		if !strings.HasSuffix(last, d.Hex()) {
			return nil
		}
		return full{}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the registry is full") }
func (full) Close() error              { return nil }

// closing fails when it is closed, as an upload does that is committed then.
type closing struct{ bytes.Buffer }

var errCommit = errors.New("the registry did not take the blob")

func (*closing) Close() error { return errCommit }

// A tap whose writer fails when it is closed ends the verification, whatever blob
// it was for.
func TestATapThatFailsAtCloseEndsTheVerification(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for _, stream := range []bool{false, true} {
		r := opened(t, raw, stream)
		opt := fixture.Options()
		opt.Tap = func(d oci.Digest, _ int64) io.WriteCloser {
			if r.Meta[d] != nil {
				return nil
			}
			return &closing{}
		}
		if rep, err := verify.Bundle(t.Context(), r, opt); rep != nil || !errors.Is(err, errCommit) {
			t.Errorf("stream %v: report %v, error %v", stream, rep != nil, err)
		}
	}
}

// A blob that a hostile bundle holds twice, the second time changed, is given to the
// tap once, and is damaged.
func TestABlobThatComesTwiceIsTappedOnce(t *testing.T) {
	files := fixture.Files(fixture.Bundle(t, "app:v1"))
	last := files[len(files)-1]
	last.Data = bytes.Replace(last.Data, last.Data[:1], []byte{last.Data[0] ^ 1}, 1)
	raw := fixture.Pack(append(files, last))
	for _, stream := range []bool{false, true} {
		k := &kept{blobs: map[oci.Digest]*bytes.Buffer{}}
		opt := fixture.Options()
		opt.Tap = k.tap
		r := opened(t, raw, stream)
		rep, err := verify.Bundle(t.Context(), r, opt)
		if failed := strings.Join(fixture.Failed(rep), " "); err == nil || failed != "container.duplicate blob.digest" {
			t.Errorf("stream %v: failed [%s]", stream, failed)
		}
		d := oci.Digest("sha256:" + last.Name[len("blobs/sha256/"):])
		if k.closed != len(k.blobs) || k.blobs[d] == nil || oci.FromBytes(k.blobs[d].Bytes()) != d {
			t.Errorf("stream %v: %d writers for %d blobs, or not the first of two", stream, k.closed, len(k.blobs))
		}
		if r.State(d) != check.Damaged {
			t.Errorf("stream %v: the blob is %s", stream, r.State(d))
		}
	}
}

// Options whose values are zero, or make no sense, demand no less than others do.
func TestZeroValuesDoNotAccept(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for name, c := range map[string]struct {
		change func(*verify.Options)
		want   string
	}{
		"nothing":                 {func(o *verify.Options) { *o = verify.Options{At: o.At} }, "trust.unanchored trust.log"},
		"no logs":                 {func(o *verify.Options) { o.Logs = nil }, "trust.log"},
		"a log":                   {func(o *verify.Options) { o.Logs = []trust.Log{{}} }, "trust.key-strength trust.log"},
		"no keys":                 {func(o *verify.Options) { o.Keys = nil }, "trust.unanchored"},
		"a key":                   {func(o *verify.Options) { o.Keys = []*trust.Key{{}} }, "trust.key-strength trust.key trust.bundle-key"},
		"a fingerprint":           {func(o *verify.Options) { o.Keys, o.Fingerprints = nil, []string{""} }, "trust.key trust.bundle-key"},
		"an identity":             {func(o *verify.Options) { o.Keys, o.Identities = nil, []*cert.Policy{{}} }, "cert.chain"},
		"a seal key":              {func(o *verify.Options) { o.SealKeys = []*trust.Key{{}} }, "trust.key-strength policy.seal"},
		"a key that is nil":       {func(o *verify.Options) { o.Keys = []*trust.Key{nil} }, "trust.key-strength trust.key trust.bundle-key"},
		"an identity that is nil": {func(o *verify.Options) { o.Keys, o.Identities = nil, []*cert.Policy{nil} }, "cert.chain"},
		"a seal key that is nil":  {func(o *verify.Options) { o.SealKeys = []*trust.Key{nil} }, "trust.key-strength policy.seal"},
		"a key of a rule that is nil": {func(o *verify.Options) {
			o.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: verify.Demands{Keys: []*trust.Key{nil}}}}}
		}, "trust.key-strength trust.key"},
		"an identity of a rule that is nil": {func(o *verify.Options) {
			o.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: verify.Demands{Identities: []*cert.Policy{nil}}}}}
		}, "cert.chain"},
		"an attestation":      {func(o *verify.Options) { o.Attestations = []verify.RequiredAttestation{{}} }, "policy.attestation"},
		"a platform":          {func(o *verify.Options) { o.Platforms = []oci.Platform{{}} }, "manifest.narrowed"},
		"an allowed platform": {func(o *verify.Options) { o.OnlyPlatforms = []oci.Platform{{}} }, "policy.platform"},
		"a digest":            {func(o *verify.Options) { o.Digests = []oci.Digest{""} }, "policy.digest"},
		"an image":            {func(o *verify.Options) { o.Images = []oci.Reference{{}} }, "policy.image"},
		"a policy":            {func(o *verify.Options) { o.Policy = &verify.Policy{} }, "policy.unlisted-image"},
		"a rule":              {func(o *verify.Options) { o.Policy = &verify.Policy{Rules: []verify.Rule{{}}} }, "policy.unlisted-image"},
		"an unknown field of the transfer record": {func(o *verify.Options) {
			o.Policy = &verify.Policy{JudgeUnlisted: true, Transfer: []string{"nonsense"}}
		}, "policy.transfer"},
		"no register": {func(o *verify.Options) {
			o.Policy = &verify.Policy{JudgeUnlisted: true, RefuseRollback: true}
		}, "policy.rollback"},
	} {
		opt := fixture.Options()
		c.change(&opt)
		if failed := strings.Join(fixture.Failed(fixture.Verify(t, raw, opt)), " "); failed != c.want {
			t.Errorf("%s: failed [%s], want [%s]", name, failed, c.want)
		}
	}
}

// A nil among what is denied denies nothing, and is no fault of the program.
func TestANilIdentityDeniesNothing(t *testing.T) {
	f := fixture.Open(strippedImages["multi:v1"]())
	sigstore().AttachForge(f, 0, fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true}})
	opt := sigstore().Options(sigstore().TrustedRoot(nil), true)
	opt.Policy = &verify.Policy{JudgeUnlisted: true, Deny: verify.Deny{Identities: []*cert.Policy{nil}}}
	failedAs(t, fixture.Verify(t, f.Build(), opt), "")
}

// What no function of package bundle made is an error or a rejection, and no panic.
func TestZeroContainers(t *testing.T) {
	if rep, err := verify.Bundle(t.Context(), &bundle.Reader{}, fixture.Options()); rep != nil || err == nil {
		t.Errorf("a zero Reader: report %v, error %v", rep != nil, err)
	}
	rep, err := verify.Plan(&bundle.Plan{}, fixture.Options())
	if failed := fixture.Failed(rep); err == nil || !slices.Equal(failed, []string{"layout.inventory"}) {
		t.Errorf("a zero Plan: failed %v, error %v", failed, err)
	}
	var p bundle.Plan
	for name, err := range map[string]error{
		"AddSeal":     p.AddSeal([]byte("{}")),
		"WriteStream": p.WriteStream(t.Context(), io.Discard, nil, nil),
		"WriteFile":   p.WriteFile(t.Context(), nil, nil, 0, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "the plan is empty") {
			t.Errorf("%s of a zero Plan: %v", name, err)
		}
	}
	if g := (&bundle.Contents{}).Walk(); len(g.Images)+len(g.Faults) > 0 {
		t.Errorf("the graph of nothing: %+v", g)
	}
}

// A library user who judges as of another time than now is shown to have done so,
// although nothing but the time was given.
func TestATimeThatWasGivenIsAWaiver(t *testing.T) {
	opt := fixture.Options()
	opt.HostTime = time.Time{}
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), opt)
	if len(rep.Waivers) != 1 || rep.Waivers[0] != "--at 2026-11-24" || rep.Clock.Source != "--at" || rep.Clock.Host.Equal(opt.At) {
		t.Errorf("waivers %v, clock %v", rep.Waivers, rep.Clock)
	}
}
