// Command consumer uses gapseal as a library, from a module of its own. It
// verifies a bundle, signs a receipt of the report, and seals the bundle's
// inventory, all with a throwaway key:
//
//	consumer BUNDLE KEY LOG_KEY
//
// KEY is the publisher's public key and LOG_KEY that of the transparency log. A
// BUNDLE named "-" is read from standard input. The exit code is 0 for a
// verified bundle, 1 for a rejected one, and 2 if something else failed.
package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/seal"
	"github.com/gapseal/gapseal/verify/trust"
)

func main() {
	err := run(context.Background(), os.Args[1:])
	var rejected *verify.Error
	switch {
	case errors.As(err, &rejected):
		fmt.Println("rejected:", err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: consumer BUNDLE KEY LOG_KEY")
	}
	opt, err := options(args[1], args[2])
	if err != nil {
		return err
	}
	if args[0] == "-" {
		_, err := verifyPipe(ctx, os.Stdin, opt)
		return err
	}
	rep, err := verifyFile(ctx, args[0], opt)
	if err != nil {
		return err
	}
	fmt.Println(rep.Verdict, rep.Images[0].ClaimedReference)
	return sign(args[0], rep)
}

// options pins a publisher's key and the key of a transparency log.
func options(keyFile, logFile string) (opt verify.Options, err error) {
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return opt, err
	}
	logPEM, err := os.ReadFile(logFile)
	if err != nil {
		return opt, err
	}
	key, err := trust.ParseKey(keyPEM)
	if err != nil {
		return opt, err
	}
	log, err := trust.ParseLogKey(logPEM)
	if err != nil {
		return opt, err
	}
	opt.Keys = []*trust.Key{key}
	opt.Logs = []trust.Log{*log}
	return opt, nil
}

// verifyFile verifies the bundle in a file. For a rejected bundle it returns the
// report and a *verify.Error.
func verifyFile(ctx context.Context, path string, opt verify.Options) (*verify.Report, error) {
	b, err := bundle.OpenFile(path, oci.Limits{})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return verify.Bundle(ctx, b, opt)
}

// verifyPipe verifies a bundle while it arrives. It reads each byte once.
func verifyPipe(ctx context.Context, in io.Reader, opt verify.Options) (*verify.Report, error) {
	b, err := bundle.OpenStream(in, oci.Limits{})
	if err != nil {
		return nil, err
	}
	return verify.Bundle(ctx, b, opt)
}

// sign makes a receipt of the report and a seal of the bundle, and opens both.
func sign(path string, rep *verify.Report) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signer, err := dsse.NewSigner(private)
	if err != nil {
		return err
	}
	return errors.Join(signReceipt(rep, signer), signSeal(path, signer))
}

// signReceipt signs the JSON report, and checks the receipt as its receiver does.
func signReceipt(rep *verify.Report, signer *dsse.Signer) error {
	var doc bytes.Buffer
	if err := report.JSON(&doc, rep); err != nil {
		return err
	}
	envelope, err := receipt.Make(doc.Bytes(), "2026-118", signer)
	if err != nil {
		return err
	}
	r, key, err := receipt.Open(envelope, []*trust.Key{signer.Public()})
	if err != nil {
		return err
	}
	fmt.Println("receipt of a verdict of", r.Found.Verdict, "by", key.Describe())
	return nil
}

// signSeal signs the inventory of a bundle as serial 3 of a stream, and checks
// the seal as its receiver does.
func signSeal(path string, signer *dsse.Signer) error {
	b, err := bundle.OpenFile(path, oci.Limits{})
	if err != nil {
		return err
	}
	defer b.Close()
	statement := seal.Statement{Inventory: b.Manifest, Stream: "plant", Serial: 3, ExportedAt: time.Now()}
	envelope, err := seal.Make(statement, signer)
	if err != nil {
		return err
	}
	sealed, key, err := seal.Open(envelope, []*trust.Key{signer.Public()})
	if err != nil {
		return err
	}
	fmt.Println("seal of", sealed.Stream, sealed.Serial, "by", key.Describe())
	return nil
}
