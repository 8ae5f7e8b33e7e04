// Package layer examines image layers while their bytes stream past.
//
// [Peek] keeps the first block of a layer, enough for [Sniff] to recognize its
// format by its magic bytes, which the caller can compare with what [FormatOf]
// derives from its media type. [Unpacker] unpacks a whole layer and returns the
// digest of the tar inside: the diff ID that an image config declares.
//
//	u := layer.NewUnpacker(descriptor.Size, layer.Limits{})
//	_, err := io.Copy(u, blob) // while the blob itself is hashed
//	u.Close()
//	r := u.Result()
//
// An Unpacker goes by the magic bytes and not by the media type, as container
// runtimes do. Whether the two agree is left to the caller. It does not trust a
// layer: it checks every limit while it unpacks, and writes nothing anywhere.
//
// Neither gzip nor zstd has only one encoding of the same content, so a layer
// with the right diff ID can have hidden bytes: in header fields, in members that
// unpack to nothing, in frames that decoders skip. A signed layer may hold such
// bytes for good reasons (eStargz and zstd:chunked layers do), so they are
// findings, to be reported as warnings. Bytes that no decoder accounts for are
// errors.
package layer
