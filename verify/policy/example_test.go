package policy_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
)

const examplePolicy = `schema: gapseal.policy/v1
name: Imports of the plant network
images:
  - match: ghcr.io/acme/*
    required: true
    keys: [{fingerprint: "SHA256:EEBA37A0CA9148D23C7E689552D4E8CA6109F974E7DF3E3E80AD1D53F1583BC7"}]
    identities: [{identity: release@acme.example, issuer: https://accounts.acme.example}]
    signers: 2
    logs: 2
    timestamps: 1
    annotations: {repo: acme/app}
    attestations: [{type: slsaprovenance1}]
    onlyPlatforms: [linux/amd64, linux/arm64]
    maxAge: 90d
    inclusion: true
  - match: "**"
limits: {images: 10, bytes: 20GiB}
rollback: refuse
transfer: {required: [id, operator]}
`

// Parse reads a policy file, and through its second argument the key files that
// the policy names. What it returns is given to verify.Bundle.
func Example() {
	p, err := policy.Parse([]byte(examplePolicy), func(name string) ([]byte, string, error) {
		path := filepath.Join("/etc/gapseal", name)
		raw, err := os.ReadFile(path)
		return raw, path, err
	})
	if err != nil {
		log.Fatal(err)
	}
	opt := verify.Options{Policy: &p.Policy}
	opt.SealKeys = p.SealKeys

	fmt.Println(opt.Policy.Name)
	for _, r := range opt.Policy.Rules {
		fmt.Println(r.Pattern, len(r.Fingerprints)+len(r.Identities))
	}
	// Output:
	// Imports of the plant network
	// ghcr.io/acme/* 2
	// ** 0
}

// Explain writes what a policy demands in sentences.
func ExamplePolicy_Explain() {
	p, err := policy.Parse([]byte(examplePolicy), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Explain(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// A bundle with an image that no rule below matches is refused.
	// A bundle of more than 10 images is refused.
	// A bundle of more than 20 GiB is refused.
	// Anything older than the register has recorded is refused.
	// The transfer record must state: id, operator.
	//
	// At least one image that matches ghcr.io/acme/* must be in the bundle. For each such image:
	//   One of these must have signed it:
	//     the key sha256:eeba37a0ca9148d23c7e689552d4e8ca6109f974e7df3e3e80ad1d53f1583bc7, which must come with the bundle
	//     the identity release@acme.example, vouched for by https://accounts.acme.example
	//   At least 2 of them must have signed it.
	//   At least 2 distinct transparency logs must have recorded the same signature.
	//   At least one timestamp authority must have stamped the same signature.
	//   What was signed must have the annotation repo=acme/app.
	//   At least one attestation of type https://slsa.dev/provenance/v1 must verify.
	//   It must not contain a platform other than linux/amd64, linux/arm64.
	//   Its trusted time must be within the last 90 days.
	//   Under a key, a trusted time shows that a signature existed by then, not when it was made.
	//   Each log entry must have an inclusion proof.
	//
	// For each image that matches **:
	//   One of the keys or identities that are pinned outside this policy must have signed it.
}

// An error names the place in the file.
func ExampleError() {
	_, err := policy.Parse([]byte("schema: gapseal.policy/v1\nimages: [{match: ghcr.io/acme/*, key: acme.pub}]\n"), nil)
	var e *policy.Error
	if errors.As(err, &e) {
		fmt.Printf("line %d, column %d: %s\n", e.Line, e.Column, e.Message)
	}
	// Output:
	// line 2, column 34: unknown key "key"; did you mean "keys"?
}
