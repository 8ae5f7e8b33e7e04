// Package volume cuts a bundle into volumes that fit a medium, and reads a
// bundle across its volumes without joining them.
//
//	app.tar.001, app.tar.002, …   the bundle, cut into parts of equal size
//	app.volumes.json              the index: size and SHA-256 of each part, and of the whole
//
// Writing: a [Target] names the files and says how large a volume is;
// [Target.Write] writes a [bundle.Plan] to them, and none of the files appears
// under its name before all of them are complete. [ParseSize] reads sizes, also
// as the name of a medium from [Media].
//
// Reading: [Find] opens the volumes that lie in one or several folders, and
// [Set.Bundle] reads the bundle in them. [CheckOne] compares a single volume
// with the index before the others have arrived.
//
// The index is evidence, not an anchor: it shows which volume is at fault if a
// bundle does not verify, and has no part in whether the bundle verifies. No file
// name is taken from the index. All names derive from the one that the caller gave,
// see [Base].
//
// docs/volumes.md specifies the index and the names.
package volume
