package main

import (
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/load"
	"github.com/gapseal/gapseal/verify/register"
)

// advice says which flag helps if a check failed. It replaces the remedy in
// [check.Table], which knows no flags. docs/checks.md is generated from both.
var advice = map[check.ID]string{
	"limit.entries":    "raise --limit entries=N only if you know why the bundle is that large",
	"limit.index":      "raise --limit index=SIZE only if you know why it is that large",
	"limit.inventory":  "raise --limit inventory=SIZE only if you know why it is that large",
	"limit.metadata":   "raise --limit metadata=SIZE; metadata is held in memory",
	"limit.manifest":   "raise --limit manifest=SIZE only if you know why it is that large",
	"limit.config":     "raise --limit config=SIZE only if you know why it is that large",
	"limit.payload":    "raise --limit payload=SIZE only if you know why it is that large",
	"limit.images":     "raise --limit images=N, or export fewer images per bundle",
	"limit.depth":      "raise --limit depth=N only if you know why they nest that deep",
	"limit.signatures": "raise --limit signatures=N, or have the publisher remove old signatures",
	"limit.total":      "raise --limit total=SIZE",
	"limit.unpacked": "treat the layer as hostile; raise --limit unpacked=SIZE or ratio=N only if the publisher " +
		"confirms it",

	"media.index":   "copy the index again, or verify the first volume without it; gapseal repair writes a new one",
	"media.size":    "copy the volume again, or rebuild it with gapseal repair",
	"media.damaged": "copy the volume again, or rebuild it with gapseal repair",
	"media.missing": "bring the volume named, or name its folder with --volumes; gapseal repair can rebuild it from " +
		"recovery volumes",
	"media.duplicate": "remove the copy that is wrong; gapseal verify --volume shows which one that is",

	"signature.present": "ask the publisher to sign the image, then export again; for what is never signed, see " +
		"--accept-sender",
	"signature.docker-reference": "if the image was mirrored on purpose, verify with --accept-reference",
	"rekor.present":              "have the publisher sign with a transparency log; --insecure-ignore-tlog waives it",
	"rekor.time":                 "check the clock of this host, or state the time with --at",
	"rekor.threshold": "correct the number demanded, or ask the publisher to use more logs; pass a --trusted-root " +
		"that knows them all",
	"tsa.timestamp": "pass a current --trusted-root; otherwise ask the publisher to sign again",
	"tsa.threshold": "correct the number demanded, or ask the publisher for more timestamps; pass a --trusted-root " +
		"that knows the authorities",
	"trust.unanchored": "get the publisher's key or its fingerprint out of band and pass it with --key; for keyless " +
		"signatures, --certificate-identity",
	"trust.log":      "pass the log's key with --rekor-key; a trusted root may be older than the signature",
	"trust.validity": "check the dates; pass a current --trusted-root if the log's key was rotated",
	"cert.chain": "pass a current --trusted-root, or --key for what a plain key signed; otherwise do not use this " +
		"image",
	"cert.sct": "pass a current --trusted-root; otherwise do not use this image",

	"policy.lock":          "export again with the images of the lock, or pass the renewed lock with --lock",
	"policy.sender":        "pin the sender's seal key with --seal-key, and the digest in the policy or with --lock",
	"policy.built-in-root": "pass --trusted-root or --rekor-key, received out of band",
	"policy.image":         "export the images you need, or correct --image",
	"manifest.foreign": "export again from a registry that holds the layer, or provide it where the image runs; " +
		"--allow-missing-foreign-layers leaves it out on purpose",
	"policy.left-out": "look at what was left out; if you need it, have it repaired in the registry, then export " +
		"again; with --no-left-out export refuses to leave anything out",
	"policy.platform":    "export with --platform for those that are allowed",
	"policy.transfer":    "complete the record and pass it with --transfer",
	"policy.age":         "export a newer build, or correct --max-age or --not-before",
	"policy.attestation": "ask the publisher to attest, then export again; or correct --require-attestation",
	"policy.child-signature": "have the publisher sign each platform (cosign sign --recursive), or drop " +
		"--require-child-signatures",
	"policy.seal-not-judged":  "pin the sender's seal key with --seal-key; without it the seal proves nothing",
	"policy.accept-reference": "name the exact pair in --accept-reference if the mirror is yours",
	"policy.reference-unbound": "compare the digest with one received out of band, and pin it: --image REF@DIGEST, " +
		"or --lock FILE for all images",
	"policy.export-waiver": "export again without --allow-unverified",
}

// adviceOnCause says which flag helps if a check failed for a particular cause.
var adviceOnCause = map[check.Cause]string{
	"clock":      "check the clock of this host, or state the time with --at",
	"given-time": "correct the time given with --at",
	"no-time": "pass a --trusted-root that knows the log or the timestamp authority; otherwise do not use this " +
		"image",
	"tag": "demand the image by the tag that was signed, or by its digest alone; or accept that tag: --signed-as " +
		"REPO:TAG",
	"payload": "accept the type with --accept-payload-type, if the publisher confirms that its signatures are of it",
	"attested": "if the publisher attests in place of signing, accept that: vouch in the rule of a policy, or " +
		"--accept-attestation TYPE",
	"denied": "log in to the registry with an account that may read the tags of signatures, and export again",
	"new-stream": "demand the stream that you expect, with --seal-stream or sealStream of the policy; the first bundle " +
		"of a stream has no other before it",
	"no-key":  "pass the key as a PEM file with --key, or as `file` or `pem` in the policy",
	"voucher": "correct the type in --accept-attestation, or in vouch of the rule; otherwise do not use this image",
	"built-in": "pass the --trusted-root of the Sigstore instance that signed; the built-in root knows only the public " +
		"one",
	"plain-key": "pass --key for what a plain key signed, if the publisher confirms the key out of band",
	"certificate": "pass --certificate-identity if the publisher confirms, out of band, the identity that signs; " +
		"otherwise do not use this image",
}

// advise returns the flag that helps against a fault; it is empty where none does.
func advise(f *check.Fault) string {
	if s := adviseMirror(f); s != "" {
		return s
	}
	if f.Cause != "" {
		return adviceOnCause[f.Cause]
	}
	return advice[f.ID]
}

// adviseMirror names the pair of repositories to accept, if a signature was made for
// another one. What is no name of a repository must not get into a command.
func adviseMirror(f *check.Fault) string {
	if f.ID != check.SignatureReference || f.Cause != "" {
		return ""
	}
	known, err := oci.ParseReference(f.Expected)
	signed, ferr := oci.ParseReference(f.Found)
	if err != nil || ferr != nil || known.Repository == signed.Repository {
		return ""
	}
	return fmt.Sprintf("if the image was mirrored on purpose, accept the name for which it was signed: "+
		"--accept-reference %s=%s, or signedAs in the rule of the policy", known.Repository, signed.Repository)
}

// adviceOnConnection says which flag helps where a host could not be reached.
var adviceOnConnection = map[registry.Cause]string{
	registry.CauseUnknownAuthority: "pass the certificate of that authority with --registry-cacert, once it has " +
		"been compared out of band",
	registry.CauseClientCertificate: "pass the certificate with --registry-cert and --registry-key",
	registry.CauseClientRefused:     "pass another certificate with --registry-cert and --registry-key",
	registry.CausePlainHTTP:         "allow that with --allow-http-registry",
}

// adviseSource adds to an error of collecting images which flag helps.
func adviseSource(err error) error {
	budget := (*bundle.BudgetError)(nil)
	connect := (*registry.ConnectError)(nil)
	advice := ""
	switch {
	case errors.As(err, &budget) && budget.Limit == "metadata":
		advice = "export fewer images per bundle or raise --limit metadata=SIZE"
	case errors.As(err, &budget) && budget.Limit != "":
		advice = "raise --limit " + budget.Limit + "=SIZE only if you know why it is that large"
	case errors.As(err, new(*bundle.PlatformError)):
		advice = "name one of them with --platform"
	case errors.As(err, new(*bundle.ChildError)) && errors.Is(err, oci.ErrNotFound):
		advice = "carry the platforms that the registry holds: --platform OS/ARCH, such as linux/amd64"
	case errors.As(err, new(*bundle.ForeignLayerError)):
		advice = "leave it out with --allow-missing-foreign-layers if the hosts that run the image have it"
	case errors.As(err, &connect):
		advice = adviceOnConnection[connect.Cause]
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// adviseLoad says which flag helps where an image was not loaded.
func adviseLoad(err error) string {
	connect := (*registry.ConnectError)(nil)
	taken := (*load.TagError)(nil)
	switch {
	case errors.As(err, &taken) && taken.Subject != "":
		return "load the image to another place with --map; or replace those that are there with --overwrite-tags: " +
			"they are lost then, so sign again afterwards what you signed there"
	case errors.As(err, new(*load.ReservedTagError)):
		return "give the image another tag: --tag-as, with --image"
	case errors.As(err, &taken):
		return "give the image another tag or place, or move that tag with --overwrite-tags"
	case errors.As(err, new(*load.NarrowedError)):
		return "export the image with all its platforms: leave out --platform there; or let the registry accept such " +
			"an index (Distribution 3: validation.manifests.indexes.platforms: none); or load the platform into a " +
			"runtime or an archive, such as containerd or oci-archive:FILE"
	case errors.As(err, &connect):
		return adviceOnConnection[connect.Cause]
	}
	return ""
}

// adviseRegister says what to do about a damaged register. It is empty for any
// other error.
func adviseRegister(err error) string {
	damaged := (*register.DamagedError)(nil)
	if !errors.As(err, &damaged) {
		return ""
	}
	return fmt.Sprintf("\nTo see all faults: gapseal register check %s\n"+
		"Keep it as evidence, and begin a new one in an empty folder once it is clear what happened.", damaged.Dir)
}
