package cert

import (
	"crypto/sha256"
	stdasn1 "encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/gapseal/gapseal/verify/check"
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

// VerifySCTs checks that a trusted certificate transparency log promised to
// make the certificate public: at least one embedded timestamp must be signed,
// with ECDSA P-256 and SHA-256, by one of the logs within its window. It
// returns all timestamps with what was found about each, even with an error.
// The error
//
//   - is [ErrNoSCT] if the certificate has no timestamp;
//   - is a [*check.FormatError] if the extension cannot be read;
//   - matches [check.ErrTooLarge] when a budget is exceeded;
//   - is an [*UnknownLogError] if none of the timestamps is by a trusted log;
//   - matches [trust.ErrSignature], or is or wraps a [*trust.EncodingError], a
//     [*trust.WindowError] or a [*check.FormatError], for a timestamp by a
//     trusted log that does not count.
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
			return nil, check.Malformed("signed certificate timestamp", "want one as RFC 6962 encodes it")
		}
		scts = append(scts, judge(sct, precert, logs))
	}
	return scts, conclude(scts, logs)
}

// precert returns what the log was shown.
func (c *Chain) precert() (*ct.PreCert, error) {
	tbs, err := withoutSCTs(c.Certificates[0].RawTBSCertificate)
	if err != nil {
		return nil, err
	}
	return &ct.PreCert{IssuerKeyHash: sha256.Sum256(c.Certificates[1].RawSubjectPublicKeyInfo),
		TBSCertificate: tbs}, nil
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
		return check.Malformed("signed certificate timestamp",
			"want a signature by ECDSA P-256 with SHA-256, found %s with %s by a key %s",
			algorithm.Signature, algorithm.Hash, log.Key.Describe())
	}
	message, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType,
		TimestampedEntry: &ct.TimestampedEntry{
			Timestamp:    sct.Timestamp,
			EntryType:    ct.PrecertLogEntryType,
			PrecertEntry: precert,
			Extensions:   sct.Extensions,
		},
	}})
	if err != nil {
		return check.Malformed("signed certificate timestamp", "%v", err)
	}
	if err := log.Key.Verify(message, sct.Signature.Signature); err != nil {
		return fmt.Errorf("signed certificate timestamp of log %s: %w", log.ID, err)
	}
	if err := log.CheckWindow(at); err != nil {
		return fmt.Errorf("certificate transparency log %s: %w", log.ID, err)
	}
	return nil
}

// conclude requires one timestamp that counts. If there is none, an error about
// a trusted log is more informative than one about an unknown log.
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

// maxSCTs is the budget for the timestamps of one certificate. Fulcio embeds
// one.
const maxSCTs = 32

var oidSCTs = stdasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2} // RFC 6962, section 3.3

// readSCTs splits the extension: an octet string with a list of timestamps,
// where the list and each timestamp are preceded by their length.
func readSCTs(value cryptobyte.String) ([][]byte, error) {
	if value == nil {
		return nil, ErrNoSCT
	}
	var octets, list cryptobyte.String
	if !value.ReadASN1(&octets, asn1.OCTET_STRING) || !value.Empty() || !octets.ReadUint16LengthPrefixed(&list) ||
		!octets.Empty() {
		return nil, check.Malformed("signed certificate timestamps", "want a list as RFC 6962 encodes it")
	}
	var scts [][]byte
	for !list.Empty() {
		var sct cryptobyte.String
		if !list.ReadUint16LengthPrefixed(&sct) {
			return nil, check.Malformed("signed certificate timestamps", "want a list as RFC 6962 encodes it")
		}
		scts = append(scts, sct)
	}
	if len(scts) == 0 {
		return nil, ErrNoSCT
	}
	if len(scts) > maxSCTs {
		return nil, check.TooLarge("signed certificate timestamps", len(scts), maxSCTs)
	}
	return scts, nil
}

// withoutSCTs rewrites a TBSCertificate (RFC 5280, section 4.1) to what a log
// signs: all of it except the extension with the timestamps (RFC 6962, section
// 3.2). Only lengths are encoded again.
func withoutSCTs(raw cryptobyte.String) ([]byte, error) {
	var tbs cryptobyte.String
	if !raw.ReadASN1(&tbs, asn1.SEQUENCE) || !raw.Empty() {
		return nil, check.Malformed("certificate", "want a TBSCertificate")
	}
	var out cryptobyte.Builder
	var failed error
	out.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for !tbs.Empty() && failed == nil {
			var element cryptobyte.String
			var tag asn1.Tag
			if !tbs.ReadAnyASN1Element(&element, &tag) {
				failed = check.Malformed("certificate", "want a TBSCertificate in DER")
			} else if tag == extensionsTag {
				failed = copyExtensions(b, element)
			} else {
				b.AddBytes(element)
			}
		}
	})
	if failed != nil {
		return nil, failed
	}
	return out.Bytes()
}

var extensionsTag = asn1.Tag(3).ContextSpecific().Constructed()

func copyExtensions(b *cryptobyte.Builder, element cryptobyte.String) error {
	var outer, list cryptobyte.String
	if !element.ReadASN1(&outer, extensionsTag) || !outer.ReadASN1(&list, asn1.SEQUENCE) || !outer.Empty() {
		return check.Malformed("certificate", "want a list of extensions")
	}
	var kept []byte
	for !list.Empty() {
		var one, content cryptobyte.String
		var oid stdasn1.ObjectIdentifier
		if !list.ReadASN1Element(&one, asn1.SEQUENCE) {
			return check.Malformed("certificate", "want a list of extensions")
		}
		content = one
		if !content.ReadASN1(&content, asn1.SEQUENCE) || !content.ReadASN1ObjectIdentifier(&oid) {
			return check.Malformed("certificate", "want each extension to have a type")
		}
		if !oid.Equal(oidSCTs) {
			kept = append(kept, one...)
		}
	}
	b.AddASN1(extensionsTag, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(kept) })
	})
	return nil
}

// ErrNoSCT reports that a certificate has no signed certificate timestamp.
var ErrNoSCT = errors.New("certificate has no signed certificate timestamp")

// UnknownLogError reports that the certificate was entered only in logs that
// the trusted root does not list. Both fields hold log ids in lower-case hex.
type UnknownLogError struct {
	Found   []string
	Trusted []string
}

// Error names the logs found and the trusted ones.
func (e *UnknownLogError) Error() string {
	return fmt.Sprintf("certificate is in no trusted certificate transparency log: found %s; trusted: %s",
		list(e.Found), list(e.Trusted))
}
