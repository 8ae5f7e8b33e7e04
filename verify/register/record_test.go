package register

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

// reported is a JSON report on one image with everything that a record takes over.
func reported(t *testing.T, change func(*verify.Report)) []byte {
	t.Helper()
	early, late := start, start.Add(time.Hour)
	rep := &verify.Report{
		Schema: verify.Schema, Verdict: check.Verified, VerifiedAt: start,
		Bundle: verify.BundleID{Identity: verify.Text(id("bundle", 1))},
		Images: []verify.Image{{
			Digest: id("image", 1), ClaimedReference: "registry.example.com/acme/app:v1",
			VouchedBy: check.VouchedBySignature,
			Signatures: []verify.Signature{
				{Counts: true, TrustedTime: &early},
				{Counts: true, TrustedTime: &late},
				{TrustedTime: new(time.Time)},
				{Counts: true},
			},
		}},
		Seal:     &verify.Seal{Key: id("key", 0), Stream: "site-a", Serial: 7, Inventory: id("inventory", 1)},
		Transfer: &verify.Transfer{ID: "T-1"},
		Tool:     verify.Tool{Version: "v1"},
	}
	if change != nil {
		change(rep)
	}
	var b bytes.Buffer
	if err := report.JSON(&b, rep); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNewRecord(t *testing.T) {
	doc := reported(t, nil)
	rec, err := NewRecord(doc, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	seal := Seal{KeyFingerprint: id("key", 0), Stream: "site-a", Serial: 7, InventoryDigest: id("inventory", 1)}
	if rec.Verdict != check.Verified || rec.Identity != id("bundle", 1) || rec.TransferID != "T-1" ||
		*rec.Seal != seal || rec.ToolVersion != "v1" || !bytes.Equal(rec.Report, doc) || !rec.RecordedAt.Equal(start) {
		t.Errorf("found %+v", rec)
	}
	if img := rec.Images[0]; len(img.References) != 0 || img.Digest != id("image", 1) || !img.TrustedTime.Equal(start.Add(time.Hour)) {
		t.Errorf("image %+v, want no name and the latest time of the signatures that count", img)
	}
	if n, err := folder(t, nil).Append(t.Context(), rec); err != nil || n != 1 {
		t.Errorf("Append: entry %d, %v", n, err)
	}
	if _, err := NewRecord([]byte("{}"), nil, start); err == nil {
		t.Error("a record of a document that is not a report")
	}
}

// An image is recorded under the names that the operator asked for, as far as it
// answers to them.
func TestNewRecordNamesImages(t *testing.T) {
	const repository = "registry.example.com/acme/app"
	for name, c := range map[string]struct {
		own     oci.Reference
		matches bool
	}{
		"repository and tag":    {oci.Reference{Repository: repository, Tag: "v1"}, true},
		"repository":            {oci.Reference{Repository: repository}, true},
		"repository and digest": {oci.Reference{Repository: repository, Digest: oci.Digest(id("image", 1))}, true},
		"another tag":           {oci.Reference{Repository: repository, Tag: "v2"}, false},
		"another repository":    {oci.Reference{Repository: repository + "s", Tag: "v1"}, false},
		"another digest":        {oci.Reference{Repository: repository, Digest: oci.Digest(id("image", 2))}, false},
	} {
		rec, err := NewRecord(reported(t, nil), []oci.Reference{c.own, c.own}, start)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if c.matches {
			want = []string{c.own.Name()}
		}
		if got := rec.Images[0].References; !slices.Equal(got, want) {
			t.Errorf("%s: names %q, want %q", name, got, want)
		}
	}
	unnamed := reported(t, func(r *verify.Report) { r.Images[0].ClaimedReference = "not a reference" })
	rec, err := NewRecord(unnamed, []oci.Reference{{Repository: repository}}, start)
	if err != nil || len(rec.Images[0].References) != 0 {
		t.Errorf("an image without a usable name: %q, %v", rec.Images, err)
	}
}

// The register is read when the first question is asked, and only then.
func TestOnDemand(t *testing.T) {
	r := folder(t, nil)
	known := OnDemand(r.dir)
	appended(t, r, 1)
	serial, inventory, entry, err := known.HighWater(id("key", 0), "site-a")
	if err != nil || serial != 1 || inventory != id("inventory", 1) || entry != 1 {
		t.Errorf("HighWater: serial %d of %s in entry %d, %v", serial, inventory, entry, err)
	}
	appended(t, r, 2)
	at, entry, err := latest(known, "registry.example.com/acme/app:v1")
	if err != nil || entry != 1 || !at.Equal(start.Add(time.Hour)) {
		t.Errorf("Builds: %v in entry %d, %v", at, entry, err)
	}
	missing := OnDemand(filepath.Join(r.dir, "missing"))
	if _, _, _, err := missing.HighWater("", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("HighWater of a missing folder: %v", err)
	}
	if _, _, err := latest(missing, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Builds of a missing folder: %v", err)
	}
}
