package check

// Verdict is the answer to whether a bundle, or one image of it, is what was
// signed. There are two.
type Verdict string

// A report holds a failed check if and only if its verdict is Rejected.
const (
	Verified Verdict = "verified"
	Rejected Verdict = "rejected"
)

// Status is the answer to one check.
type Status string

// The statuses of a check.
const (
	Pass Status = "pass"
	Fail Status = "fail" // rejects
	Warn Status = "warn" // reported, and rejects only if warnings are to fail
	Skip Status = "skip" // a note: not asked, or without consequence, for the reason in the detail
)

// State says in which state a blob was found.
type State string

// The states of a blob.
const (
	Intact   State = "intact"   // hashed; its bytes have its digest
	Damaged  State = "damaged"  // hashed; its bytes or its size are not those of its digest
	Missing  State = "missing"  // listed, and not in the file, which was read to its end
	Unlisted State = "unlisted" // in the file, and not listed
	Unread   State = "unread"   // not reached, or over its budget
)

// BoundBy says what binds the name of an image to its digest.
type BoundBy string

// The ways in which a name is bound, the strongest first.
const (
	BoundByDigest BoundBy = "digest"           // the operator asked for the image by digest
	BoundByPolicy BoundBy = "policy"           // a rule of the policy pins the digest
	BoundByLock   BoundBy = "lock"             // the operator's lock file gives name and digest
	BoundBySeal   BoundBy = "seal"             // a pinned seal key sealed the inventory, which gives the name
	BoundByName   BoundBy = "docker-reference" // a signature that counts names the repository
	BoundByNone   BoundBy = "none"             // only the inventory gives the name
)

// VouchedBy says what makes an image acceptable.
type VouchedBy string

// What can vouch for an image. Without other demands, only VouchedBySignature
// suffices.
const (
	// VouchedBySignature is a signature made for the image itself.
	VouchedBySignature VouchedBy = "signature"
	// VouchedByAttestation is a signed attestation of a named type about the image.
	VouchedByAttestation VouchedBy = "attestation"
	// VouchedByPlatformAttestation is one for each platform; the index itself is not
	// signed.
	VouchedByPlatformAttestation VouchedBy = "platform-attestation"
	// VouchedBySender is nothing of the publisher's: a pinned seal key and a pinned
	// digest.
	VouchedBySender VouchedBy = "sender"
	VouchedByNone   VouchedBy = "none"
)

// Form says in which form evidence was stored.
type Form string

// The forms of evidence. That of a Sigstore bundle ends in its version, as in
// "sigstore-bundle-v0.3"; see [SigstoreBundle].
const (
	FormSimpleSigning Form = "cosign-simple-signing" // a payload of cosign's own type, at the tag sha256-<hex>.sig
	FormAttestation   Form = "cosign-attestation"    // a DSSE envelope, at the tag sha256-<hex>.att or as a referrer
	FormInToto        Form = "in-toto"               // an in-toto statement or its envelope, without a Sigstore bundle

	formSigstoreBundle Form = "sigstore-bundle"
)

// SigstoreBundle returns the form of a Sigstore bundle of a version such as
// "0.3", or of an unknown one if version is empty.
func SigstoreBundle(version string) Form {
	if version == "" {
		return formSigstoreBundle
	}
	return formSigstoreBundle + "-v" + Form(version)
}
