// Package volume cuts the one file of a bundle into volumes that fit a medium,
// and reads across them without joining them.
//
//	app.tar.001, app.tar.002, …   the bundle, cut into equal parts
//	app.volumes.json              the index: size and SHA-256 of each, and of the whole
//
// The index is evidence and no anchor. It names the volume at fault when a
// bundle does not verify; whether the bundle verifies is never for it to say.
// No name of a file is taken from it: all derive from the name the operator
// gave.
package volume
