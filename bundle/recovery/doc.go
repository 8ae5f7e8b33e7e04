// Package recovery adds Reed-Solomon parity to a bundle, in volumes of its own,
// and rebuilds from it what a medium has lost.
//
//	app.recovery.json   the geometry, and the SHA-256 of each cell
//	app.tar.rec.001, …  parity, each with a copy of that index at its end
//
// Writing: [Write] writes a bundle with recovery volumes, and [Plan] says what
// they will be.
//
// Repairing: [Find] opens the files of a bundle, [Repair.Scan] looks for damage,
// [Repair.Damage] lists it, and [Repair.Rebuild] writes the damaged and missing
// files into another folder. A repair is not a verdict: only package verify says
// whether the bundle is what was signed.
//
// # The code
//
// The whole bundle is one code word of blocks: data blocks of equal size, the last
// padded with zeros, and parity blocks computed from them. From any blocks, if there
// are as many as data blocks, all others can be computed. Each block is cut into
// cells, and the cells with the same number in all blocks are a column, which is a
// code word too. So a scratch costs cells and not whole blocks, and a lost volume,
// which is a run of blocks, costs each column the same number of cells.
//
// The code works in GF(2^8), with at most 256 blocks. A code in GF(2^16) would
// allow more blocks, but it needs tables of 64 MiB and more (65,536 times 512
// products of two bytes), twice what a repair holds of the bundle. Columns give
// the finer grain instead.
//
// docs/volumes.md specifies the index and the recovery volumes.
package recovery
