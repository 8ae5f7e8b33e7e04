package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/seal"
	"github.com/gapseal/gapseal/verify/trust"
)

// sealing holds the flags with which export seals a bundle.
type sealing struct {
	key, stream, number string

	signer    *dsse.Signer // nil if there is nothing to seal
	statement seal.Statement
}

func (s *sealing) declare(fs *pflag.FlagSet) {
	fs.StringVar(&s.key, "seal", "",
		"seal the bundle with the private key in this PEM `FILE`, cosign's encrypted keys too "+
			"(environment: COSIGN_PASSWORD)")
	fs.StringVar(&s.stream, "seal-stream", "",
		"`NAME` of the series of bundles that the seal counts; needed with --seal")
	fs.StringVar(&s.number, "seal-serial", "",
		"serial `N` of the seal, greater than all before it in its stream (default: the time in seconds since 1970)")
}

// check checks the flags, before anything is fetched.
func (s *sealing) check(allowUnverified bool) (err error) {
	switch {
	case s.key == "" && s.stream+s.number != "":
		return usagef("--seal-stream and --seal-serial say how to seal; give the key too: --seal FILE")
	case s.key == "":
		return nil
	case allowUnverified:
		return usagef("--seal and --allow-unverified exclude each other: a seal vouches for the bundle, so the " +
			"bundle must verify")
	case s.stream == "":
		return usagef("--seal needs the name of the stream that the bundle belongs to: --seal-stream NAME")
	}
	if err := seal.CheckStream(s.stream); err != nil {
		return usagef("--seal-stream: %v", err)
	}
	s.statement.Stream = s.stream
	if s.number == "" {
		return nil
	}
	s.statement.Serial, err = strconv.ParseUint(s.number, 10, 64)
	if err = cmp.Or(err, seal.CheckSerial(s.statement.Serial)); err != nil {
		return usagef("--seal-serial %q: want a number from 1 to %d", s.number, uint64(seal.MaxSerial))
	}
	return nil
}

// load reads the key, and asks for its password before the long work.
func (s *sealing) load(ctx context.Context, std stdio) (err error) {
	if s.key != "" {
		s.signer, err = loadSigner(ctx, "--seal", s.key, std)
	}
	return err
}

// seal puts the seal into the plan, where it is judged with everything else.
func (s *sealing) seal(plan *bundle.Plan, o *verify.Options) error {
	if s.signer == nil {
		return nil
	}
	now := clock()
	s.statement.Inventory, s.statement.ExportedAt = plan.Manifest, now
	if s.number == "" {
		s.statement.Serial = uint64(max(now.Unix(), 0))
	}
	envelope, err := seal.Make(s.statement, s.signer)
	if err != nil {
		return err
	}
	o.SealKeys = []*trust.Key{s.signer.Public()}
	return plan.AddSeal(envelope)
}

// reportSeal writes what the receiving side needs to know.
func (s *sealing) reportSeal(w io.Writer) {
	if s.signer != nil {
		fmt.Fprintf(w, "sealed as number %d of %s\nseal key %s\n",
			s.statement.Serial, s.statement.Stream, s.signer.Public().Fingerprint())
	}
}
