// Package register keeps an append-only record of every verification in a
// folder, rejected ones too.
//
// Each entry is a file of its own, 000000000001.json and so on: one line of
// strict JSON, in one spelling, with its final newline. It holds the report,
// byte for byte as a string, the report's SHA-256, and the SHA-256 of the file
// of the entry before. Its last member is the SHA-256 of the line without that
// member, so that a damaged entry is found by itself.
//
// What a chain of hashes shows: any entry that was edited, moved, copied, taken
// from another register, or removed from between two others. What it cannot
// show is a tail that was cut off, or one that was written anew from some entry
// on, the last entry alone included. For that, pin a [Head] and keep it
// elsewhere.
//
// An entry appears under its name whole and on the disk, or not at all. Writers
// wait for each other by a lock; readers need neither the lock nor the right to
// write.
package register
