// Package atomicfile writes one large file so that its final name never shows
// half of it, whatever is interrupted: the process, the machine, the disk.
//
// The bytes go to a temporary file beside the final name,
//
//	.<base>.<16 hex digits>.partial
//
// which [File.Commit] flushes to the disk and renames. Beside, since a rename
// replaces its target in one step only within one file system. A killed run
// leaves its partial file behind; the next [Create] of the same name removes
// it, but never one that a running process still writes.
package atomicfile
