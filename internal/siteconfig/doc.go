// Package siteconfig writes the documents that a closed site needs next to images that
// were loaded into its registry: where runtimes find an image under the name that it
// always had, and which signatures admission demands, with every key and root inline,
// so that nothing asks The Update Framework or a log.
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
