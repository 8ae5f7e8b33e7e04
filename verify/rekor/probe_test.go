package rekor_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
)

// probe is a file in testdata/probes; see testdata/README.md.
type probe struct {
	Desc        string            `json:"desc"`
	Bundle      string            `json:"bundle"`
	Entry       *probeEntry       `json:"entry"`
	More        []*probeEntry     `json:"more"`
	LogKey      string            `json:"logKey"`
	LogName     string            `json:"logName"`
	Payload     []byte            `json:"payload"`
	Signature   []byte            `json:"signature"`
	Envelope    *probeEnvelope    `json:"envelope"`
	Key         string            `json:"key"`
	Certificate string            `json:"certificate"`
	WantUnknown []string          `json:"wantUnknown"`
	WantErr     map[string]string `json:"wantErr"`
}

func TestProbes(t *testing.T) {
	for name, p := range readProbes(t) {
		t.Run(name, func(t *testing.T) {
			if got := p.ask(t); !maps.Equal(got, p.WantErr) {
				t.Errorf("%s:\ngot  %v\nwant %v", p.Desc, got, p.WantErr)
			}
		})
	}
}

func readProbes(t testing.TB) map[string]probe {
	t.Helper()
	files, err := filepath.Glob("testdata/probes/*.json")
	if err != nil || len(files) < 200 {
		t.Fatalf("%d probes: %v", len(files), err)
	}
	probes := map[string]probe{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p probe
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(file, err)
		}
		probes[strings.TrimSuffix(filepath.Base(file), ".json")] = p
	}
	return probes
}

// asked records which checks failed, with the kind of their error.
type asked map[string]string

func (a asked) note(question string, err error) bool {
	if err != nil {
		a[question] = kind(err)
	}
	return err == nil
}

// ask runs every check on the probe, and returns those that failed with the kind
// of their error.
func (p probe) ask(t *testing.T) map[string]string {
	if p.Entry != nil {
		return p.askEntry(t)
	}
	failed := asked{}
	b, err := rekor.ParseBundle([]byte(p.Bundle))
	if !failed.note("bundle", err) {
		return failed
	}
	p.askSET(t, failed, b)
	e, err := rekor.ParseEntry(b.Body)
	if failed.note("entry", err) {
		p.askBody(t, failed, e)
	}
	return failed
}

func (p probe) askSET(t *testing.T, failed asked, b *rekor.Bundle) {
	logKey := publicKey(t, p.LogKey)
	failed.note("log-id", b.CheckLogID())
	failed.note("log", b.BindLog(logKey))
	failed.note("set", rekor.VerifySET(b, logKey))
}

// askBody checks what the entry is about.
func (p probe) askBody(t *testing.T, failed asked, e *rekor.Entry) {
	if env := p.Envelope.read(); env != nil {
		failed.note("envelope", e.BindEnvelope(env))
		failed.note("signature", e.BindEnvelopeSignature(env))
	} else {
		failed.note("payload", e.BindPayload(p.Payload))
		failed.note("signature", e.BindSignature(p.Signature))
	}
	if p.Key != "" {
		failed.note("key", e.BindKey(publicKey(t, p.Key)))
	}
	if p.Certificate != "" {
		failed.note("certificate", e.BindCertificate(decodePEM(t, p.Certificate)))
	}
}

// kind returns the name that the probes give to the type of an error.
func kind(err error) string {
	var format *check.FormatError
	var unsupported *rekor.UnsupportedError
	var mismatch *rekor.MismatchError
	var duplicate *rekor.DuplicateError
	switch {
	case errors.As(err, &format):
		return "format"
	case errors.As(err, &unsupported):
		return "unsupported"
	case errors.As(err, &mismatch):
		return "mismatch"
	case errors.Is(err, check.ErrTooLarge):
		return "too-large"
	case errors.Is(err, rekor.ErrSET):
		return "set"
	case errors.As(err, &duplicate):
		return "duplicate"
	case errors.Is(err, rekor.ErrProof):
		return "proof"
	case errors.Is(err, rekor.ErrCheckpoint):
		return "checkpoint"
	case errors.Is(err, rekor.ErrUnsigned):
		return "unsigned"
	case errors.Is(err, rekor.ErrLogKey):
		return "log-key"
	}
	return err.Error()
}

func publicKey(t testing.TB, text string) crypto.PublicKey {
	t.Helper()
	pub, err := x509.ParsePKIXPublicKey(decodePEM(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func decodePEM(t testing.TB, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}
