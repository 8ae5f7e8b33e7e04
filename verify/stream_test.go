package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// contentAt returns the offset of the first byte of content: everything before
// it is metadata, or the header of the first content blob.
func contentAt(t *testing.T, raw []byte) int64 {
	t.Helper()
	meta := map[string]bool{}
	for _, b := range fixture.Open(raw).Inventory.Blobs {
		meta[b.Digest.Hex()] = b.Metadata()
	}
	at := int64(0)
	for i, f := range fixture.Files(raw) {
		if i > 4 && !meta[strings.TrimPrefix(f.Name, "blobs/sha256/")] {
			return at + 512
		}
		at += 512 + (int64(len(f.Data))+511)/512*512
	}
	t.Fatal("no content")
	return 0
}

// gate lets a reader pass an offset only once it is opened.
type gate struct {
	r    io.Reader
	at   int64
	open chan struct{}
}

var errShut = errors.New("content was read before the metadata was reported")

func (g *gate) Read(p []byte) (int, error) {
	if g.at == 0 {
		select {
		case <-g.open:
		case <-time.After(5 * time.Second):
			return 0, errShut
		}
		return g.r.Read(p)
	}
	n, err := g.r.Read(p[:min(int64(len(p)), g.at)])
	g.at -= int64(n)
	return n, err
}

// TestMetadataIsReportedBeforeContentIsRead: a pipe that holds its content back until
// the metadata was reported is verified.
func TestMetadataIsReportedBeforeContentIsRead(t *testing.T) {
	for image, want := range map[string]check.Verdict{"app:v1": check.Verified, "wrongkey:v1": check.Rejected} {
		raw := fixture.Bundle(t, image)
		g := &gate{bytes.NewReader(raw), contentAt(t, raw), make(chan struct{})}
		opt := fixture.Options()
		var early []verify.Report
		opt.OnMetadata = func(rep verify.Report) {
			early = append(early, rep)
			close(g.open)
		}
		r, err := bundle.OpenStream(g, oci.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rep, err := verify.Bundle(context.Background(), r, opt)
		if rep == nil || rep.Verdict != want || (err == nil) != (want == check.Verified) {
			t.Fatalf("%s: %v", image, err)
		}
		if len(early) != 1 || early[0].Verdict != want || early[0].Totals.Bytes >= rep.Totals.Bytes || early[0].Totals.JudgedBytes < 0 {
			t.Errorf("%s: reported %d times, %+v", image, len(early), early[0].Totals)
		}
		if len(fixture.Failed(rep)) != len(fixture.Failed(&early[0])) {
			t.Errorf("%s: failed early %v, late %v", image, fixture.Failed(&early[0]), fixture.Failed(rep))
		}
	}
}

// failing returns an error from an offset on, as a broken medium does.
type failing struct {
	*bytes.Reader
	at int64
}

func (f *failing) Read(p []byte) (int, error) {
	pos := f.Size() - int64(f.Len())
	if pos >= f.at {
		return 0, syscall.EIO
	}
	return f.Reader.Read(p[:min(int64(len(p)), f.at-pos)])
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		return 0, syscall.EIO
	}
	return f.Reader.ReadAt(p, off)
}

// TestReadErrorsAreNoVerdict: an error of the operating system ends without a report.
func TestReadErrorsAreNoVerdict(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	content := contentAt(t, raw)
	for name, at := range map[string]int64{"at once": 0, "in the metadata": content - 2000, "in the content": content + 10, "before the end": int64(len(raw)) - 600} {
		for _, pipe := range []bool{false, true} {
			rep, err := verifyFailing(raw, at, pipe)
			if rep != nil || !errors.Is(err, syscall.EIO) {
				t.Errorf("%s, pipe %v: report %v, error %v", name, pipe, rep != nil, err)
			}
		}
	}
}

func verifyFailing(raw []byte, at int64, pipe bool) (*verify.Report, error) {
	opt := fixture.Options()
	f := &failing{bytes.NewReader(raw), at}
	r, err := bundle.Open(f, int64(len(raw)), oci.Limits{})
	if pipe {
		r, err = bundle.OpenStream(f, oci.Limits{})
	}
	if err != nil {
		return nil, err
	}
	return verify.Bundle(context.Background(), r, opt)
}

func TestCancelledVerificationIsNoVerdict(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for name, when := range map[string]func(*verify.Options, context.CancelFunc){
		"before":        func(_ *verify.Options, cancel context.CancelFunc) { cancel() },
		"with metadata": func(o *verify.Options, cancel context.CancelFunc) { o.OnMetadata = func(verify.Report) { cancel() } },
		"with content":  func(o *verify.Options, cancel context.CancelFunc) { o.Progress = func(int64) { cancel() } },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		opt := fixture.Options()
		when(&opt, cancel)
		r, err := bundle.OpenStream(bytes.NewReader(raw), oci.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if rep, err := verify.Bundle(ctx, r, opt); rep != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: report %v, error %v", name, rep != nil, err)
		}
		cancel()
	}
}

// TestPlanIsJudgedLikeTheBundle: a plan and the bundle that is written from it are
// judged alike.
func TestPlanIsJudgedLikeTheBundle(t *testing.T) {
	images := []string{"app:v1", "multi:v1", "twokeys:v1", "notlog:v1", "unsigned:v1", "keyless:v1", "wrongkey:v1", "wrongann:v1", "bundle:v1"}
	demands := map[string]func(*verify.Options){
		"plain":     func(*verify.Options) {},
		"strict":    func(o *verify.Options) { o.Strict = true },
		"annotated": func(o *verify.Options) { o.Annotations = map[string]string{"repo": "acme/app"} },
		"payload":   func(o *verify.Options) { o.Platforms = []oci.Platform{{OS: "linux", Architecture: "s390x"}} },
	}
	for _, set := range append([][]string{{"app:v1", "unsigned:v1"}, {"app:v1", "app:v2"}}, slices.Collect(slices.Chunk(images, 1))...) {
		plan, fetch, err := bundle.Collect(context.Background(), fixture.NewRegistry(), fixture.Request(t, set...))
		if err != nil {
			t.Fatal(err)
		}
		var raw bytes.Buffer
		if err := plan.WriteStream(context.Background(), &raw, fetch, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		for name, demand := range demands {
			opt := fixture.Options()
			demand(&opt)
			planned, err := verify.Plan(plan, opt)
			rep := fixture.Verify(t, raw.Bytes(), opt)
			if a, b := fixture.Failed(planned), fixture.Failed(rep); !slices.Equal(a, b) || planned.Verdict != rep.Verdict || (err == nil) != (rep.Verdict == check.Verified) {
				t.Errorf("%v %s: planned %v, written %v, error %v", set, name, a, b, err)
			}
			if planned.Totals != rep.Totals || planned.Bundle.Identity != rep.Bundle.Identity || planned.Bundle.Size != rep.Bundle.Size {
				t.Errorf("%v %s: planned %+v %+v, written %+v %+v", set, name, planned.Totals, planned.Bundle, rep.Totals, rep.Bundle)
			}
		}
	}
}

// TestPlannedPayloadOverItsBudget: the budget holds for a plan as for a file.
func TestPlannedPayloadOverItsBudget(t *testing.T) {
	plan, _, err := bundle.Collect(context.Background(), fixture.NewRegistry(), fixture.Request(t, "app-v3:v1"))
	if err != nil {
		t.Fatal(err)
	}
	plan.Limits.Payload = 10
	rep, err := verify.Plan(plan, fixture.Options())
	if failed := fixture.Failed(rep); err == nil || !slices.Equal(failed, []string{"limit.payload"}) {
		t.Errorf("failed %v, error %v", failed, err)
	}
}
