package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/register"
)

// appendRegister records a verification, rejected ones too, and returns the
// number of the entry. own are the references that the operator gave, by --image
// or policy: an image that answers to some of them is recorded under these,
// others without a name. reportJSON is kept as it is. The error is that of
// [register.Register.Append]: without an entry there must be no verdict.
func appendRegister(ctx context.Context, reg *register.Register, rep *verify.Report, reportJSON []byte, own []oci.Reference, transferID string) (int64, error) {
	rec := register.Record{
		RecordedAt: clock(), Verdict: string(rep.Verdict), Identity: string(rep.Bundle.Identity), TransferID: transferID,
		Seal: recordedSeal(rep), ToolVersion: rep.Tool.Version, Report: reportJSON,
	}
	for i := range rep.Images {
		rec.Images = append(rec.Images, recordedImage(&rep.Images[i], own))
	}
	return reg.Append(ctx, rec)
}

func recordedImage(img *verify.Image, own []oci.Reference) register.Image {
	return register.Image{References: ownNames(img, own), Digest: img.Digest, TrustedTime: latestTime(img)}
}

// ownNames returns the operator's names for an image, each once. Marks are kept
// by them, so one of them must be asked for again.
func ownNames(img *verify.Image, own []oci.Reference) []string {
	names := []string{}
	claimed, err := oci.ParseReference(img.ClaimedReference)
	if err != nil {
		return names
	}
	for _, want := range own {
		named := claimed.Repository == want.Repository && (want.Tag == "" || claimed.Tag == want.Tag)
		if named && (want.Digest == "" || string(want.Digest) == img.Digest) && !slices.Contains(names, want.Name()) {
			names = append(names, want.Name())
		}
	}
	return names
}

// latestTime is the latest trusted time of the signatures that count.
func latestTime(img *verify.Image) (latest *time.Time) {
	for i := range img.Signatures {
		s := &img.Signatures[i]
		if s.Counts && s.TrustedTime != nil && (latest == nil || s.TrustedTime.After(*latest)) {
			t := s.TrustedTime.UTC()
			latest = &t
		}
	}
	return latest
}

// recordedSeal returns what the seal proved, nil if none was judged.
func recordedSeal(rep *verify.Report) *register.Seal {
	if rep.Seal == nil {
		return nil
	}
	return &register.Seal{KeyFingerprint: rep.Seal.Key, Stream: rep.Seal.Stream, Serial: rep.Seal.Serial, InventoryDigest: rep.Seal.Inventory}
}

// freshRegister answers from the register as it is when it is first asked, which
// may be long after the command began. It reads the register once.
type freshRegister struct {
	open func() (*register.Register, error)
}

func newFreshRegister(dir string) *freshRegister {
	return &freshRegister{sync.OnceValues(func() (*register.Register, error) { return openRegister(dir) })}
}

func (f *freshRegister) HighWater(sealKey, stream string) (serial uint64, inventory string, entry int, err error) {
	reg, err := f.open()
	if err != nil {
		return 0, "", 0, err
	}
	return reg.HighWater(sealKey, stream)
}

func (f *freshRegister) LatestTrustedTime(reference string) (at time.Time, entry int, err error) {
	reg, err := f.open()
	if err != nil {
		return at, 0, err
	}
	return reg.LatestTrustedTime(reference)
}
