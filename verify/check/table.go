package check

// The ids, in the order of the table below.
const (
	Internal ID = "internal.fault"

	LimitEntries   ID = "limit.entries"
	LimitIndex     ID = "limit.index"
	LimitInventory ID = "limit.inventory"
	LimitMetadata  ID = "limit.metadata"
	LimitManifest  ID = "limit.manifest"
	LimitConfig    ID = "limit.config"
	LimitPayload   ID = "limit.payload"
	LimitEvidence  ID = "limit.evidence"
	LimitSeal      ID = "limit.seal"
	LimitNesting   ID = "limit.nesting"
	LimitImages    ID = "limit.images"
	LimitDepth     ID = "limit.depth"
	LimitSigs      ID = "limit.signatures"
	LimitEntry     ID = "limit.log-entry"
	LimitTotal     ID = "limit.total"
	LimitUnpacked  ID = "limit.unpacked"

	MediaIndex     ID = "media.index"
	MediaMissing   ID = "media.missing"
	MediaSize      ID = "media.size"
	MediaDuplicate ID = "media.duplicate"
	MediaSwapped   ID = "media.swapped"
	MediaForeign   ID = "media.foreign"
	MediaDamaged   ID = "media.damaged"
	MediaRecovery  ID = "media.recovery"

	ContainerWrapper   ID = "container.wrapper"
	ContainerTruncated ID = "container.truncated"
	ContainerType      ID = "container.type"
	ContainerName      ID = "container.name"
	ContainerHeader    ID = "container.header"
	ContainerDuplicate ID = "container.duplicate"
	ContainerOrder     ID = "container.order"
	ContainerPadding   ID = "container.padding"
	ContainerEnd       ID = "container.end"

	LayoutMarker    ID = "layout.marker"
	LayoutIndex     ID = "layout.index"
	LayoutInventory ID = "layout.inventory"
	LayoutSeal      ID = "layout.seal"
	LayoutName      ID = "layout.name"
	LayoutMissing   ID = "layout.missing"
	LayoutUnlisted  ID = "layout.unlisted"
	LayoutRoles     ID = "layout.roles"

	BlobDigest  ID = "blob.digest"
	BlobSize    ID = "blob.size"
	BlobInline  ID = "blob.inline"
	BlobWrapper ID = "blob.wrapper"

	ManifestJSON      ID = "manifest.json"
	ManifestMediaType ID = "manifest.media-type"
	ManifestDigest    ID = "manifest.digest"
	ManifestSize      ID = "manifest.size"
	ManifestForeign   ID = "manifest.foreign"
	ManifestChild     ID = "manifest.child"
	ManifestNarrowed  ID = "manifest.narrowed"
	ManifestRunnable  ID = "manifest.runnable"

	ConfigJSON      ID = "config.json"
	ConfigDiffIDs   ID = "config.diff-ids"
	ConfigLayerType ID = "config.layer-type"
	ConfigPlatform  ID = "config.platform"
	ConfigDiffID    ID = "config.diffid"

	PolicyUnsigned ID = "policy.unsigned-image"

	SignaturePresent   ID = "signature.present"
	SignatureEncoding  ID = "signature.encoding"
	SignatureClaims    ID = "signature.claims"
	SignatureCrypto    ID = "signature.crypto"
	SignatureReference ID = "signature.docker-reference"

	RekorPresent    ID = "rekor.present"
	RekorEncoding   ID = "rekor.encoding"
	RekorKind       ID = "rekor.kind"
	RekorPayload    ID = "rekor.payload"
	RekorSignature  ID = "rekor.signature"
	RekorKey        ID = "rekor.key"
	RekorLogID      ID = "rekor.log-id"
	RekorSET        ID = "rekor.set"
	RekorTime       ID = "rekor.time"
	RekorDuplicate  ID = "rekor.duplicate"
	RekorInclusion  ID = "rekor.inclusion"
	RekorCheckpoint ID = "rekor.checkpoint"
	RekorThreshold  ID = "rekor.threshold"
	RekorWitness    ID = "rekor.witness"

	TSATimestamp ID = "tsa.timestamp"
	TSAThreshold ID = "tsa.threshold"

	TrustUnanchored ID = "trust.unanchored"
	TrustStrength   ID = "trust.key-strength"
	TrustKey        ID = "trust.key"
	TrustLog        ID = "trust.log"
	TrustValidity   ID = "trust.validity"
	TrustBundleKey  ID = "trust.bundle-key"

	CertEncoding ID = "cert.encoding"
	CertChain    ID = "cert.chain"
	CertSCT      ID = "cert.sct"
	CertIdentity ID = "cert.identity"

	PolicyImage         ID = "policy.image"
	PolicyAnnotations   ID = "policy.annotations"
	PolicyAge           ID = "policy.age"
	PolicyAttestation   ID = "policy.attestation"
	PolicyChild         ID = "policy.child-signature"
	PolicyListed        ID = "policy.unlisted-image"
	PolicyDigest        ID = "policy.digest"
	PolicyPlatform      ID = "policy.platform"
	PolicySigners       ID = "policy.signers"
	PolicyBudget        ID = "policy.budget"
	PolicyTransfer      ID = "policy.transfer"
	PolicyScan          ID = "policy.scan"
	PolicyRollback      ID = "policy.rollback"
	PolicySeal          ID = "policy.seal"
	PolicySealNotJudged ID = "policy.seal-not-judged"
	PolicyAccept        ID = "policy.accept-reference"
	PolicyUnbound       ID = "policy.reference-unbound"
	PolicyNotJudged     ID = "policy.not-judged"
	PolicyWaiver        ID = "policy.waiver"
	PolicyExportWaiver  ID = "policy.export-waiver"
)

// Table lists every question in the order of cause: when several fail, the
// first of this list explains the others.
var Table = []Question{
	{Internal, "gapseal itself worked", "this is a fault of gapseal: keep the bundle and report it"},

	{LimitEntries, "the file holds no more entries, and its indexes name no more children, than the budget", "raise --limit entries=N only if you know why the bundle is that large"},
	{LimitIndex, "index.json is within its budget", "raise --limit index=SIZE only if you know why it is that large"},
	{LimitInventory, "the inventory is within its budget", "raise --limit inventory=SIZE only if you know why it is that large"},
	{LimitMetadata, "all metadata together is within its budget", "raise --limit metadata=SIZE; it is held in memory"},
	{LimitManifest, "each manifest is within its budget", "raise --limit manifest=SIZE only if you know why it is that large"},
	{LimitConfig, "each config is within its budget", "raise --limit config=SIZE only if you know why it is that large"},
	{LimitPayload, "each signature payload is within its budget", "raise --limit payload=SIZE only if you know why it is that large"},
	{LimitSeal, "the seal is within the 64 KiB of the format", "export again; if that does not help, treat the bundle as hostile"},
	{LimitEvidence, "each blob of evidence held in memory is within the 16 MiB of the format", "export again; if that does not help, ask the publisher: no honest signature is that large"},
	{LimitNesting, "no JSON document nests deeper than the budget", "ask the publisher: no honest document nests that deep"},
	{LimitImages, "the bundle holds no more images than the budget", "raise --limit images=N, or export fewer images per bundle"},
	{LimitDepth, "indexes and referrers nest no deeper than the budget", "raise --limit depth=N only if you know why they nest that deep"},
	{LimitSigs, "no image carries more signatures than the budget", "raise --limit signatures=N, or have the publisher remove old signatures"},
	{LimitEntry, "each log entry is within its budget", "ask the publisher: no honest log entry is that large"},
	{LimitTotal, "the bundle as a whole is within its budget", "raise --limit total=SIZE"},
	{LimitUnpacked, "each layer unpacks within size and ratio", "treat the layer as hostile; raise --limit unpacked=SIZE or ratio=N only if the publisher confirms it"},

	{MediaIndex, "the index of volumes can be read", "copy the index again, or verify the first volume without it; gapseal repair writes it anew"},
	{MediaMissing, "each volume is there", "bring the volume named, or name its folder with --volumes; gapseal repair can rebuild it from recovery volumes"},
	{MediaSize, "each volume has the size that the index lists", "copy the volume again, or rebuild it with gapseal repair"},
	{MediaDuplicate, "no volume is there twice with different content", "remove the copy that is wrong; gapseal verify --volume tells which is"},
	{MediaSwapped, "each volume has its own content", "give the volumes their right names, or copy them again"},
	{MediaForeign, "each volume is of this bundle", "bring the volume of this bundle; the one found belongs to another"},
	{MediaDamaged, "each volume is what the index lists", "copy the volume again, or rebuild it with gapseal repair"},
	{MediaRecovery, "enough is left to rebuild what is lost", "bring more volumes or recovery volumes; otherwise carry the bundle across again"},

	{ContainerWrapper, "the file is a plain tar, not compressed, and no other kind of file", "name the bundle itself; unwrap one that is compressed with the command shown"},
	{ContainerTruncated, "the file is complete", "copy the bundle again from its source and compare sizes"},
	{ContainerType, "each entry is a regular file", "do not unpack this file; export the bundle again"},
	{ContainerName, "each entry has a name that the format allows", "do not unpack this file; export the bundle again"},
	{ContainerHeader, "each header is the one the format dictates", "copy the bundle again; if that does not help, export it again"},
	{ContainerDuplicate, "no name stands twice", "do not unpack this file; export the bundle again"},
	{ContainerOrder, "entries stand in the order the format dictates", "export the bundle again; do not repack it with tar"},
	{ContainerPadding, "padding is all zero", "copy the bundle again; if that does not help, export it again"},
	{ContainerEnd, "the file ends with two zero blocks and not a byte after", "copy the bundle again; if that does not help, export it again"},

	{LayoutMarker, "oci-layout is the marker of an OCI layout 1.0.0", "export the bundle again"},
	{LayoutIndex, "index.json is exactly what the inventory dictates", "export the bundle again; something was added, removed or rewritten"},
	{LayoutInventory, "the inventory is present, strict and canonical", "export the bundle again with this version of gapseal or an older one"},
	{LayoutSeal, "the seal, if there is one, is in its place and in its one form", "export the bundle again"},
	{LayoutName, "each blob is named by a lower-case SHA-256", "export the bundle again"},
	{LayoutMissing, "each blob of the inventory is present", "copy the bundle again; if that does not help, export it again"},
	{LayoutUnlisted, "each blob present is in the inventory", "do not use this bundle: it carries content that nothing accounts for"},
	{LayoutRoles, "each blob is reached from index.json in the roles the inventory gives", "do not use this bundle: it carries content that nothing accounts for"},

	{BlobDigest, "each blob has its digest", "copy the bundle again; the medium or the copy is damaged, or somebody changed it"},
	{BlobSize, "each blob has its size", "copy the bundle again; the medium or the copy is damaged, or somebody changed it"},
	{BlobInline, "content inlined in a descriptor is the blob", "ask the publisher for a correct image"},
	{BlobWrapper, "compressed layers carry nothing but their content", "look at the layer: its compression hides further bytes"},

	{ManifestJSON, "each manifest and index is strict JSON", "ask the publisher for a correct image"},
	{ManifestMediaType, "media types agree between descriptor and document", "ask the publisher for a correct image"},
	{ManifestDigest, "each digest is a lower-case SHA-256", "ask the publisher for an image addressed by sha256"},
	{ManifestSize, "sizes agree wherever one blob is described", "ask the publisher for a correct image"},
	{ManifestForeign, "no layer is left out in favour of a URL", "ask the publisher for an image with all its layers"},
	{ManifestChild, "each platform of an index is present, or was left out on purpose", "export again; a platform was lost on the way"},
	{ManifestNarrowed, "no platform that was asked for was left out at export", "export again with the platform you need"},
	{ManifestRunnable, "at least one platform can run", "export again with a platform you need"},

	{ConfigJSON, "each image config is strict JSON", "ask the publisher for a correct image"},
	{ConfigDiffIDs, "the config names as many diff_ids as there are layers", "ask the publisher for a correct image"},
	{ConfigLayerType, "each layer begins as its media type says", "ask the publisher for a correct image"},
	{ConfigPlatform, "the config's platform is the one the index names", "ask the publisher which of the two is right"},
	{ConfigDiffID, "each layer unpacks to its diff_id (with --deep)", "do not run this image: its layers are not what its config says"},

	{PolicyUnsigned, "nothing that could be run rides along without a signature", "do not use this bundle: export it again with the images you need and no others"},

	{SignaturePresent, "the image has a signature", "ask the publisher to sign the image, then export again"},
	{SignatureEncoding, "the signature and what holds it are strictly encoded", "ask the publisher to sign again with a current cosign"},
	{SignatureClaims, "the signed payload is a cosign claim about this very image", "do not use this image: the signature was made for something else"},
	{SignatureCrypto, "the signature verifies over the payload", "check that you have the right public key; otherwise do not use this image"},
	{SignatureReference, "the signature names the repository the image is known by", "if the image was mirrored on purpose, verify with --accept-reference"},

	{RekorPresent, "the signature was entered in a transparency log", "have the publisher sign with a transparency log; --insecure-ignore-tlog waives it"},
	{RekorEncoding, "the log entry is strictly encoded", "export again; if that does not help, ask the publisher to sign again"},
	{RekorKind, "the log entry is of a kind this version judges", "see docs/checks.md for the kinds that are judged"},
	{RekorPayload, "the log entry is about this payload", "do not use this image: the log entry belongs to something else"},
	{RekorSignature, "the log entry is about this signature", "do not use this image: the log entry belongs to something else"},
	{RekorKey, "the log entry names the key that made this signature", "do not use this image: the log entry belongs to another key"},
	{RekorLogID, "the log id is that of the log that signed", "export again; if that does not help, do not use this image"},
	{RekorSET, "the log signed the entry (signed entry timestamp)", "export again; if that does not help, do not use this image"},
	{RekorTime, "the entry's time is not in the future", "check the clock of this host, or state the time with --at"},

	{RekorDuplicate, "no log entry stands twice", "ask the publisher to sign again"},
	{RekorInclusion, "the log's inclusion proof holds", "export again; if that does not help, do not use this image"},
	{RekorCheckpoint, "the log signed the checkpoint that the proof ends in", "export again; if that does not help, do not use this image"},
	{RekorThreshold, "as many distinct logs speak for the signature as were demanded", "correct the number demanded, or ask the publisher to log in more logs; pass a --trusted-root that knows them all"},
	{RekorWitness, "each signature of the checkpoint is one that was asked about", "nothing: witnesses are not asked for in this version"},

	{TSATimestamp, "the timestamp is about this signature, by a trusted authority, at a time it was valid", "pass a current --trusted-root; otherwise ask the publisher to sign again"},
	{TSAThreshold, "as many distinct authorities stamped the signature as were demanded", "correct the number demanded, or ask the publisher for more timestamps; pass a --trusted-root that knows the authorities"},

	{TrustUnanchored, "the key was pinned by another road than the bundle", "get the publisher's key or its fingerprint by another road and pass it with --key; for keyless signatures, --certificate-identity"},
	{TrustStrength, "each pinned key, and each key of a trusted log, is strong enough", "ask its owner for a key of current strength"},
	{TrustKey, "the signature was made by a pinned key", "check with the publisher, by another road, which key is the right one"},
	{TrustLog, "the log is one that is trusted", "pass the log's key with --rekor-key; a trusted root may be older than the signature"},
	{TrustValidity, "the entry's time lies in the validity of the log's key", "check the dates; pass a current --trusted-root if the log's key was rotated"},
	{TrustBundleKey, "the key carried in the bundle is a pinned one", "check with the publisher, by another road, which key is the right one"},

	{CertEncoding, "the signing certificate is strictly encoded", "ask the publisher to sign again"},
	{CertChain, "a trusted authority issued the certificate, and each link was valid when it signed", "pass a current --trusted-root, or --key for what a plain key signed; otherwise do not use this image"},
	{CertSCT, "a trusted certificate log promised to include the certificate", "pass a current --trusted-root; otherwise do not use this image"},
	{CertIdentity, "the certificate is of the identity asked for", "check the identity and issuer you demanded; otherwise do not use this image"},

	{PolicySeal, "a pinned key sealed this very inventory (with --seal-key)", "ask the sender for the bundle as it was sealed, and compare the seal key's fingerprint by another road"},
	{PolicyListed, "the policy lists each image", "have the policy list the image, or export without it"},
	{PolicyImage, "the images asked for are in the bundle", "export the images you need, or correct --image"},
	{PolicyDigest, "each image has a digest that the policy pins for it", "export the build that the policy pins, or have the policy renewed"},
	{PolicyPlatform, "no platform is carried that the policy does not allow", "export with --platform for those that are allowed"},
	{PolicySigners, "as many distinct keys or identities signed as were demanded", "ask the publisher for the missing signatures, then export again"},
	{PolicyBudget, "the bundle holds no more than the policy allows", "export fewer images per bundle, or have the policy changed"},
	{PolicyTransfer, "the transfer record has what the policy requires", "complete the record and pass it with --transfer"},
	{PolicyScan, "the scans in the transfer record came out clean", "keep the media apart and follow your procedure for malware"},
	{PolicyRollback, "the bundle is not older than what the register knows", "find out who sent an older bundle, and why; export again for a new one"},
	{PolicyAnnotations, "one good signature carries the demanded annotations", "check the value you demanded; otherwise this is not the build you wanted"},
	{PolicyAge, "one good signature is of the demanded age", "export a newer build, or correct --max-age or --not-before"},
	{PolicyAttestation, "the demanded attestations are there and verify", "ask the publisher to attest, then export again; or correct --require-attestation"},
	{PolicyChild, "each platform is vouched for by the signed index, or where demanded by a signature of its own", "have the publisher sign each platform (cosign sign --recursive), or drop --require-child-signatures"},
	{PolicySealNotJudged, "the seal was judged", "pin the sender's seal key with --seal-key; without it the seal proves nothing"},
	{PolicyAccept, "the signed repository is one accepted for this image", "name the exact pair in --accept-reference if the mirror is yours"},
	{PolicyUnbound, "the reference is bound by more than the bundle's word", "compare the digest with one received by another road, and pin it: --image REF@DIGEST"},
	{PolicyNotJudged, "each piece of evidence was judged", "this version carries it and checks its digest; it proves nothing yet"},
	{PolicyWaiver, "no rule was waived", "drop the waiver when its reason is gone"},
	{PolicyExportWaiver, "export judged the bundle before it wrote it", "export again without --allow-unverified"},
}
