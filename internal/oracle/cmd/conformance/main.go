// Conformance implements the verifying part of the protocol of
// sigstore-conformance for clients, with the packages with which gapseal verifies:
//
//	conformance verify-bundle [--staging] --bundle FILE
//	    (--certificate-identity I --certificate-oidc-issuer URL | --key PEM)
//	    [--trusted-root FILE] FILE_OR_DIGEST
//
// It exits with 0 for verified, 1 for rejected, and 2 if there is no verdict. It
// uses no network: without --trusted-root the built-in root judges, and --staging
// needs one.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/gapseal/gapseal/internal/oracle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// Exit codes.
const (
	exitVerified  = 0
	exitRejected  = 1
	exitNoVerdict = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run answers one request, and writes the reason for a negative answer to stderr.
// After a panic there is no verdict.
func run(args []string, stderr io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintln(stderr, "conformance: internal fault:", p)
			code = exitNoVerdict
		}
	}()
	r, err := parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitNoVerdict
	}
	return r.verify(stderr)
}

// verify judges the Sigstore bundle. It rejects an unusable anchor, which can
// vouch for nothing.
func (r *request) verify(stderr io.Writer) int {
	root, err := r.trustedRoot()
	if err != nil {
		fmt.Fprintln(stderr, "rejected:", err)
		return exitRejected
	}
	opt, err := oracle.Anchors(root, r.key, r.identity)
	if err != nil {
		fmt.Fprintln(stderr, "rejected:", err)
		return exitRejected
	}
	e := oracle.Read(r.bundle, r.subject, r.artifact)
	if r.artifact == nil && e.Signature != nil && e.Envelope == nil {
		fmt.Fprintln(stderr, "conformance: this is a message signature, "+
			"which is verified over the artifact's bytes and not over a digest: give the file itself")
		return exitNoVerdict
	}
	rep, err := verify.Judge(e, oci.Reference{}, opt)
	if err == nil {
		return exitVerified
	}
	for _, f := range rep.Failures {
		fmt.Fprintf(stderr, "rejected: %s: %q, expected %q, found %q\n", f.ID, f.Detail, f.Expected, f.Found)
	}
	return exitRejected
}

func (r *request) trustedRoot() (*trust.Root, error) {
	if r.root == nil {
		return trust.BuiltinRoot(), nil
	}
	return trust.ParseTrustedRoot(r.root)
}
