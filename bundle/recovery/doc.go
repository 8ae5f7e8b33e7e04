// Package recovery adds Reed-Solomon parity to a bundle, in volumes of its own,
// and rebuilds from it what a medium lost.
//
// The bundle as a whole is one code word of blocks: Data blocks of equal size,
// the last padded with zeros, and Parity blocks computed from them. Any Data of
// the blocks give all the others back. A block is cut into cells, and the cells
// of one number in all blocks are a column, which is a code word too: so a
// scratch costs cells and not blocks, and a lost volume, which is a run of
// blocks, costs each column the same.
//
//	app.recovery.json   the geometry, and the SHA-256 of each cell
//	app.tar.rec.001, …  parity, each with a copy of that index at its end
//
// The code works in GF(2^8), with at most 256 blocks. One in GF(2^16) would
// allow more, but needs tables of 64 MiB and more (65,536 times 512 products of
// two bytes), twice what a repair holds of the bundle; columns give the finer
// grain instead.
package recovery
