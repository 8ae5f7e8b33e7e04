// Package policy reads the YAML files that people write for a verification: the
// policy that a bundle must meet, and the record of its transfer.
//
// Both are strict: unknown and repeated keys, anchors, aliases, tags and a second
// document are errors, and each error names its line and column. Nothing here
// judges; package verify does.
//
// A policy looks like this; everything but schema and images may be left out:
//
//	schema: gapseal.policy/v1
//	name: Imports of the plant network
//	images:
//	  - match: ghcr.io/acme/*      # * is any text without a slash, ** any text
//	    required: true
//	    keys:
//	      - file: keys/acme.pub    # beside the policy
//	      - fingerprint: sha256:…
//	    identities:
//	      - identity: release@acme.example
//	        issuer: https://accounts.acme.example
//	    signers: 2                 # distinct keys or identities
//	    logs: 2                    # distinct transparency logs, for one signature
//	    timestamps: 1              # distinct timestamp authorities, for one signature
//	    annotations: {repo: acme/app}
//	    attestations:
//	      - {type: slsaprovenance1, count: 1}
//	    platforms: [linux/amd64]   # must be there
//	    onlyPlatforms: [linux/amd64]
//	    digests: ["sha256:…"]
//	    maxAge: 90d
//	    notBefore: 2026-01-01
//	    notAfter: 2026-12-31
//	    inclusion: true
//	    childSignatures: true
//	    allSignatures: true
//	unlisted: refuse               # or judge, by the flags alone
//	limits: {images: 10, bytes: 20GiB}
//	seal:
//	  keys: [{file: keys/seal.pub}]
//	rollback: refuse               # or warn
//	transfer:
//	  required: [id, operator, scan.destination]
package policy
