// Package bundle reads and writes the one file in which images cross an air
// gap: a canonical tar that holds an OCI image layout, an inventory of what it
// holds, and every piece of evidence that came with the images. The format is
// specified in docs/format.md.
//
// Writing: [Collect] gathers images and evidence from a [Source] into a [Plan],
// and the plan is written with [Plan.WriteFile] or [Plan.WriteStream].
//
// Reading: [Open] or [OpenStream] reads the metadata, each blob checked against
// its digest, and [Reader.Hash] hashes everything else, reading each byte once.
// What is wrong with the file is collected in [Reader.Faults]; an error is
// returned only where the operating system refused a read.
package bundle
