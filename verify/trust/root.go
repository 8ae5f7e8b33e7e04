package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// MaxTrustedRoot is the budget for a trusted root, in bytes.
const MaxTrustedRoot = 4 << 20

const rootFile = "trusted root"

// The media types that sigstore/protobuf-specs gives for the versions 0.1, the
// old spelling included, and 0.2.
const (
	rootV01Old = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
	rootV01    = "application/vnd.dev.sigstore.trustedroot.v0.1+json"
	rootV02    = "application/vnd.dev.sigstore.trustedroot.v0.2+json"
)

// Root is a Sigstore trusted root. Its lists are in the order of the file.
type Root struct {
	Digest    string // "sha256:" and the hex of the file's SHA-256
	MediaType string
	Source    string // SourceBuiltin or SourceFile
	Path      string // set by the caller

	Logs   []Log // transparency logs
	CAs    []CertificateAuthority
	TSAs   []TimestampAuthority
	CTLogs []Log // certificate transparency logs (RFC 6962), ECDSA P-256 only

	// Unsupported describes each entry that was left out: its list and place in
	// the file, its name, and what about it is not supported.
	Unsupported []string

	// OtherLogs and OtherCTLogs say that logs of either kind are among those left out:
	// a root that lists no log differs from one whose logs cannot be judged.
	OtherLogs, OtherCTLogs bool
}

// NoLogs reports whether the root lists no transparency log, of whatever kind.
func (r *Root) NoLogs() bool { return len(r.Logs) == 0 && !r.OtherLogs }

// NoCTLogs reports whether the root lists no certificate log, of whatever kind.
func (r *Root) NoCTLogs() bool { return len(r.CTLogs) == 0 && !r.OtherCTLogs }

// Newest returns when the newest entry began to be valid, or zero if there is
// none. A root that has not changed for a long time may lack what today's
// signatures need.
func (r *Root) Newest() (newest time.Time) {
	note := func(from time.Time) {
		if from.After(newest) {
			newest = from.UTC()
		}
	}
	for _, l := range slices.Concat(r.Logs, r.CTLogs) {
		note(l.From)
	}
	for _, c := range r.CAs {
		note(c.From)
	}
	for _, a := range r.TSAs {
		note(a.From)
	}
	return newest
}

// ParseTrustedRoot reads a trusted root in the JSON of sigstore/protobuf-specs. The
// error matches [check.ErrTooLarge] when a budget is exceeded, is an
// [*UnsupportedError] for another media type, and a [*check.FormatError] otherwise,
// including for a root without any entry. Entries of a kind that is not supported
// are no error: see [Root].
func ParseTrustedRoot(text []byte) (*Root, error) {
	if len(text) > MaxTrustedRoot {
		return nil, check.TooLarge(rootFile+": bytes", len(text), MaxTrustedRoot)
	}
	var parsed trustroot.TrustedRoot
	if err := strict.UnmarshalProto(text, strict.MaxDepth, nil, &parsed); err != nil {
		return nil, check.Malformed(rootFile, "want strict JSON: %v", err)
	}
	switch parsed.GetMediaType() {
	case rootV01Old, rootV01, rootV02:
	default:
		return nil, &UnsupportedError{
			What: rootFile + ": media type", Found: check.Clip(parsed.GetMediaType()),
			Want: fmt.Sprintf("%s, %s or %s", rootV02, rootV01, rootV01Old),
		}
	}
	sum := sha256.Sum256(text)
	root := &Root{Digest: "sha256:" + hex.EncodeToString(sum[:]), MediaType: parsed.GetMediaType(),
		Source: SourceFile}
	if err := root.fill(&parsed); err != nil {
		return nil, err
	}
	if err := root.checkUse(); err != nil {
		return nil, err
	}
	return root, nil
}

// fill reads the four lists.
func (root *Root) fill(in *trustroot.TrustedRoot) (err error) {
	v02 := in.GetMediaType() == rootV02
	root.Logs, err = readLogs(root, "tlogs", in.GetTlogs(), rekorKeys, v02)
	if err != nil {
		return err
	}
	root.CTLogs, err = readLogs(root, "ctlogs", in.GetCtlogs(), ctKeys, v02)
	if err != nil {
		return err
	}
	root.OtherLogs = len(root.Logs) < len(in.GetTlogs())
	root.OtherCTLogs = len(root.CTLogs) < len(in.GetCtlogs())
	root.CAs, err = collect(root, "certificateAuthorities", in.GetCertificateAuthorities(), readCA)
	if err != nil {
		return err
	}
	root.TSAs, err = collect(root, "timestampAuthorities", in.GetTimestampAuthorities(), readTSA)
	return err
}

// collect reads one list, and sets aside the entries that are not supported.
func collect[In, Out any](root *Root, list string, in []In, read func(what string, in In) (*Out, error)) ([]Out,
	error) {
	var all []Out
	for i, entry := range in {
		out, err := read(fmt.Sprintf("%s: %s[%d]", rootFile, list, i), entry)
		var unsupported *UnsupportedError
		switch {
		case errors.As(err, &unsupported):
			root.Unsupported = append(root.Unsupported, err.Error())
		case err != nil:
			return nil, err
		default:
			all = append(all, *out)
		}
	}
	return all, nil
}

func readLogs(root *Root, list string, in []*trustroot.TransparencyLogInstance, keys logKeys, v02 bool) ([]Log, error) {
	seen := map[string]bool{}
	return collect(root, list, in, func(what string, entry *trustroot.TransparencyLogInstance) (*Log, error) {
		l := logReader{what: what, in: entry, keys: keys, v02: v02}
		log, err := l.read()
		if err != nil {
			return nil, err
		}
		if seen[log.ID] {
			return nil, check.Malformed(what, "the log %s is listed twice", log.ID)
		}
		seen[log.ID] = true
		return log, nil
	})
}

// checkUse refuses a root that vouches for nothing, such as some programs write if
// they are given no services.
func (root *Root) checkUse() error {
	if len(root.Logs)+len(root.CAs)+len(root.TSAs)+len(root.CTLogs)+len(root.Unsupported) == 0 {
		return check.Malformed(rootFile, "it lists no log and no authority, so it vouches for nothing; have it "+
			"written again with the services that it is for")
	}
	return nil
}

// checkWindow checks that t lies between from and to, both included. A zero to
// is open.
func checkWindow(from, to, t time.Time) error {
	if t.Before(from) || !to.IsZero() && t.After(to) {
		return &WindowError{From: from, To: to, At: t}
	}
	return nil
}

// readWindow requires a start, because an anchor without one would be valid
// from the beginning of time. A start at the zero time counts as none: Go
// cannot tell the two apart, nor a zero end from an open one.
func readWindow(what, member string, valid *common.TimeRange) (from, to time.Time, err error) {
	from = valid.GetStart().AsTime()
	if valid.GetStart() == nil || from.IsZero() {
		return from, to, check.Malformed(what, "%s.start: want the time from which it is valid, found none", member)
	}
	if valid.GetEnd() == nil {
		return from, to, nil
	}
	to = valid.GetEnd().AsTime()
	if to.Before(from) {
		return from, to, check.Malformed(what, "%s: the end %s is before the start %s", member, stamp(to), stamp(from))
	}
	return from, to, nil
}
