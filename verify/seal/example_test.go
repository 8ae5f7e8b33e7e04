package seal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/seal"
	"github.com/gapseal/gapseal/verify/trust"
)

// A sender seals the inventory of a bundle, and the receiver, who pinned the
// sender's public key, opens the seal.
func Example() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	sender, err := dsse.NewSigner(private) // any crypto.Signer, such as a hardware token
	if err != nil {
		log.Fatal(err)
	}
	envelope, err := seal.Make(seal.Statement{
		Inventory:  oci.FromBytes([]byte("the manifest of the inventory")),
		Stream:     "acme-prod",
		Serial:     118,
		ExportedAt: time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC),
	}, sender)
	if err != nil {
		log.Fatal(err)
	}

	statement, by, err := seal.Open(envelope, []*trust.Key{sender.Public()})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("number %d of %s, exported at %s\n", statement.Serial, statement.Stream, statement.ExportedAt)
	fmt.Println("sealed with the pinned key:", by.Fingerprint() == sender.Public().Fingerprint())
	// Output:
	// number 118 of acme-prod, exported at 2026-11-23 13:00:00 +0000 UTC
	// sealed with the pinned key: true
}
