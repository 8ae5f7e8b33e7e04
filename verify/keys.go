package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// readKeys reads the key artifacts of the bundle. That a bundle contains a key does
// not make the key trusted; a pinned fingerprint selects one.
func (s *session) readKeys() {
	for _, k := range s.c.Inventory.Keys {
		if key := s.readKey(k); key != nil {
			s.keys = append(s.keys, key)
			s.rep.Keys = append(s.rep.Keys, Key{Fingerprint: key.Fingerprint(), Pinned: key.pinned, PEM: key.PEM()})
		}
	}
	s.judgeKeys()
}

// readKey returns a key of the bundle, nil if it cannot be read.
func (s *session) readKey(k bundle.Key) *bundleKey {
	m := s.graph.Manifests[k.Digest]
	if m == nil {
		return nil // the checks of layout and blobs report it
	}
	if len(m.Layers) != 1 {
		s.keyFault(k, "the key artifact does not have exactly one layer", "1", fmt.Sprint(len(m.Layers)))
		return nil
	}
	pem, ok := s.c.Meta[m.Layers[0].Digest]
	if !ok {
		return nil // the checks of layout and blobs report this, too
	}
	if want, err := bundle.KeyArtifact(pem); err != nil || !bytes.Equal(want, s.c.Meta[k.Digest]) {
		s.keyFault(k, "the key artifact is not the one the format dictates", "", "")
		return nil
	}
	key, err := trust.ParseKey(pem)
	if err != nil {
		s.fault(bundleWide, check.Fault{ID: check.TrustBundleKey, Subject: string(k.Digest),
			Detail: "the key in the bundle cannot be read: " + err.Error()})
		return nil
	}
	if key.PEM() != string(pem) || key.Fingerprint() != k.Fingerprint {
		s.keyFault(k, "the key is not in canonical form, or not the one listed", key.Fingerprint(), k.Fingerprint)
		return nil
	}
	return &bundleKey{key, s.pinned[key.Fingerprint()]}
}

func (s *session) keyFault(k bundle.Key, detail, want, got string) {
	s.fault(bundleWide, check.Fault{ID: check.LayoutInventory, Subject: string(k.Digest),
		Detail: detail, Expected: want, Found: got})
}

// judgeKeys compares the keys of the bundle with those that are pinned.
func (s *session) judgeKeys() {
	if !s.anySigner.anchored() && !s.senderPinned() {
		s.fault(bundleWide, check.Fault{ID: check.TrustUnanchored,
			Detail:   "no key was pinned, so nothing vouches for this bundle. " + s.untrustedKeys(),
			Expected: "a key, a fingerprint or an identity", Found: "none"})
		return
	}
	s.pass(bundleWide, check.Fault{ID: check.TrustUnanchored})
	anyPinned := slices.ContainsFunc(s.keys, func(k *bundleKey) bool { return k.pinned })
	pinned := someOf(s.anySigner.pinned())
	for _, k := range s.keys {
		f := check.Fault{ID: check.TrustBundleKey, Subject: k.Fingerprint()}
		if k.pinned {
			s.pass(bundleWide, f)
			continue
		}
		f.Detail = "the key carried in the bundle is not pinned"
		f.Expected, f.Found = pinned, k.Fingerprint()
		f.Warn = anyPinned || len(s.anySigner.Identities) > 0 || s.senderPinned() // which need none of these keys
		s.fault(bundleWide, f)
	}
}

// senderPinned reports whether a seal key is pinned and the sender may vouch for
// some image.
func (s *session) senderPinned() bool {
	return len(s.opt.SealKeys) > 0 && slices.ContainsFunc(s.anySigner.Vouch, func(v Vouch) bool {
		return v.By == check.VouchedBySender
	})
}

func (s *session) untrustedKeys() string {
	if len(s.keys) == 0 {
		return "The bundle carries no key."
	}
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.Fingerprint()
	}
	return "Fingerprint from the bundle, untrusted: " + someOf(names) +
		". Compare it with one that you received out of band."
}

// anchorStrength refuses pinned keys, and keys of logs, that are too weak to vouch
// for anything.
func (s *session) anchorStrength() {
	keys := slices.Concat(s.anySigner.Keys, s.opt.SealKeys)
	have := map[string]bool{}
	for _, k := range keys {
		have[k.Fingerprint()] = true
	}
	for _, k := range s.keys {
		if k.pinned && !have[k.Fingerprint()] {
			have[k.Fingerprint()] = true
			keys = append(keys, k.Key)
		}
	}
	for _, k := range keys {
		f := check.Fault{ID: check.TrustStrength, Subject: k.Fingerprint(), Found: k.Describe()}
		if err := k.CheckStrength(); err != nil {
			f.Detail = err.Error()
			s.fault(bundleWide, f)
		} else {
			s.pass(bundleWide, f)
		}
		s.strengthChecked[k.Fingerprint()] = true
	}
	for _, d := range s.opt.Domains() {
		for _, l := range d.Logs {
			if err := l.Key.CheckStrength(); err != nil {
				s.fault(bundleWide, check.Fault{ID: check.TrustStrength, Subject: l.Key.Fingerprint(),
					Detail: "log: " + err.Error(), Found: l.Key.Describe()})
			}
		}
	}
}

// crypto finds the key that made the signature, trying the pinned keys first. Other
// keys, of the bundle or of a log entry, are tried only to report whose signature it
// is.
func (j *judgement) crypto() {
	if j.sig.Signature == nil {
		j.skip(check.SignatureCrypto, "the signature cannot be decoded")
		return
	}
	likely, pinned, others := j.candidates()
	key, bad := j.firstThatVerifies(likely)
	if key == nil {
		var alsoBad *trust.EncodingError
		key, alsoBad = j.firstThatVerifies(j.affordable(likely, pinned))
		bad = cmp.Or(bad, alsoBad)
	}
	if key != nil {
		j.d.last = key
		j.signedBy(key)
		j.pass(check.TrustKey, "")
		j.strength(key)
		return
	}
	if len(j.d.Identities) > 0 && (j.leaf != nil || !j.d.keyed()) {
		j.keyless = true
		j.cryptoByCertificate()
		return
	}
	key, alsoBad := j.firstThatVerifies(j.curious(others))
	if key != nil {
		j.signedBy(key)
		j.unpinned(key)
		return
	}
	if bad = cmp.Or(bad, alsoBad); bad != nil {
		j.fault(check.Fault{ID: check.SignatureEncoding, Detail: bad.Error()})
		return
	}
	if j.untried > 0 {
		j.fault(check.Fault{ID: check.LimitSigs,
			Detail: "too many signatures verify under none of many pinned keys, " +
				"so this one was not tried under all of them",
			Expected: fmt.Sprintf("at most %d tries in vain", maxFailedTries), Found: "more"})
		return
	}
	f := check.Fault{ID: check.SignatureCrypto,
		Detail:   "the signature verifies under no known key: none that is pinned, in the bundle, or in the log entry",
		Expected: someOf(j.d.pinned()), Found: "a signature by none of them"}
	if len(pinned) == 0 && len(j.d.Fingerprints) > 0 {
		f.Cause = check.CauseNoKey
		f.Detail = "a fingerprint is pinned, and its key is neither in the bundle nor in a log entry, so that " +
			"nothing can be verified with it"
		f.Found = "no key of that fingerprint"
	}
	j.fault(f)
}

// cryptoByCertificate checks the signature under the certificate's key. Whether
// the certificate itself can be trusted is judged later.
func (j *judgement) cryptoByCertificate() {
	if j.leaf == nil {
		j.skip(check.SignatureCrypto, "no certificate came with the signature")
		return
	}
	key, err := trust.NewKey(j.leaf.PublicKey)
	if err != nil {
		j.fault(check.Fault{ID: check.CertEncoding, Detail: err.Error()})
		return
	}
	if made, bad := j.firstThatVerifies([]*trust.Key{key}); made != nil {
		j.signedBy(made)
	} else if bad != nil {
		j.fault(check.Fault{ID: check.SignatureEncoding, Detail: bad.Error()})
	} else {
		j.fault(check.Fault{ID: check.SignatureCrypto,
			Detail: "the signature does not verify under the key of its certificate"})
	}
}

func (j *judgement) signedBy(key *trust.Key) {
	j.signer = key
	j.info.Key = Text(key.Fingerprint())
	j.pass(check.SignatureCrypto, "")
}

// strength refuses a weak key that a pinned fingerprint selected from a log entry or
// a certificate. All other pinned keys are judged by anchorStrength.
func (j *judgement) strength(key *trust.Key) {
	if j.s.strengthChecked[key.Fingerprint()] {
		return
	}
	if err := key.CheckStrength(); err != nil {
		j.fault(check.Fault{ID: check.TrustStrength, Detail: err.Error(), Found: key.Describe()})
	}
}

// unpinned reports that the signature was made by a key that is not pinned.
func (j *judgement) unpinned(key *trust.Key) {
	if !j.d.anchored() {
		j.skip(check.TrustKey, "no key was pinned")
		return
	}
	f := check.Fault{ID: check.TrustKey, Detail: "the signature was made by a key that is not pinned",
		Expected: j.d.wanted(), Found: key.Fingerprint() + "\n" + key.PEM()}
	if j.sig.Cert != nil {
		f.Cause = check.CauseCertificate
		f.Detail = "the signature was made by the key of a certificate, and no identity was demanded"
	}
	j.fault(f)
}

// otherCertificate refuses a certificate of another key than the one that signed. A
// hint at a key is only a hint, which each signer writes in its own way.
func (j *judgement) otherCertificate() {
	if j.signer == nil {
		return
	}
	if j.leaf != nil && !bytes.Equal(j.leaf.RawSubjectPublicKeyInfo, j.signer.DER) {
		j.fault(check.Fault{ID: check.SignatureEncoding,
			Detail: "the certificate that came with the signature is of another key than the one that signed"})
	}
}
