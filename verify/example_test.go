package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// A bundle in a file is opened and verified. A real program reads the publisher's
// key and the key of the log from files that it received out of band.
func ExampleBundle() {
	path := exampleFile()
	key, logKey := fixture.Key("cosign.pub"), exampleLog()

	r, err := bundle.OpenFile(path, oci.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	rep, err := verify.Bundle(context.Background(), r, verify.Options{
		Anchors: verify.Anchors{Logs: []trust.Log{logKey}},
		Demands: verify.Demands{Keys: []*trust.Key{key}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Verdict, rep.Images[0].ClaimedReference, "vouched for by a", rep.Images[0].VouchedBy)
	// Output: verified registry.example.com/acme/app:v1 vouched for by a signature
}

// A bundle is verified as it comes through a pipe. It is rejected, since nothing is
// pinned that could vouch for it: the error carries the report.
func ExampleBundle_pipe() {
	pipe := io.MultiReader(bytes.NewReader(exampleBundle()))

	r, err := bundle.OpenStream(pipe, oci.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verify.Bundle(context.Background(), r, verify.Options{})
	var rejected *verify.Error
	if errors.As(err, &rejected) {
		first := rejected.Report.Failures[0]
		fmt.Println(rejected.Report.Verdict, first.ID)
		fmt.Println("to do:", first.Remedy)
	}
	// Output:
	// rejected trust.unanchored
	// to do: get the publisher's key or its fingerprint out of band and pin it, or the identity that signs
}

// Of a keyless signature the identity and its issuer are demanded, and a trusted root
// says which logs and authorities are trusted.
func ExampleAnchors_TrustRoot() {
	text, err := os.ReadFile("../testdata/keys/trusted_root.json")
	if err != nil {
		log.Fatal(err)
	}
	root, err := trust.ParseTrustedRoot(text)
	if err != nil {
		log.Fatal(err)
	}
	var opt verify.Options
	opt.TrustRoot(root)
	opt.Identities = []*cert.Policy{{SAN: "dev@lab.test", Issuer: "http://127.0.0.1:8888"}}

	r, err := bundle.Open(bytes.NewReader(keylessBundle()), int64(len(keylessBundle())), oci.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	rep, err := verify.Bundle(context.Background(), r, opt)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Verdict)
	fmt.Println(rep.Anchors[0].Kind, rep.Anchors[0].Name)
	// Output:
	// verified
	// identity dev@lab.test, vouched for by http://127.0.0.1:8888
}

// A program names its own settings in the remedies of the report.
func ExampleOptions_advise() {
	r, err := bundle.Open(bytes.NewReader(exampleBundle()), int64(len(exampleBundle())), oci.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	rep, _ := verify.Bundle(context.Background(), r, verify.Options{
		Advise: func(f *check.Fault) string {
			if f.ID == check.TrustUnanchored {
				return `put the key of the publisher under "keys:" in deploy.yaml`
			}
			return ""
		},
	})
	fmt.Println(rep.Failures[0].Remedy)
	// Output: put the key of the publisher under "keys:" in deploy.yaml
}

func exampleBundle() []byte { return fixture.Bundle(&testing.T{}, "app:v1") }

func keylessBundle() []byte { return fixture.Bundle(&testing.T{}, "keyless:v1") }

// exampleDir is where the examples have their files.
var exampleDir string

func TestMain(m *testing.M) {
	var err error
	if exampleDir, err = os.MkdirTemp("", "gapseal-example"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(exampleDir)
	os.Exit(code)
}

func exampleFile() string {
	path := filepath.Join(exampleDir, "app.tar")
	if err := os.WriteFile(path, exampleBundle(), 0o600); err != nil {
		log.Fatal(err)
	}
	return path
}

func exampleLog() trust.Log { return fixture.Options().Logs[0] }
