// Package load verifies a bundle and loads its images into a [Destination] in one
// reading: what is stored there are the very bytes that were hashed.
//
// [Bundle] judges the metadata first. If that does not reject the bundle, content is
// uploaded while it is hashed. No manifest and no tag is stored before the verdict is
// [check.Verified]. Then the rest follows, children before their index, evidence after
// what it is about, and the tag of the image last. At the end everything is fetched
// again and compared, so that nothing is missing without a word.
//
// [Names] says where each image goes. Nothing is converted: a manifest is stored byte
// for byte, and what a destination refuses is an error of that image.
package load
