package oracle

import (
	"bytes"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// rootRejected is the cause of a rejection if gapseal refuses the trusted root
// itself, before it verifies anything.
const rootRejected = "trusted-root"

// answer is the verdict of one side.
type answer struct {
	accepted bool
	cause    string     // of a rejection: the first failed check of gapseal, or the error of sigstore-go
	detail   string     // of gapseal's failed check
	time     *time.Time // the trusted time that gapseal reports
}

// judgedAt is the time as of which gapseal judges samples. sigstore-go uses no
// clock.
var judgedAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// gapsealSide judges samples with gapseal. It keeps the parsed trusted root while
// the samples have the same one.
type gapsealSide struct {
	text []byte
	root *trust.Root
	err  error
}

func (g *gapsealSide) judge(s *sample) answer {
	if !bytes.Equal(g.text, s.root) {
		g.text = s.root
		g.root, g.err = trust.ParseTrustedRoot(s.root)
	}
	if g.err != nil {
		return answer{cause: rootRejected, detail: g.err.Error()}
	}
	opt, err := Anchors(g.root, s.key, s.identity)
	if err != nil {
		return answer{cause: "input", detail: err.Error()}
	}
	if !s.fresh {
		opt.At = judgedAt
	}
	rep, err := verify.Judge(Read(s.bundle, s.subject, s.artifact), oci.Reference{}, opt)
	if err != nil {
		return answer{cause: string(rep.Failures[0].ID), detail: rep.Failures[0].Detail}
	}
	return answer{accepted: true, time: trustedTime(rep)}
}

func trustedTime(rep *verify.Report) *time.Time {
	img := rep.Images[0]
	if len(img.Attestations) > 0 {
		return img.Attestations[0].TrustedTime
	}
	return img.Signatures[0].TrustedTime
}
