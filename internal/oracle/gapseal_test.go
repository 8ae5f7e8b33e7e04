package oracle

import (
	"bytes"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// rootRejected stands for the first failed check where the trusted root itself
// was refused: gapseal does not begin to verify then.
const rootRejected = "trusted-root"

// answer is what one side said.
type answer struct {
	accepted bool
	cause    string     // of a rejection: gapseal's first failed check, the oracle's error
	detail   string     // in words
	time     *time.Time // gapseal's trusted time
}

// judgedAt is the clock that gapseal judges samples by; sigstore-go asks for no
// clock.
var judgedAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// gapsealSide judges samples with gapseal. It parses a trusted root once as long
// as it stays the same.
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
