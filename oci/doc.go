// Package oci reads OCI and Docker content without a network: digests and
// references, descriptors, manifests, indexes and image configs, platforms, and
// which documents are evidence about an image rather than something to run.
//
// Everything comes from outside, so the parsers are strict: [ParseDigest] takes one
// algorithm and one spelling, because a digest becomes a file name, and
// [ParseManifest] and [ParseConfig] refuse documents that two readers could
// understand differently. What is wrong with a document is a fault with the id of
// the check that failed, of package verify/check.
//
// [Limits] are the budgets within which all packages read untrusted content.
//
// The documents are those of the OCI image specification 1.1 and of Docker's image
// manifest version 2, schema 2. Package oci/registry fetches them.
package oci
