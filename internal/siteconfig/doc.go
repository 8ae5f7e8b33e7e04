// Package siteconfig writes the documents that a closed site needs after images were loaded
// into its registry. Some say where runtimes find an image under the name that it has in
// manifests, others which signatures admission demands. Every key and root is inline, so
// that nothing asks a repository of The Update Framework.
//
// Names come from a bundle, and trust from what the caller passes, never from the
// bundle. The formats follow these documents:
//
//   - containerd, docs/hosts.md (hosts.toml)
//   - containers-registries.conf(5) version 2, containers-registries.d(5) and
//     containers-policy.json(5) of containers/image (Podman, Skopeo, CRI-O, Buildah)
//   - OpenShift API config.openshift.io/v1: ImageDigestMirrorSet, ImageTagMirrorSet
//   - Kyverno API kyverno.io/v1: ClusterPolicy, verifyImages
//   - policy-controller 0.13, policy.sigstore.dev: ClusterImagePolicy v1beta1 and
//     TrustRoot v1alpha1
package siteconfig
