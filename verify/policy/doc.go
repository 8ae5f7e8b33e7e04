// Package policy reads the YAML files that people write for a verification: the
// policy that a bundle must meet ([Parse]), and the record of its transfer
// ([ParseTransfer]). It judges nothing; package verify does:
//
//	p, err := policy.Parse(raw, open)
//	report, err := verify.Bundle(ctx, reader, verify.Options{Policy: &p.Policy})
//
// [Policy.Explain] writes a policy in sentences, and [Draft] drafts a
// policy for a bundle, for a person to complete.
//
// # Strictness
//
// Unknown and repeated keys, keys without a value, empty lists, anchors, aliases,
// tags and a second document are errors. Each error is an [*Error] and names its
// line and column.
//
// # The policy file
//
// A policy looks like this. Everything but schema and images is optional:
//
//	schema: gapseal.policy/v1
//	name: Imports of the plant network
//	images:
//	  - match: ghcr.io/acme/*      # * is any text without a slash, ** any text
//	    required: true             # such an image must be in the bundle
//	    keys:                      # any of which may have signed
//	      - file: keys/acme.pub    # relative to the policy
//	      - fingerprint: sha256:…
//	    identities:                # any of which may have signed
//	      - identity: release@acme.example
//	        issuer: https://accounts.acme.example
//	    signers: 2                 # distinct keys or identities
//	    logs: 2                    # distinct transparency logs, for one signature
//	    timestamps: 1              # distinct timestamp authorities, for one signature
//	    annotations: {repo: acme/app}
//	    attestations:
//	      - {type: slsaprovenance1, count: 1}
//	    platforms: [linux/amd64]   # that must be there
//	    onlyPlatforms: [linux/amd64]
//	    digests: ["sha256:…"]
//	    maxAge: 90d
//	    notBefore: 2026-01-01
//	    notAfter: 2026-12-31
//	    inclusion: true            # each log entry must have an inclusion proof
//	    childSignatures: true      # each platform must be signed as well
//	    allSignatures: true        # every signature found must be good
//	    vouch:                     # what suffices; [signature] by default
//	      - signature
//	      - {attestation: slsaprovenance1}
//	      - {platformAttestation: slsaprovenance1}
//	      - sender
//	    log: optional              # a signature may come without a log entry
//	    signedAs: [registry.acme.example/**]
//	    signatureRepository: ghcr.io/acme/signatures
//	    payloadTypes: [Tekton container signature]
//	    namesBound: true           # by a digest, a lock or a seal
//	unlisted: refuse               # or judge, without this policy
//	limits: {images: 10, bytes: 20GiB}
//	seal:
//	  keys: [{file: keys/seal.pub}]
//	sealStream: plant
//	rollback: refuse               # or warn
//	builtInRoot: refuse            # or accept
//	deny:                          # whatever it vouches for
//	  keys: [{fingerprint: sha256:…}]
//	  identities: [{identity: old@acme.example, issuer: https://accounts.acme.example}]
//	  digests: ["sha256:…"]
//	transfer:
//	  required: [id, operator, scan.destination]
//
// The first rule that matches an image applies to it. A rule that can never apply,
// because an earlier rule matches all of its images, is an error.
package policy
