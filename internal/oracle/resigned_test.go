package oracle

import (
	"slices"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
)

// Most changes to a signed document are rejected because the signature no longer
// fits. Here the document is changed before a Sigstore in process signs, logs and
// stamps it, so that both sides have to judge what the document says.

// resigned makes samples of one flavour and changes them before they are signed.
type resigned struct {
	*fixture.Sigstore
	fixture.Flavour
	name     string
	root     []byte
	manifest []byte
}

// flavours are the kinds of Sigstore bundle that are made.
var flavours = []struct {
	name string
	fixture.Flavour
}{
	{"made/key-rekor1", fixture.Flavour{}},
	{"made/key-rekor2", fixture.Flavour{Rekor2: true, Stamped: true}},
	{"made/keyless-rekor1", fixture.Flavour{Keyless: true}},
	{"made/keyless-rekor2", fixture.Flavour{Keyless: true, Rekor2: true, Stamped: true}},
	{"made/message-rekor1", fixture.Flavour{Keyless: true, Message: true}},
}

func makers(t *testing.T) (list []*resigned) {
	t.Helper()
	s := fixture.NewSigstore(t)
	root := s.TrustedRoot(nil)
	for _, f := range flavours {
		list = append(list, &resigned{s, f.Flavour, f.name, root, []byte(`{"schemaVersion":2}`)})
	}
	return list
}

// sample makes one sample, changed by stages.
func (r *resigned) sample(st fixture.BundleStages) *sample {
	subject := oci.FromBytes(r.manifest)
	s := &sample{name: r.name, subject: subject, artifact: r.manifest, root: r.root, expect: true}
	st.Flavour = r.Flavour
	st.Body = r.logged(st.Body)
	st.Text = func(b []byte) []byte { s.bundle = b; return b }
	img := bundle.Image{Node: bundle.Node{MediaType: oci.TypeManifest, Digest: subject, Size: int64(len(r.manifest))}}
	f := &fixture.Forge{
		Inventory: bundle.Inventory{Images: []bundle.Image{img}},
		Blobs:     map[oci.Digest][]byte{subject: r.manifest},
	}
	r.AttachForge(f, 0, st)
	if r.Keyless {
		s.identity = &cert.Policy{SAN: fixture.SignerName, Issuer: fixture.IssuerName}
	} else {
		s.key = []byte(r.Public().PEM())
	}
	return s
}

// logged returns a stage that logs an envelope in Rekor v2 as cosign does, as a
// hashedrekord. sigstore-go 1.3 does not support the other kind, dsse 0.0.2.
func (r *resigned) logged(next fixture.Stage) fixture.Stage {
	return func(m *fixture.Making) {
		if r.Flavour.Rekor2 {
			m.Kind = "hashedrekord"
			m.Body = m.LogBody(m.Kind, m.Version)
		}
		if next != nil {
			next(m)
		}
	}
}

// first is a sample without a change, from which others are derived. They share
// its certificate and signature, because signing again would give other bytes.
type first struct {
	fixture.Making
	statement, body []byte
	checkpoint      string
}

func (r *resigned) first() *first {
	f := &first{}
	r.sample(fixture.BundleStages{
		Claim: func(m *fixture.Making) { f.statement = m.Payload },
		Body: func(m *fixture.Making) {
			f.Making, f.body = *m, m.Body
			m.Checkpoint = func(text string) string { f.checkpoint = text; return text }
		},
	})
	return f
}

// again returns stages that make the same sample up to the log entry, and then
// call body.
func (f *first) again(body fixture.Stage) fixture.BundleStages {
	return fixture.BundleStages{
		Cert:      func(m *fixture.Making) { m.Key, m.Cert = f.Key, f.Cert },
		Signature: func(m *fixture.Making) { m.Signature = f.Signature },
		Body:      body,
	}
}

// cases returns cases in which the statement was changed before it was signed, or
// the body of the log entry or the checkpoint before the log signed it.
func (r *resigned) cases() (list []*testCase) {
	f := r.first()
	add := func(class, path, kind string, st fixture.BundleStages) {
		list = append(list, &testCase{r.sample(st), class, class + " " + path + ": " + kind})
	}
	if !r.Message {
		for _, m := range mutations(f.statement, 1) {
			change := func(by *fixture.Making) { by.Payload = m.JSON }
			add("statement, signed", m.Path, m.Kind, fixture.BundleStages{Claim: change})
		}
	}
	for _, m := range mutations(f.body, 5) {
		add("entry body, logged", m.Path, m.Kind, f.again(func(by *fixture.Making) { by.Body = m.JSON }))
	}
	for kind, text := range changes([]byte(f.checkpoint), 1) {
		add("checkpoint, signed", "", kind, f.again(func(by *fixture.Making) {
			by.Checkpoint = func(string) string { return string(text) }
		}))
	}
	return list
}

// ofResigned makes and judges samples of all flavours.
func ofResigned(t *testing.T) *tally {
	y := newTally()
	for _, r := range makers(t) {
		s := r.sample(fixture.BundleStages{})
		y.asItIs(t, s)
		compare(slices.Concat(r.cases(), bundleCases(s, 13)), y)
	}
	return y
}
