// Package layer looks into image layers as their bytes stream past.
//
// [Peek] keeps the first block of a layer, enough for [Sniff] to compare its
// magic bytes with what [FormatOf] says of its media type. [Unpacker] unpacks
// a whole layer and gives the digest of the tar inside, the diff ID that an
// image config promises:
//
//	u := layer.NewUnpacker(descriptor.Size, layer.Limits{})
//	_, err := io.Copy(u, blob) // beside the hash of the blob itself
//	u.Close()
//	r := u.Result()
//
// An Unpacker goes by the magic bytes and not by the media type, as container
// runtimes do; that both agree is for the caller to ask. It never trusts a
// layer: every limit is checked while unpacking, and nothing is written
// anywhere.
//
// Neither gzip nor zstd has one encoding only, so bytes can hide in a layer
// whose diff ID is right: in header fields, in members that unpack to nothing,
// in frames that decoders skip. A signed layer may hold such bytes honestly
// (eStargz and zstd:chunked layers do), so they are findings, to be reported
// as warnings. Bytes which no decoder accounts for are errors.
package layer
