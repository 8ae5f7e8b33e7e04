package trust

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/gapseal/gapseal/internal/plainyaml"
	"github.com/gapseal/gapseal/verify/check"
)

// trustRootDocument is a TrustRoot of policy-controller. Only the keys in the document
// itself are read, not those that it says where to fetch.
type trustRootDocument struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   any    `yaml:"metadata"`
	Spec       struct {
		Remote     any `yaml:"remote"`
		Repository any `yaml:"repository"`
		Keys       *struct {
			CAs    []chainEntry `yaml:"certificateAuthorities"`
			Logs   []logEntry   `yaml:"tLogs"`
			CTLogs []logEntry   `yaml:"ctLogs"`
			TSAs   []chainEntry `yaml:"timestampAuthorities"`
		} `yaml:"sigstoreKeys"`
	} `yaml:"spec"`
	Status any `yaml:"status"`
}

type chainEntry struct {
	Subject   any    `yaml:"subject"`
	URI       string `yaml:"uri"`
	CertChain string `yaml:"certChain"` // PEM, in base64
}

type logEntry struct {
	BaseURL       string `yaml:"baseURL"`
	HashAlgorithm any    `yaml:"hashAlgorithm"`
	PublicKey     string `yaml:"publicKey"` // PEM, in base64
}

// maxTrustRoot is the budget for a TrustRoot in bytes: reading YAML takes many times its
// size.
const maxTrustRoot = 1 << 20

// trustRoot is how a message names the document.
const trustRoot = "TrustRoot"

// isTrustRoot reports whether a text is meant as a TrustRoot.
func isTrustRoot(text []byte) bool {
	return bytes.Contains(text, []byte("policy.sigstore.dev/")) && !json.Valid(text)
}

// readTrustRoot decodes a TrustRoot as strictly as a policy file: an unknown key could
// change the meaning of others.
func readTrustRoot(text []byte) (doc trustRootDocument, err error) {
	if len(text) > maxTrustRoot {
		return doc, check.TooLarge(trustRoot+": bytes", len(text), maxTrustRoot)
	}
	var head struct {
		Kind string `yaml:"kind"`
	}
	err = plainyaml.Read(text, func() error {
		if err := plainyaml.Head(text, &head); err != nil || head.Kind != trustRoot {
			return err
		}
		return plainyaml.Decode(text, &doc)
	})
	switch {
	case err != nil:
		return doc, check.Malformed(trustRoot, "%s", check.Clip(plainyaml.Located(err).Error()))
	case head.Kind != trustRoot:
		return doc, &UnsupportedError{What: "kind of document", Found: check.Clip(head.Kind), Want: trustRoot}
	case doc.Spec.Keys == nil:
		return doc, check.Malformed(trustRoot, "want sigstoreKeys: a TrustRoot that only says where to fetch keys "+
			"vouches for nothing without a network")
	case doc.Spec.Remote != nil || doc.Spec.Repository != nil:
		return doc, check.Malformed(trustRoot, "want sigstoreKeys alone, found remote or repository beside it")
	}
	return doc, nil
}

func parseTrustRoot(text []byte) (*Root, error) {
	doc, err := readTrustRoot(text)
	if err != nil {
		return nil, err
	}
	keys := doc.Spec.Keys
	b := &rootBuilder{root: newRoot(text, trustRoot)}
	for i, e := range keys.Logs {
		b.log(fmt.Sprintf("tLogs[%d]", i), e.BaseURL, e.PublicKey, &b.root.Logs)
	}
	for i, e := range keys.CTLogs {
		b.log(fmt.Sprintf("ctLogs[%d]", i), e.BaseURL, e.PublicKey, &b.root.CTLogs)
	}
	for i, e := range keys.CAs {
		b.chain(fmt.Sprintf("certificateAuthorities[%d]", i), e, b.addCA)
	}
	for i, e := range keys.TSAs {
		b.chain(fmt.Sprintf("timestampAuthorities[%d]", i), e, b.addTSA)
	}
	return b.finish()
}
