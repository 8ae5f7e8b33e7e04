package main

import (
	"context"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/register"
)

// appendRegister records a verification, rejected ones too, and returns the
// number of the entry. own are the references that the operator gave, by --image
// or policy: an image that answers to one of them is recorded under it, others
// without a name. reportJSON is kept as it is. The error is that of
// [register.Register.Append]: without an entry there must be
// no verdict.
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
	r := register.Image{Digest: img.Digest, TrustedTime: latestTime(img)}
	if name := ownName(img, own); name != "" {
		r.Reference = &name
	}
	return r
}

// ownName returns the operator's name for an image, "" without one. Marks are
// kept by it, so the same name must be asked for.
func ownName(img *verify.Image, own []oci.Reference) string {
	claimed, err := oci.ParseReference(img.ClaimedReference)
	if err != nil {
		return ""
	}
	for _, want := range own {
		named := claimed.Repository == want.Repository && (want.Tag == "" || claimed.Tag == want.Tag)
		if named && (want.Digest == "" || string(want.Digest) == img.Digest) {
			return want.Name()
		}
	}
	return ""
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
