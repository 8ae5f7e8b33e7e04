package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// ParseRoots reads trust material in any of the forms that the package
// documentation lists, and returns at least one root. Each root is a domain of its
// own: what one vouches for says nothing about the others. The error is that of
// [ParseTrustedRoot].
func ParseRoots(text []byte) ([]*Root, error) {
	if len(text) > MaxTrustedRoot {
		return nil, check.TooLarge(rootFile+": bytes", len(text), MaxTrustedRoot)
	}
	if isTrustRoot(text) {
		root, err := parseTrustRoot(text)
		if err != nil {
			return nil, err
		}
		return []*Root{root}, nil
	}
	lines := nonEmptyLines(text)
	if len(lines) < 2 || !json.Valid(lines[0]) {
		root, err := ParseTrustedRoot(text)
		if err != nil {
			return nil, err
		}
		return []*Root{root}, nil
	}
	if len(lines) > maxRoots {
		return nil, check.TooLarge(rootFile+": lines", len(lines), maxRoots)
	}
	var roots []*Root
	for i, line := range lines {
		root, err := ParseTrustedRoot(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		roots = append(roots, root)
	}
	return roots, nil
}

// maxRoots is the budget for the roots of one file.
const maxRoots = 16

func nonEmptyLines(text []byte) (lines [][]byte) {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

func newRoot(text []byte, mediaType string) *Root {
	sum := sha256.Sum256(text)
	return &Root{Digest: "sha256:" + hex.EncodeToString(sum[:]), MediaType: mediaType, Source: SourceFile}
}

// FromPEM makes a root from PEM files, given by name. The name says what a file is for,
// as in the repositories of Sigstore: it contains fulcio (certificates that issue),
// rekor (keys of logs), ctfe or ctlog (keys of certificate logs) or tsa
// (certificates of timestamp authorities). Keys then have no dates, and certificates
// only their own validity. The digest is that of all files, concatenated in the order
// of their names. The error is that of [ParseTrustedRoot].
func FromPEM(files map[string][]byte) (*Root, error) {
	names := slices.Sorted(maps.Keys(files))
	var all []byte
	for _, name := range names {
		all = append(all, files[name]...)
	}
	if len(all) > MaxTrustedRoot {
		return nil, check.TooLarge(rootFile+": bytes", len(all), MaxTrustedRoot)
	}
	b := &rootBuilder{root: newRoot(all, "PEM")}
	var issuing, stamping []*x509.Certificate
	for _, name := range names {
		text := files[name]
		switch PEMPurpose(name) {
		case PurposeLog:
			b.keys(name, text, &b.root.Logs)
		case PurposeCTLog:
			b.keys(name, text, &b.root.CTLogs)
		case PurposeCA:
			issuing = append(issuing, b.certificates(name, text)...)
		case PurposeTSA:
			stamping = append(stamping, b.certificates(name, text)...)
		default:
			b.fail(check.Malformed(rootFile, "%s: the name of a PEM file must contain fulcio, rekor, ctfe, ctlog "+
				"or tsa, to say what it is for", check.Clip(name)))
		}
	}
	b.authorities("fulcio", issuing, b.addCA)
	b.authorities("tsa", stamping, b.addTSA)
	return b.finish()
}

// What a PEM file is for, as [PEMPurpose] reads it from the name.
const (
	PurposeLog   = "log"
	PurposeCTLog = "ctlog"
	PurposeCA    = "ca"
	PurposeTSA   = "tsa"
)

// PEMPurpose returns what a PEM file is for, as its name says; empty if the name does
// not say it.
func PEMPurpose(name string) string {
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, "\\", "/")))
	for _, p := range []struct{ part, purpose string }{
		{"fulcio", PurposeCA}, {"rekor", PurposeLog},
		{"ctfe", PurposeCTLog}, {"ctlog", PurposeCTLog},
		{"tsa", PurposeTSA},
	} {
		if strings.Contains(base, p.part) {
			return p.purpose
		}
	}
	return ""
}

// rootBuilder makes a root from keys and certificates that come without dates. It
// keeps its first error.
type rootBuilder struct {
	root *Root
	err  error
}

func (b *rootBuilder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *rootBuilder) finish() (*Root, error) {
	if b.err == nil {
		b.err = b.root.checkUse()
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.root, nil
}

// log adds the log of a TrustRoot.
func (b *rootBuilder) log(what, url, encoded string, to *[]Log) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		b.fail(check.Malformed(what, "publicKey: want PEM in base64: %v", err))
		return
	}
	before := len(*to)
	b.keys(what, text, to)
	for i := range (*to)[before:] {
		(*to)[before+i].Name = hostOf(url)
	}
}

func hostOf(url string) string {
	_, host, found := strings.Cut(url, "://")
	if !found {
		host = url
	}
	host, _, _ = strings.Cut(host, "/")
	return host
}

// keys adds the logs whose keys a PEM file holds.
func (b *rootBuilder) keys(what string, text []byte, to *[]Log) {
	keys, err := ParseKeys(text)
	if err != nil {
		b.fail(fmt.Errorf("%s: %w", check.Clip(what), err))
		return
	}
	for _, key := range keys {
		if err := checkLogKey(key); err != nil {
			b.fail(fmt.Errorf("%s: %w", check.Clip(what), err))
			return
		}
		*to = append(*to, Log{ID: key.hexDigest(), Key: *key, Source: SourceFile})
	}
}

// chain adds the authority of a TrustRoot.
func (b *rootBuilder) chain(what string, e chainEntry, add func(string, *Authority)) {
	text, err := base64.StdEncoding.DecodeString(e.CertChain)
	if err != nil {
		b.fail(check.Malformed(what, "certChain: want PEM in base64: %v", err))
		return
	}
	b.authorities(what, b.certificates(what, text), func(what string, a *Authority) {
		a.URI = e.URI
		add(what, a)
	})
}

func (b *rootBuilder) certificates(what string, text []byte) (certs []*x509.Certificate) {
	blocks, err := strict.PEM(text)
	if err == nil && len(blocks) == 0 {
		err = fmt.Errorf("holds no PEM block CERTIFICATE")
	}
	if err != nil {
		b.fail(check.Malformed(rootFile, "%s: it %v", check.Clip(what), err))
		return nil
	}
	for _, block := range blocks {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != certificateBlock {
			b.fail(check.Malformed(rootFile, "%s: want PEM blocks CERTIFICATE, found another", check.Clip(what)))
			return nil
		}
		certs = append(certs, cert)
	}
	return certs
}

// authorities adds one authority for each certificate that issued none of the
// others, with the chain of those that issued it.
func (b *rootBuilder) authorities(what string, certs []*x509.Certificate, add func(string, *Authority)) {
	if len(certs) > maxRootCertificates {
		b.fail(check.TooLarge(rootFile+": certificates", len(certs), maxRootCertificates))
		return
	}
	for _, c := range certs {
		issuedAny := func(o *x509.Certificate) bool { return !o.Equal(c) && issued(c, o) }
		if slices.ContainsFunc(certs, issuedAny) {
			continue
		}
		chain := chainOf(c, certs)
		if err := checkChain(rootFile+": "+what, "", chain); err != nil {
			b.fail(err)
			return
		}
		add(what, &Authority{Name: chain[0].Subject.String(), Chain: chain})
	}
}

const maxRootCertificates = 64

func issued(by, cert *x509.Certificate) bool {
	return bytes.Equal(by.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(by) == nil
}

// chainOf returns a certificate followed by those that issued it, each once.
func chainOf(first *x509.Certificate, certs []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{first}
	for len(chain) < maxChain {
		last := chain[len(chain)-1]
		i := slices.IndexFunc(certs, func(c *x509.Certificate) bool {
			return !slices.ContainsFunc(chain, c.Equal) && issued(c, last)
		})
		if i < 0 {
			break
		}
		chain = append(chain, certs[i])
	}
	return chain
}

func (b *rootBuilder) addCA(what string, a *Authority) {
	for _, cert := range a.Chain {
		if !cert.BasicConstraintsValid || !cert.IsCA {
			b.fail(check.Malformed(rootFile, "%s: want certificates of authorities, found one that may not issue",
				what))
			return
		}
	}
	b.root.CAs = append(b.root.CAs, CertificateAuthority{*a})
}

func (b *rootBuilder) addTSA(what string, a *Authority) {
	if a.Chain[0].IsCA || len(a.Chain) < 2 {
		b.fail(check.Malformed(rootFile, "%s: want the certificate that signs the timestamps, and that of its issuer",
			what))
		return
	}
	b.root.TSAs = append(b.root.TSAs, TimestampAuthority{*a})
}
