package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/gapseal/gapseal/verify/trust"
)

// A pinned fingerprint decides whether a key that came with a bundle is an
// anchor.
func ExampleParseKey() {
	text, err := os.ReadFile("testdata/cosign.pub")
	if err != nil {
		log.Fatal(err)
	}
	key, err := trust.ParseKey(text)
	if err != nil {
		log.Fatal(err)
	}
	pinned, err := trust.ParseFingerprint("SHA256:5914D0ECEE1FEE54E59AD99DF66DD7C814DC8BCADAF3BD537CF5A0B2D9984915")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Describe(), key.Fingerprint() == pinned, key.CheckStrength())
	// Output:
	// ECDSA P-256 true <nil>
}

func ExampleParseTrustedRoot() {
	text, err := os.ReadFile("testdata/trusted_root.public-good.json")
	if err != nil {
		log.Fatal(err)
	}
	root, err := trust.ParseTrustedRoot(text)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range root.Logs {
		fmt.Println(l.Name, l.Key.Describe(), l.From.Format(time.DateOnly))
	}
	// Output:
	// rekor.sigstore.dev ECDSA P-256 2021-01-12
}

func ExampleKey_Verify() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key, err := trust.NewKey(&private.PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	sum := sha256.Sum256([]byte("message"))
	sig, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Verify([]byte("message"), sig))
	fmt.Println(errors.Is(key.Verify([]byte("another message"), sig), trust.ErrSignature))
	// Output:
	// <nil>
	// true
}
