package register_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/register"
)

// A verification is recorded, and the record is replaced.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "register")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	reg, err := register.Open(dir)
	if err != nil {
		log.Fatal(err)
	}

	doc, err := os.ReadFile("../report/testdata/verified.json") // as report.JSON wrote it
	if err != nil {
		log.Fatal(err)
	}
	asked := []oci.Reference{{Repository: "registry.example.com/acme/app", Tag: "v1"}}
	record, err := register.NewRecord(doc, asked, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	n, err := reg.Append(ctx, record)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("entry", n)
	check(ctx, reg)

	entry := filepath.Join(dir, "000000000001.json")
	if err := os.Remove(entry); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(entry, []byte(`{"verdict":"verified"}`), 0o644); err != nil {
		log.Fatal(err)
	}
	check(ctx, reg)
	// Output:
	// entry 1
	// whole: true
	// whole: false
	// entry 1: its schema is "", want gapseal.register/v1
}

func check(ctx context.Context, reg *register.Register) {
	result, err := reg.Check(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("whole:", result.Whole())
	for _, fault := range result.Faults {
		fmt.Println(fault.Error())
	}
}
