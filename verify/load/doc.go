// Package load verifies a bundle and loads its images.
//
// [Bundle] loads into a [Destination], such as a registry, and reads the bundle once: it
// stores the very bytes that it hashes. It judges the metadata first. If that does not
// reject the bundle, content is uploaded while it is hashed. No manifest and no tag is
// stored before the verdict is [check.Verified]. Then the rest follows: children before
// their index, evidence after what it is about, and the tag of the image last. At the end
// everything is read back, so that nothing is missing without being reported.
//
// [Import] loads into an [Importer], such as a container runtime. It reads the bundle a
// second time, after the verdict.
//
// [Names] says where each image goes. Nothing is converted: a manifest is stored byte
// for byte, and if a destination refuses it, that is an error of its image.
package load
