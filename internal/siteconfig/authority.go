package siteconfig

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

type workflow = cert.GitHubWorkflow

var (
	errNoLog = errors.New("a log entry is demanded, and no pinned log signs entry timestamps (Rekor v1), which is " +
		"the only proof that this format knows; accept signatures without a log entry, or pin such a log")
	errWorkflow = errors.New("this format cannot demand the values of a GitHub workflow; pin the identity alone, " +
		"which names the workflow, too")
	errNoCA = errors.New("no trusted root with a certificate authority was given")
)

// identity is an identity in a ClusterImagePolicy or a ClusterPolicy.
type identity struct {
	Issuer        string `yaml:"issuer,omitempty"`
	IssuerRegExp  string `yaml:"issuerRegExp,omitempty"`
	Subject       string `yaml:"subject,omitempty"`
	SubjectRegExp string `yaml:"subjectRegExp,omitempty"`
}

// newIdentity converts an identity. A regular expression of cert.Policy must match the
// whole value, one in a document only a part of it.
func newIdentity(p *cert.Policy) identity {
	return identity{p.Issuer, whole(p.IssuerRegexp), p.SAN, whole(p.SANRegexp)}
}

func whole(re string) string {
	if re == "" {
		return ""
	}
	return "^(?:" + re + ")$"
}

func ecdsaLogs(logs []trust.Log) (list []trust.Log) {
	for _, l := range logs {
		if _, ok := l.Key.Public.(*ecdsa.PublicKey); ok {
			list = append(list, l)
		}
	}
	return list
}

func pemOf(certs ...*x509.Certificate) (text string) {
	for _, c := range certs {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return text
}
