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

// maxArtifact is the budget for the artifact in bytes; the artifact is held in
// memory.
const maxArtifact = 512 << 20

// request is a parsed command line, with the content of its files.
type request struct {
	bundle, root, key []byte
	identity          *cert.Policy
	subject           oci.Digest
	artifact          []byte // nil if only the digest was given
}

const usage = "usage: verify-bundle [--staging] --bundle FILE " +
	"(--certificate-identity I --certificate-oidc-issuer URL | --key PEM) [--trusted-root FILE] FILE_OR_DIGEST"

const noRoot = "there is no network from which to fetch a trusted root: pass --trusted-root FILE, " +
	"the trusted_root.json of the instance, which its TUF repository publishes"

// parse parses a command line and reads the files that it names.
func parse(args []string) (*request, error) {
	if len(args) == 0 || args[0] != "verify-bundle" {
		return nil, errors.New("only verify-bundle is known\n" + usage)
	}
	flags := flag.NewFlagSet("verify-bundle", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	bundle := flags.String("bundle", "", "")
	root := flags.String("trusted-root", "", "")
	key := flags.String("key", "", "")
	identity := flags.String("certificate-identity", "", "")
	issuer := flags.String("certificate-oidc-issuer", "", "")
	staging := flags.Bool("staging", false, "")
	if err := flags.Parse(args[1:]); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, usage)
	}
	switch keyless := *identity != "" && *issuer != ""; {
	case flags.NArg() != 1 || *bundle == "":
		return nil, errors.New("want one bundle and one artifact\n" + usage)
	case (*identity != "") != (*issuer != "") || keyless == (*key != ""):
		return nil, errors.New("want an identity with its issuer, or else a key\n" + usage)
	case *root == "" && *staging:
		return nil, errors.New("--staging: " + noRoot)
	}
	r := &request{}
	if *key == "" {
		r.identity = &cert.Policy{SAN: *identity, Issuer: *issuer}
	}
	return r, errors.Join(
		load(&r.bundle, *bundle, evidence.MaxSize), load(&r.root, *root, trust.MaxTrustedRoot),
		load(&r.key, *key, trust.MaxKeyFile), r.name(flags.Arg(0)))
}

// name reads the artifact. An argument that has the form of a digest, and is not
// the name of an existing file, is a digest; any other argument is a file.
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

// load reads a file of at most budget bytes. If name is empty, it does nothing.
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
