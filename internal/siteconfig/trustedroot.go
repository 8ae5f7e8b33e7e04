package siteconfig

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/hex"
	"time"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// The JSON form of dev.sigstore.trustroot.v1.TrustedRoot (sigstore/protobuf-specs).
type (
	rootFile struct {
		MediaType string          `json:"mediaType"`
		TLogs     []rootLog       `json:"tlogs,omitempty"`
		CAs       []rootAuthority `json:"certificateAuthorities,omitempty"`
		CTLogs    []rootLog       `json:"ctlogs,omitempty"`
		TSAs      []rootAuthority `json:"timestampAuthorities,omitempty"`
	}
	rootLog struct {
		URL   string  `json:"baseUrl"`
		Hash  string  `json:"hashAlgorithm"`
		Key   rootKey `json:"publicKey"`
		LogID struct {
			Key []byte `json:"keyId"`
		} `json:"logId"`
	}
	rootKey struct {
		Raw     []byte `json:"rawBytes"`
		Details string `json:"keyDetails"`
		Window  window `json:"validFor"`
	}
	rootAuthority struct {
		Subject struct {
			Organization string `json:"organization"`
			CommonName   string `json:"commonName"`
		} `json:"subject"`
		URI   string `json:"uri"`
		Chain struct {
			Certificates []rootCert `json:"certificates"`
		} `json:"certChain"`
		Window window `json:"validFor"`
	}
	rootCert struct {
		Raw []byte `json:"rawBytes"`
	}
	window struct {
		Start string `json:"start"`
		End   string `json:"end,omitempty"`
	}
)

// trustedRoot writes a domain as a trusted root. Entries of the original root that gapseal
// does not use are not in it.
func trustedRoot(d *verify.Domain) *rootFile {
	r := &rootFile{MediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
	for _, l := range d.Logs {
		r.TLogs = append(r.TLogs, newRootLog(l, "rekor"))
	}
	for _, l := range d.CTLogs {
		r.CTLogs = append(r.CTLogs, newRootLog(l, "ctlog"))
	}
	for _, a := range d.CAs {
		r.CAs = append(r.CAs, newRootAuthority(a.Authority))
	}
	for _, a := range d.TSAs {
		r.TSAs = append(r.TSAs, newRootAuthority(a.Authority))
	}
	return r
}

func newRootLog(l trust.Log, kind string) rootLog {
	r := rootLog{URL: "https://" + cmp.Or(l.Name, kind+".invalid"), Hash: "SHA2_256"}
	r.Key = rootKey{l.Key.DER, keyDetails(&l.Key), newWindow(l.From, l.To)}
	r.LogID.Key, _ = hex.DecodeString(l.ID) // a log has no other id
	return r
}

// keyDetails names the kind of the key of a log, which is one of these.
func keyDetails(k *trust.Key) string {
	switch pub := k.Public.(type) {
	case ed25519.PublicKey:
		return "PKIX_ED25519"
	case *ecdsa.PublicKey:
		switch pub.Curve.Params().BitSize {
		case 384:
			return "PKIX_ECDSA_P384_SHA_384"
		case 521:
			return "PKIX_ECDSA_P521_SHA_512"
		}
	}
	return "PKIX_ECDSA_P256_SHA_256"
}

func newRootAuthority(a trust.Authority) (r rootAuthority) {
	c := newAuthority(a)
	r.Subject.Organization, r.Subject.CommonName = c.Subject.Organization, c.Subject.CommonName
	r.URI = c.URI
	for _, cert := range a.Chain {
		r.Chain.Certificates = append(r.Chain.Certificates, rootCert{cert.Raw})
	}
	r.Window = newWindow(a.From, a.To)
	return r
}

func newWindow(from, to time.Time) window {
	w := window{Start: time.Unix(0, 0).UTC().Format(time.RFC3339)}
	if !from.IsZero() {
		w.Start = from.UTC().Format(time.RFC3339)
	}
	if !to.IsZero() {
		w.End = to.UTC().Format(time.RFC3339)
	}
	return w
}
