package cert

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

func TestVerifySCTs(t *testing.T) {
	ca := newCA(t, "root", nil)
	log, unknown := newLog(t, elliptic.P256()), newLog(t, elliptic.P256())
	chain := logged(t, ca, func(leaf *x509.Certificate) pkix.Extension {
		return sctExtension(unknown.promise(t, leaf, ca.cert), log.promise(t, leaf, ca.cert))
	})
	scts, err := VerifySCTs(chain, []trust.Log{log.Log})
	if err != nil || len(scts) != 2 {
		t.Fatalf("got %+v, %v", scts, err)
	}
	if scts[0].Log != nil || scts[0].Err == nil || scts[1].Err != nil || scts[1].LogID != log.ID ||
		!scts[1].Time.Equal(signing) {
		t.Errorf("got %+v", scts)
	}
}

func TestVerifySCTsRefuses(t *testing.T) {
	ca, otherCA := newCA(t, "root", nil), newCA(t, "root", nil)
	log, unknown, p384 := newLog(t, elliptic.P256()), newLog(t, elliptic.P256()), newLog(t, elliptic.P384())
	other := newLeaf(t, ca)
	from := func(l *ctLog, changes ...func(*ct.SignedCertificateTimestamp)) func(*x509.Certificate) pkix.Extension {
		return func(leaf *x509.Certificate) pkix.Extension {
			return sctExtension(l.promise(t, leaf, ca.cert, changes...))
		}
	}
	always := func(value []byte) func(*x509.Certificate) pkix.Extension {
		return func(*x509.Certificate) pkix.Extension { return pkix.Extension{Id: oidSCTs, Value: value} }
	}
	isFormat := func(reason string) func(error) bool {
		return func(err error) bool {
			var format *check.FormatError
			return errors.As(err, &format) && strings.Contains(format.Reason, reason)
		}
	}
	isSignature := func(err error) bool { return errors.Is(err, trust.ErrSignature) }
	for name, test := range map[string]struct {
		promise func(*x509.Certificate) pkix.Extension
		want    func(error) bool
	}{
		"other certificate": {func(*x509.Certificate) pkix.Extension {
			return sctExtension(log.promise(t, other,
				ca.cert))
		}, isSignature},
		"other issuer": {func(leaf *x509.Certificate) pkix.Extension {
			return sctExtension(log.promise(t, leaf,
				otherCA.cert))
		}, isSignature},
		"other time": {from(log, func(s *ct.SignedCertificateTimestamp) { s.Timestamp++ }), isSignature},
		"time beyond": {from(log, func(s *ct.SignedCertificateTimestamp) { s.Timestamp = math.MaxUint64 }),
			isSignature},
		"other extensions": {from(log, func(s *ct.SignedCertificateTimestamp) { s.Extensions = []byte{1} }),
			isSignature},
		"another's log id": {from(unknown, func(s *ct.SignedCertificateTimestamp) { s.LogID = ct.LogID{KeyID: log.digest()} }), isSignature},
		"bad beside unknown": {func(leaf *x509.Certificate) pkix.Extension {
			return sctExtension(unknown.promise(t, leaf, ca.cert), log.promise(t, other, ca.cert))
		}, isSignature},
		"not DER": {from(log, func(s *ct.SignedCertificateTimestamp) { s.Signature.Signature = []byte{0x30, 0} }),
			func(err error) bool {
				var encoding *trust.EncodingError
				return errors.As(err, &encoding)
			}},
		"unknown log": {from(unknown), func(err error) bool {
			var e *UnknownLogError
			return errors.As(err, &e) && e.Found[0] == unknown.ID && e.Trusted[0] == log.ID
		}},
		"SHA-1": {from(log, func(s *ct.SignedCertificateTimestamp) { s.Signature.Algorithm.Hash = tls.SHA1 }),
			isFormat("found ECDSA with SHA1")},
		"RSA":   {from(log, func(s *ct.SignedCertificateTimestamp) { s.Signature.Algorithm.Signature = tls.RSA }), isFormat("found RSA")},
		"P-384": {from(p384), isFormat("by a key ECDSA P-384")},
		"version 2": {from(log, func(s *ct.SignedCertificateTimestamp) { s.SCTVersion = 1 }),
			isFormat("unknown SCT version 1")},
		"no list":    {always([]byte{4, 0}), isFormat("want a list")},
		"not octets": {always([]byte{5, 0}), isFormat("want a list")},
		"after it":   {always([]byte{4, 2, 0, 0, 0}), isFormat("want a list")},
		"short item": {always([]byte{4, 3, 0, 1, 0}), isFormat("want a list")},
		"garbage":    {always([]byte{4, 5, 0, 3, 0, 1, 0}), isFormat("want one as RFC 6962")},
		"empty list": {always([]byte{4, 2, 0, 0}), func(err error) bool { return errors.Is(err, ErrNoSCT) }},
		"too many": {func(*x509.Certificate) pkix.Extension { return sctExtension(make([][]byte, maxSCTs+1)...) },
			func(err error) bool { return errors.Is(err, check.ErrTooLarge) }},
		"trailing data": {func(leaf *x509.Certificate) pkix.Extension {
			return sctExtension(append(log.promise(t, leaf, ca.cert), 0))
		}, isFormat("want one as RFC 6962")},
	} {
		chain := logged(t, ca, test.promise)
		if _, err := VerifySCTs(chain, []trust.Log{log.Log, p384.Log}); !test.want(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	none := &Chain{Certificates: []*x509.Certificate{other, ca.cert}}
	if _, err := VerifySCTs(none, []trust.Log{log.Log}); !errors.Is(err, ErrNoSCT) {
		t.Errorf("no extension: got %v, want ErrNoSCT", err)
	}
	chain := logged(t, ca, from(unknown))
	if _, err := VerifySCTs(chain, nil); err == nil || !strings.HasSuffix(err.Error(), "trusted: none") {
		t.Errorf("no log is trusted: got %v", err)
	}
}

func (l *ctLog) digest() [32]byte { return sha256.Sum256(l.Key.DER) }

func TestVerifySCTsWindow(t *testing.T) {
	ca := newCA(t, "root", nil)
	log := newLog(t, elliptic.P256())
	chain := logged(t, ca, func(leaf *x509.Certificate) pkix.Extension {
		return sctExtension(log.promise(t, leaf,
			ca.cert))
	})
	for name, test := range map[string]struct {
		from, to time.Time
		inside   bool
	}{
		"at the start":     {signing, time.Time{}, true},
		"at the end":       {signing.Add(-time.Hour), signing, true},
		"before the start": {signing.Add(time.Millisecond), time.Time{}, false},
		"after the end":    {signing.Add(-time.Hour), signing.Add(-time.Millisecond), false},
	} {
		l := log.Log
		l.From, l.To = test.from, test.to
		_, err := VerifySCTs(chain, []trust.Log{l})
		var window *trust.WindowError
		if test.inside && err != nil || !test.inside && !errors.As(err, &window) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWithoutSCTs(t *testing.T) {
	tag := extensionsTag
	for name, raw := range map[string][]byte{
		"empty":            nil,
		"trailing data":    append(der(asn1.SEQUENCE), 0),
		"broken element":   der(asn1.SEQUENCE, []byte{2, 5}),
		"no list":          der(asn1.SEQUENCE, der(tag, der(asn1.SET))),
		"broken list":      der(asn1.SEQUENCE, der(tag, der(asn1.SEQUENCE, der(asn1.SET)))),
		"without an OID":   der(asn1.SEQUENCE, der(tag, der(asn1.SEQUENCE, der(asn1.SEQUENCE)))),
		"two lists in one": der(asn1.SEQUENCE, der(tag, der(asn1.SEQUENCE), der(asn1.SEQUENCE))),
	} {
		_, err := withoutSCTs(raw)
		t.Run(name, func(t *testing.T) { wantFormat(t, err, "certificate", "want ") })
	}
	// Without the extension nothing changes.
	tbs := newLeaf(t, newCA(t, "root", nil)).RawTBSCertificate
	if same, err := withoutSCTs(tbs); err != nil || !bytes.Equal(same, tbs) {
		t.Errorf("rewritten to something else: %v", err)
	}
}

func FuzzCertificate(f *testing.F) {
	for _, real := range reals {
		f.Add(readFile(f, real.file))
	}
	root := realRoot(f, "trusted_root.json")
	at := time.Unix(reals[0].at, 0)
	policy := Policy{SANRegexp: ".*", IssuerRegexp: ".*"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		leaf, err := Parse(raw)
		if err != nil {
			return
		}
		if id, err := ReadIdentity(leaf); err == nil {
			if err := policy.Match(id); err != nil && id.Issuer != "" {
				t.Error(err)
			}
		}
		forged := &Chain{Certificates: append([]*x509.Certificate{leaf}, root.CAs[0].Chain...)}
		_, promised := VerifySCTs(forged, root.CTLogs)
		if chain, err := VerifyChain(leaf, root.CAs, at); err == nil && promised != nil {
			t.Errorf("the authority issued %v, which no log saw: %v", chain.Certificates[0].SerialNumber, promised)
		}
	})
}

func FuzzReadSCTs(f *testing.F) {
	for _, real := range reals {
		f.Add([]byte(extension(mustParse(f, real.file), oidSCTs)))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if scts, err := readSCTs(value); err == nil && (len(scts) == 0 || len(scts) > maxSCTs) {
			t.Errorf("%d timestamps", len(scts))
		}
	})
}
