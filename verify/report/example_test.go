package report_test

import (
	"log"
	"os"

	"github.com/gapseal/gapseal/verify/report"
)

// A report that was filed as JSON is read back and written for a person.
func ExampleText() {
	doc, err := os.ReadFile("testdata/rejected.json")
	if err != nil {
		log.Fatal(err)
	}
	rep, err := report.Parse(doc)
	if err != nil {
		log.Fatal(err)
	}
	if err := report.Text(os.Stdout, rep); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Rejected sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226
	// name     registry.example.com/acme/wrongkey:v1
	//          (claimed; nothing binds it)
	// platform linux/amd64
	// ignored  signature sha256:7d823931c69e…, which does not count
	//
	// WARNING policy.reference-unbound: no signature covers this reference, it is only
	//     what export was asked for
	//
	// FAILED trust.key: the signature was made by a key that is not pinned
	// subject  sha256:7d823931c69ebccdc2029453ce5d986a5736f946649678658433a070b059951a
	// expected sha256:eeba37a0ca9148d23c7e689552d4e8ca6109f974e7df3e3e80ad1d53f1583bc7
	//          -----BEGIN PUBLIC KEY-----
	//          MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE++5+IizAv03PqUmdCPc2FlnwOOQn
	//          eBpZuH4GPx62orhYjK4ypFkalvkcc3xlHG4Y4cfcH3IPhPIeSA/GacdQLw==
	//          -----END PUBLIC KEY-----
	// found    sha256:cbd29da14db0da8c7d8d45557bc51b76910bf4da09e05f195ab85d94f3b3bbce
	//          -----BEGIN PUBLIC KEY-----
	//          MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4bgv7nyxyLx0gXHEq9E7GpI5CYa/
	//          4OAmSbsz/I11agIw0ydSSA69FYoMiGCUBhMYn1Ci9DD8zB/MRWdNy7Al1Q==
	//          -----END PUBLIC KEY-----
	// to do    check with the publisher, out of band, which key is the right one
	//
	// REJECTED /media/usb/app.tar: 1 check failed; first cause: trust.key
	// identity sha256:fe8f96bc1f190a366e04461340d67f66e7a04bec5663481e691a58437569cb3d
	// file     sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
}
