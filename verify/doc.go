// Package verify asks the checks of a bundle and answers with a [Report]. It knows
// no network: whatever it needs is in the bundle, or is given to it.
//
// # Verifying
//
// [Bundle] verifies a bundle that package bundle has opened, from a file, from a
// pipe or from volumes. It has the shape of golang.org/x/mod/sumdb/note.Open: for a
// bundle that is not verified it returns an error and the full report, so that
// "if err != nil" is safe and nothing is hidden. The error is an [*Error] then.
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
// Three options waive a rule: IgnoreTlog, AcceptReference, and a time At that is
// not the host's. Each waiver is in every report, and is a warning there.
//
// The limits within which untrusted content is read are those of the bundle: they
// are given to package bundle when it opens one.
//
// # What the report says
//
// The verdict is [check.Verified] or [check.Rejected], and it is Rejected if and
// only if a check failed. Each check of package check is asked that could be asked:
// one that fails hides no other. [Report].Failures has the failed checks, the first
// cause first. What could be judged and is not good, but is not needed either, such
// as a second signature, is a warning.
//
// Each [Image] says what vouches for it, and what binds its name to its digest: no
// signature covers a tag. Package report writes reports as text, HTML, JSON and in
// other formats; package receipt signs them, and package register keeps them.
//
// # While content is read
//
// [Options].OnMetadata is called with the report as far as the metadata allows,
// before any content is read. [Options].Progress counts the bytes. [Options].Tap
// gets the content as it is hashed, for a program that delivers it in the same pass.
package verify
