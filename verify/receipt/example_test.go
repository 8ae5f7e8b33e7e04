package receipt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log"
	"os"

	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/trust"
)

// The receiving side signs the report of a verification, and the sending side,
// who pinned the public key of the receiver, checks it.
func Example() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	station, err := dsse.NewSigner(private) // any crypto.Signer, such as a hardware token
	if err != nil {
		log.Fatal(err)
	}
	doc, err := os.ReadFile("../report/testdata/verified.json") // as report.JSON wrote it
	if err != nil {
		log.Fatal(err)
	}
	envelope, err := receipt.Make(doc, "2026-118", station)
	if err != nil {
		log.Fatal(err)
	}

	r, _, err := receipt.Open(envelope, []*trust.Key{station.Public()})
	if err != nil {
		log.Fatal(err)
	}
	if err := r.Accept("2026-118"); err != nil {
		log.Fatal(err) // a valid receipt, but not of a verified bundle, or of another transfer
	}
	fmt.Println("verified:", r.Found.Images[0].ClaimedReference)
	fmt.Println("another transfer:", r.Accept("2026-119"))
	// Output:
	// verified: registry.example.com/acme/app:v1
	// another transfer: the receipt is of another transfer: expected 2026-119, found 2026-118
}
