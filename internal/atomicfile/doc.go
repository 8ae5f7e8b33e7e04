// Package atomicfile writes a file so that its final name never refers to an
// incomplete file, even if the process is killed or the power fails.
//
// The bytes go to a temporary file in the same folder,
//
//	.<base>.<16 hex digits>.partial
//
// which [File.Commit] flushes to the disk and renames. It is in the same folder
// because a rename is atomic only within one file system. A process that is
// killed leaves its partial file behind. The next [Create] of the same name
// removes such files, but none that a running process is still writing.
package atomicfile
