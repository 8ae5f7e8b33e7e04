package evidence_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/evidence"
)

func FuzzReadBundle(f *testing.F) {
	s := loadStore(f)
	for _, m := range []oci.Digest{bundleKey, bundleCert, bundleRekor2, bundleNoLog} {
		f.Add(s.layer(f, m, 0))
	}
	f.Add([]byte(messageBundle))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, faults := evidence.ReadBundle(raw, typeV03)
		if b == nil && len(faults) == 0 {
			t.Fatal("nothing was read, and there is no fault")
		}
		if b == nil || len(faults) > 0 {
			return
		}
		if (b.Envelope == nil) == (b.Message == nil) || b.Chain != nil {
			t.Error("not one content, or a chain in version 0.3")
		}
		// The reference implementation writes it again, and it reads the same.
		var pb bundlepb.Bundle
		if err := protojson.Unmarshal(raw, &pb); err != nil {
			t.Fatal(err)
		}
		text, err := protojson.Marshal(&pb)
		if err != nil {
			t.Fatal(err)
		}
		if again, faults := evidence.ReadBundle(text, typeV03); len(faults) > 0 || !reflect.DeepEqual(b, again) {
			t.Errorf("read again: %+v, %v", again, faults)
		}
	})
}

func FuzzReadEnvelope(f *testing.F) {
	s := loadStore(f)
	f.Add(s.layer(f, attKey, 0))
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"AAAA"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, fault := evidence.ReadEnvelope(raw)
		if (e == nil) == (fault == nil) {
			t.Fatal(e, fault)
		}
		if e != nil && (!bytes.HasSuffix(e.PAE(), e.Payload) || len(e.Signature) == 0) {
			t.Errorf("%+v", e)
		}
	})
}

func FuzzReadStatement(f *testing.F) {
	f.Add([]byte(signed))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, fault := evidence.ReadStatement(raw)
		if (s == nil) == (fault == nil) {
			t.Fatal(s, fault)
		}
		if s == nil {
			return
		}
		for _, sub := range s.About(image) {
			if sub.Digest != image {
				t.Errorf("%+v", sub)
			}
		}
	})
}

// FuzzRead reads a manifest as each kind there is. Its layers and its config are
// the fuzzer's as well.
func FuzzRead(f *testing.F) {
	s := loadStore(f)
	for _, m := range []oci.Digest{sigKey, sigKeyless, attKey, bundleKey, bundleCert} {
		f.Add([]byte(s[m]), s.layer(f, m, 0))
	}
	f.Fuzz(func(t *testing.T, manifest, layer []byte) {
		blob := func(d oci.Digest) []byte {
			if d == "manifest" {
				return manifest
			}
			return layer
		}
		for _, kind := range []oci.Kind{oci.KindSignature, oci.KindAttestation, oci.KindBundle, oci.KindInToto} {
			for _, e := range evidence.Read(kind, "manifest", image, blob) {
				if e.Form == "" || e.Subject != image || e.Manifest != "manifest" {
					t.Errorf("%+v", e)
				}
				if len(e.Problems) == 0 && kind != oci.KindInToto && (e.Signature == nil || e.Message == nil) {
					t.Errorf("no problem, and no signature: %+v", e)
				}
				if e.IsSignature() && e.Statement != nil && e.Statement.PredicateType != evidence.SignPredicate {
					t.Errorf("an attestation passes as a signature: %+v", e)
				}
			}
		}
	})
}

// FuzzReadCosign reads any manifest with any config: a signature without a
// problem is one that another reader of JSON finds as well.
func FuzzReadCosign(f *testing.F) {
	config := configText(goodConfig)
	f.Add([]byte(manifestJSON(config, layerJSON(""))), []byte(config))
	f.Add([]byte(manifestJSON("{}", layerJSON(`,"dev.sigstore.cosign/bundle":"{}"`), layerJSON(""))), []byte("{}"))
	f.Add([]byte(`{"schemaVersion":2,"layers":[{}],"subject":{}}`), []byte("[]"))
	f.Add([]byte("{"), []byte(""))
	f.Fuzz(func(t *testing.T, manifest, config []byte) {
		d := oci.FromBytes(manifest)
		sigs := evidence.ReadCosign(d, subject, func(o oci.Digest) []byte {
			switch o {
			case d:
				return manifest
			case payloadDigest:
				return []byte(payload)
			}
			return config
		})
		var m struct{ Layers []oci.Descriptor }
		err := json.Unmarshal(manifest, &m)
		for i, s := range sigs {
			if len(s.Problems) > 0 {
				continue
			}
			if err != nil || len(m.Layers) != len(sigs) {
				t.Fatalf("read %d signatures, another reader %d (%v)", len(sigs), len(m.Layers), err)
			}
			if got := m.Layers[i].Annotations["dev.cosignproject.cosign/signature"]; got != base64.StdEncoding.EncodeToString(s.Signature) || got == "" {
				t.Fatalf("signature %d: read %x from %q", i, s.Signature, got)
			}
		}
	})
}
