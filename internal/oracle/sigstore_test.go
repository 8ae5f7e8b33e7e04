package oracle

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// sigstoreSide judges samples with sigstore-go.
type sigstoreSide struct {
	text []byte
	root *root.TrustedRoot
	err  error
}

// judge demands everything that gapseal demands, as far as sigstore-go supports
// it:
//
//   - always a log entry;
//   - of a certificate, a signed certificate timestamp, a time from a log or a
//     timestamp authority, and exact values of identity and issuer;
//   - of a key, that it is the given one. gapseal demands no time of a key's
//     signature, so none is demanded here either. If gapseal accepted and
//     reports a trusted time, however, sigstore-go must find the same time;
//   - the artifact by its bytes as well as by its digest, where it is known.
//
// A panic of sigstore-go counts as a rejection, since it accepted nothing.
func (o *sigstoreSide) judge(s *sample, claimed *time.Time) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{cause: fmt.Sprint("panic: ", p)}
		}
	}()
	if err := o.verify(s, claimed); err != nil {
		return answer{cause: err.Error()}
	}
	return answer{accepted: true}
}

func (o *sigstoreSide) verify(s *sample, claimed *time.Time) error {
	if !bytes.Equal(o.text, s.root) {
		o.text = s.root
		o.root, o.err = root.NewTrustedRootFromJSON(s.root)
	}
	if o.err != nil {
		return o.err
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(s.bundle); err != nil {
		return err
	}
	material, who, err := o.signer(s)
	if err != nil {
		return err
	}
	v, err := verify.NewVerifier(material, demands(s, claimed)...)
	if err != nil {
		return err
	}
	for _, artifact := range artifacts(s, b.GetMessageSignature() != nil) {
		result, err := v.Verify(&b, verify.NewPolicy(artifact, who))
		if err != nil {
			return err
		}
		if claimed != nil && !named(result, *claimed) {
			return fmt.Errorf("gapseal reports the trusted time %s, sigstore-go %v", claimed, result.VerifiedTimestamps)
		}
	}
	return nil
}

// signer returns the trusted material, and the policy that demands its key or
// identity.
func (o *sigstoreSide) signer(s *sample) (root.TrustedMaterial, verify.PolicyOption, error) {
	if s.identity != nil {
		id, err := verify.NewShortCertificateIdentity(s.identity.Issuer, "", s.identity.SAN, "")
		return o.root, verify.WithCertificateIdentity(id), err
	}
	pub, err := cryptoutils.UnmarshalPEMToPublicKey(s.key)
	if err != nil {
		return nil, nil, err
	}
	verifier, err := signature.LoadDefaultVerifier(pub)
	if err != nil {
		return nil, nil, err
	}
	key := root.NewExpiringKey(verifier, time.Time{}, time.Time{})
	pinned := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return key, nil })
	return root.TrustedMaterialCollection{pinned, o.root}, verify.WithKey(), nil
}

func demands(s *sample, claimed *time.Time) []verify.VerifierOption {
	list := []verify.VerifierOption{verify.WithTransparencyLog(1)}
	switch {
	case s.identity != nil:
		return append(list, verify.WithObserverTimestamps(1), verify.WithSignedCertificateTimestamps(1))
	case claimed != nil:
		return append(list, verify.WithObserverTimestamps(1))
	}
	return append(list, verify.WithNoObserverTimestamps())
}

// artifacts lists the ways to name what was signed. For an envelope that is only
// the digest: given the artifact, sigstore-go would accept a subject with any
// digest algorithm, and gapseal accepts SHA-256 only.
func artifacts(s *sample, message bool) (list []verify.ArtifactPolicyOption) {
	if message {
		list = append(list, verify.WithArtifact(bytes.NewReader(s.artifact)))
	}
	digest, err := hex.DecodeString(s.subject.Hex())
	if err != nil {
		panic(err)
	}
	return append(list, verify.WithArtifactDigest("sha256", digest))
}

func named(r *verify.VerificationResult, at time.Time) bool {
	for _, t := range r.VerifiedTimestamps {
		if t.Timestamp.Equal(at) {
			return true
		}
	}
	return false
}
