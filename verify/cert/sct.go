package cert

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"

	"github.com/gapseal/gapseal/verify/trust"
)

// SCT is a signed certificate timestamp: a log's promise to make the
// certificate public.
type SCT struct {
	LogID string     // lower-case hex
	Time  time.Time  // as the log states it; a fact only if Err is nil
	Log   *trust.Log // nil when the log is not trusted
	Err   error      // why the timestamp does not count
}

var errUnknownLog = errors.New("the log is not trusted")

// VerifySCTs answers whether a trusted certificate transparency log promised to
// make the certificate public: at least one embedded timestamp must be signed,
// with ECDSA P-256 and SHA-256, by one of the logs within its window. It
// returns all timestamps with what was found about each, also beside an error.
//
// The error is [ErrNoSCT], a [*FormatError] when the extension cannot be read,
// matches [ErrTooLarge] beyond a budget, and is an [*UnknownLogError] when no
// log is a trusted one. For a timestamp of a trusted log that does not count it
// matches [trust.ErrSignature], or is a [*trust.EncodingError], a
// [*trust.WindowError] or a [*FormatError].
func VerifySCTs(chain *Chain, logs []trust.Log) ([]SCT, error) {
	serialized, err := readSCTs(extension(chain.Certificates[0], oidSCTs))
	if err != nil {
		return nil, err
	}
	precert, err := chain.precert()
	if err != nil {
		return nil, err
	}
	scts := make([]SCT, 0, len(serialized))
	for _, raw := range serialized {
		var sct ct.SignedCertificateTimestamp
		if rest, err := tls.Unmarshal(raw, &sct); err != nil || len(rest) > 0 {
			return nil, malformed("signed certificate timestamp", "want one as RFC 6962 encodes it")
		}
		scts = append(scts, judge(sct, precert, logs))
	}
	return scts, conclude(scts, logs)
}

// precert is what the log was shown.
func (c *Chain) precert() (*ct.PreCert, error) {
	tbs, err := withoutSCTs(c.Certificates[0].RawTBSCertificate)
	if err != nil {
		return nil, err
	}
	return &ct.PreCert{IssuerKeyHash: sha256.Sum256(c.Certificates[1].RawSubjectPublicKeyInfo), TBSCertificate: tbs}, nil
}

func judge(sct ct.SignedCertificateTimestamp, precert *ct.PreCert, logs []trust.Log) SCT {
	out := SCT{LogID: hex.EncodeToString(sct.LogID.KeyID[:])}
	if sct.Timestamp <= math.MaxInt64 {
		out.Time = time.UnixMilli(int64(sct.Timestamp)).UTC()
	}
	out.Err = errUnknownLog
	for i := range logs {
		if logs[i].ID == out.LogID {
			out.Log = &logs[i]
			out.Err = checkSCT(sct, precert, out.Log, out.Time)
		}
	}
	return out
}

func checkSCT(sct ct.SignedCertificateTimestamp, precert *ct.PreCert, log *trust.Log, at time.Time) error {
	algorithm := sct.Signature.Algorithm
	if algorithm.Hash != tls.SHA256 || algorithm.Signature != tls.ECDSA || log.Key.Describe() != "ECDSA P-256" {
		return malformed("signed certificate timestamp", "want a signature by ECDSA P-256 with SHA-256, found %s with %s by a key %s",
			algorithm.Signature, algorithm.Hash, log.Key.Describe())
	}
	message, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType,
		TimestampedEntry: &ct.TimestampedEntry{
			Timestamp: sct.Timestamp, EntryType: ct.PrecertLogEntryType, PrecertEntry: precert, Extensions: sct.Extensions,
		},
	}})
	if err != nil {
		return malformed("signed certificate timestamp", "%v", err)
	}
	if err := log.Key.Verify(message, sct.Signature.Signature); err != nil {
		return fmt.Errorf("signed certificate timestamp of log %s: %w", log.ID, err)
	}
	if err := log.CheckWindow(at); err != nil {
		return fmt.Errorf("certificate transparency log %s: %w", log.ID, err)
	}
	return nil
}

// conclude asks for one timestamp that counts. Of those that do not, one of a
// trusted log says more than one of an unknown log.
func conclude(scts []SCT, logs []trust.Log) error {
	unknown := &UnknownLogError{}
	var first error
	for _, sct := range scts {
		switch {
		case sct.Err == nil:
			return nil
		case sct.Log == nil:
			unknown.Found = append(unknown.Found, sct.LogID)
		case first == nil:
			first = sct.Err
		}
	}
	if first != nil {
		return first
	}
	for _, log := range logs {
		unknown.Trusted = append(unknown.Trusted, log.ID)
	}
	return unknown
}
