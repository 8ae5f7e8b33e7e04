package verify

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// bundleKey is a public key found in the bundle.
type bundleKey struct {
	*trust.Key
	pinned bool
}

// readKeys reads the bundle's key artifacts. A key is worth nothing for being
// there; a pinned fingerprint selects one.
func (s *session) readKeys() {
	for _, k := range s.c.Inventory.Keys {
		if key := s.readKey(k); key != nil {
			s.keys = append(s.keys, key)
			s.rep.Keys = append(s.rep.Keys, Key{Fingerprint: key.Fingerprint(), Pinned: key.pinned, PEM: key.PEM()})
		}
	}
	s.judgeKeys()
}

func (s *session) readKey(k bundle.Key) *bundleKey {
	m := s.graph.Manifests[k.Digest]
	if m == nil || len(m.Layers) != 1 {
		if m != nil {
			s.keyFault(k, "the key artifact has not exactly one layer", "1", fmt.Sprint(len(m.Layers)))
		}
		return nil
	}
	pem, ok := s.c.Meta[m.Layers[0].Digest]
	if !ok {
		return nil // the layout and blob checks speak of it
	}
	if want, err := bundle.KeyArtifact(pem); err != nil || !bytes.Equal(want, s.c.Meta[k.Digest]) {
		s.keyFault(k, "the key artifact is not the one the format dictates", "", "")
		return nil
	}
	key, err := trust.ParseKey(pem)
	if err != nil {
		s.bundleFault(&check.Fault{ID: check.TrustBundleKey, Subject: string(k.Digest), Detail: "the key in the bundle cannot be read: " + err.Error()})
		return nil
	}
	if key.PEM() != string(pem) || key.Fingerprint() != k.Fingerprint {
		s.keyFault(k, "the key is not in canonical form, or not the one listed", key.Fingerprint(), k.Fingerprint)
		return nil
	}
	return &bundleKey{key, s.pins(key)}
}

func (s *session) keyFault(k bundle.Key, detail, want, got string) {
	s.bundleFault(&check.Fault{ID: check.LayoutInventory, Subject: string(k.Digest), Detail: detail, Expected: want, Found: got})
}

// pins reports whether the operator vouches for key.
func (s *session) pins(key *trust.Key) bool {
	return s.anyone.pins(key)
}

// judgeKeys says what stands between the bundle's keys and the pinned ones.
func (s *session) judgeKeys() {
	if !s.anyone.anchored() {
		s.bundleFault(&check.Fault{ID: check.TrustUnanchored, Detail: "no key was pinned, so nothing vouches for this bundle. " + s.untrustedKeys(), Expected: "--key FILE or --key sha256:…", Found: "none"})
		return
	}
	s.rec.add(bundleWide, Pass, check.Fault{ID: check.TrustUnanchored})
	if len(s.keys) == 0 {
		return
	}
	anyPinned := slices.ContainsFunc(s.keys, func(k *bundleKey) bool { return k.pinned })
	for _, k := range s.keys {
		f := check.Fault{ID: check.TrustBundleKey, Subject: k.Fingerprint()}
		if k.pinned {
			s.rec.add(bundleWide, Pass, f)
			continue
		}
		f.Detail, f.Expected, f.Found = "the key carried in the bundle is not pinned", strings.Join(s.anyone.pinned(), ", "), k.Fingerprint()
		f.Warn = anyPinned || len(s.anyone.Identities) > 0 // under an identity no key is asked
		s.bundleFault(&f)
	}
}

func (s *session) untrustedKeys() string {
	if len(s.keys) == 0 {
		return "The bundle carries no key."
	}
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.Fingerprint()
	}
	return "Fingerprint from the bundle, untrusted: " + strings.Join(names, ", ") + ". Compare it with one that you received by another road."
}

// anchorStrength refuses pinned keys, and log keys, too weak to vouch for
// anything.
func (s *session) anchorStrength() {
	keys := slices.Concat(s.anyone.Keys, s.opt.SealKeys)
	for _, k := range s.keys {
		if k.pinned && !slices.ContainsFunc(keys, func(o *trust.Key) bool { return o.Fingerprint() == k.Fingerprint() }) {
			keys = append(keys, k.Key)
		}
	}
	for _, k := range keys {
		if err := k.CheckStrength(); err != nil {
			s.bundleFault(&check.Fault{ID: check.TrustStrength, Subject: k.Fingerprint(), Detail: err.Error(), Found: k.Describe()})
		} else {
			s.rec.add(bundleWide, Pass, check.Fault{ID: check.TrustStrength, Subject: k.Fingerprint(), Found: k.Describe()})
		}
		s.weighed = append(s.weighed, k.Fingerprint())
	}
	for _, l := range s.opt.Logs {
		if err := l.Key.CheckStrength(); err != nil {
			s.bundleFault(&check.Fault{ID: check.TrustStrength, Subject: l.Key.Fingerprint(), Detail: "log: " + err.Error(), Found: l.Key.Describe()})
		}
	}
}
