package dsse_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

// A statement is signed for one purpose, its payload type, and opened for the
// same purpose under the keys that are trusted for it.
func Example() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := dsse.NewSigner(private)
	if err != nil {
		log.Fatal(err)
	}
	const payloadType = "application/vnd.acme.note+json"
	envelope, err := dsse.Sign(payloadType, []byte(`{"note":"hello"}`), signer)
	if err != nil {
		log.Fatal(err)
	}

	trusted := []*trust.Key{signer.Public()}
	payload, by, err := dsse.Open(envelope, payloadType, trusted)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, signed by the trusted key: %t\n", payload, by == trusted[0])

	var other *dsse.TypeError
	_, _, err = dsse.Open(envelope, "application/vnd.acme.order+json", trusted)
	fmt.Println("opened for another purpose:", !errors.As(err, &other))
	// Output:
	// {"note":"hello"}, signed by the trusted key: true
	// opened for another purpose: false
}

func ExampleParseEnvelope() {
	text := `{"payloadType": "text/plain", "payload": "aGVsbG8=", "signatures": [{"sig": "AAAA"}]}`
	e, err := dsse.ParseEnvelope([]byte(text))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n%s\n", e.Payload, e.PAE())
	// Output:
	// hello
	// DSSEv1 10 text/plain 5 hello
}
