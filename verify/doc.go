// Package verify checks a bundle and returns a [Report]. It uses no network:
// everything it needs is in the bundle or in its arguments.
//
// # Verifying
//
// [Bundle] verifies a bundle that package bundle has opened, from a file, from a
// pipe or from volumes. For a bundle that is rejected it returns an [*Error] as well
// as the full report, as golang.org/x/mod/sumdb/note.Open does: a caller who only
// tests "if err != nil" is safe, and nothing is hidden.
//
// [Plan] judges a bundle that is about to be written, by the same code and with
// the same result. [Judge] judges one piece of evidence without a bundle.
//
// # What is trusted, and what is demanded
//
// [Options] hold both. [Anchors] are what is trusted: logs, authorities, seal keys.
// [Demands] say who may vouch for an image, and what must hold of it; a [Policy]
// makes more demands of the images that its rules match. The zero value trusts
// nothing, so it rejects every bundle. Anchors and demands come from packages trust
// and policy.
//
// Demands.Vouch says what suffices to vouch for an image: a signature, an attestation
// of a type, a signed attestation of each platform, or the sender's seal with a pinned
// digest. They are tried in that order; the first that is satisfied vouches, and
// [Image].VouchedBy names it. A lock (package lock) lists exactly the images that the
// bundle must hold, and binds their names.
//
// What the rule of a policy accepts is reviewed with the policy. The same in [Options]
// is a waiver: Vouch, LogOptional, SignedAs, PayloadTypes, and also IgnoreTlog,
// AcceptReference, and a time At that is not the host's. Each waiver is in every
// report, and is a warning there.
//
// The limits within which untrusted content is read are those of the bundle: they
// are given to package bundle when it opens one.
//
// # What the report says
//
// The verdict is [check.Verified] or [check.Rejected], and it is Rejected if and
// only if a check failed. Every check of package check that can be asked is asked: a
// failed check hides no other. [Report].Failures has the failed checks, the first
// cause first. Evidence that is not good, but is not needed either, such as a second
// signature, is noted by a check that is skipped.
//
// Each [Image] says what vouches for it, and what binds its name to its digest: no
// signature covers a tag. Package report writes reports as text, HTML, JSON and in
// other formats; package receipt signs them, and package register keeps them.
//
// # While content is read
//
// [Options].OnMetadata is called before any content is read, with the report as far
// as the metadata allows. [Options].Progress counts the bytes. [Options].Tap gets the
// content as it is hashed, for a program that delivers it in the same pass.
package verify
