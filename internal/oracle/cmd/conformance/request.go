package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/trust"
)

// maxArtifact is the budget for the artifact, in bytes: it is held in memory.
const maxArtifact = 512 << 20

// request is what was asked, with the files read.
type request struct {
	bundle, root, key []byte
	identity          *cert.Policy
	subject           oci.Digest
	artifact          []byte // nil if only the digest was given
}

const usage = "usage: verify-bundle [--staging] --bundle FILE (--certificate-identity I --certificate-oidc-issuer URL | --key PEM) --trusted-root FILE FILE_OR_DIGEST"

const noRoot = "there is no network to fetch a trusted root over: pass --trusted-root FILE, the trusted_root.json of the instance, which its TUF repository publishes"

// parse reads a command line and the files that it names. The error says what
// about them is wrong.
func parse(args []string) (*request, error) {
	if len(args) == 0 || args[0] != "verify-bundle" {
		return nil, errors.New("only verify-bundle is known\n" + usage)
	}
	flags := flag.NewFlagSet("verify-bundle", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	bundle, root, key := flags.String("bundle", "", ""), flags.String("trusted-root", "", ""), flags.String("key", "", "")
	identity, issuer := flags.String("certificate-identity", "", ""), flags.String("certificate-oidc-issuer", "", "")
	staging := flags.Bool("staging", false, "")
	if err := flags.Parse(args[1:]); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, usage)
	}
	switch keyless := *identity != "" && *issuer != ""; {
	case flags.NArg() != 1 || *bundle == "":
		return nil, errors.New("want one bundle and one artifact\n" + usage)
	case (*identity != "") != (*issuer != "") || keyless == (*key != ""):
		return nil, errors.New("want an identity with its issuer, or a key, one of the two\n" + usage)
	case *root == "" && *staging:
		return nil, errors.New("--staging: " + noRoot)
	case *root == "":
		return nil, errors.New(noRoot)
	}
	r := &request{}
	if *key == "" {
		r.identity = &cert.Policy{SAN: *identity, Issuer: *issuer}
	}
	return r, errors.Join(
		load(&r.bundle, *bundle, evidence.MaxSize), load(&r.root, *root, trust.MaxTrustedRoot),
		load(&r.key, *key, trust.MaxKeyFile), r.name(flags.Arg(0)))
}

// name takes the artifact: what is written as a SHA-256 and names no file is a
// digest, everything else a file.
func (r *request) name(fileOrDigest string) error {
	if d, err := oci.ParseDigest(strings.ToLower(fileOrDigest)); err == nil {
		if _, err := os.Lstat(fileOrDigest); os.IsNotExist(err) {
			r.subject = d
			return nil
		}
	}
	err := load(&r.artifact, fileOrDigest, maxArtifact)
	r.subject = oci.FromBytes(r.artifact)
	return err
}

// load reads a file within a budget; no name is no file.
func load(into *[]byte, name string, budget int64) error {
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, budget+1))
	if err == nil && int64(len(raw)) > budget {
		err = fmt.Errorf("%s: more than %d bytes", name, budget)
	}
	*into = raw
	return err
}
