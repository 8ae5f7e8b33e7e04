// Package bundle reads and writes the one file in which images cross an air gap:
// a canonical tar that holds an OCI image layout, an inventory of its content, and
// all evidence that came with the images. Two bundles of the same content are the
// same bytes, and the SHA-256 of index.json identifies both.
//
// # Writing
//
// [Collect] gathers images and evidence from a [Source] into a [Plan]. The plan
// holds all metadata, so that it can be verified before any layer is fetched.
// [Plan.WriteFile] and [Plan.WriteStream] fetch the layers and write the bundle;
// package bundle/volume writes it as volumes.
//
// What belongs to an image must be there. Evidence that cannot be fetched, read or
// carried is left out instead, and listed in the inventory with its reason
// ([LeftOut]): it must not be in the power of those who may push to a repository to
// stop every export of what is in it.
//
// # Reading
//
// [OpenFile], [Open] and [OpenStream] read the metadata of a bundle and compare
// each blob with its digest. [Reader.Hash] then hashes everything else, so that
// each byte of the file is read once; it can hand the bytes on, through a [Tap].
// [Reader.OpenBlob] opens a single blob of a file again.
//
// What is wrong with a bundle is not an error. It is listed in [Reader.Faults],
// each fault with the id of the check that failed, for package verify to report.
// An error says that the operating system refused a read.
//
// # Budgets
//
// A bundle may be hostile, so it is read within the budgets of [oci.Limits]; zero
// fields mean the defaults. Metadata is held in memory. Content is not, whatever
// its size.
//
// docs/format.md specifies the format.
package bundle
