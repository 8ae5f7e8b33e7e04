package report

import (
	"encoding/csv"
	"strings"
	"testing"
)

// A reader of CSV finds a row for each blob.
func TestCSV(t *testing.T) {
	rep := sample(t, "app:v1", "multi:v1")
	rep.Waivers = []string{"--insecure-ignore-tlog", "--at 2026-11-24"}
	out := written(t, "csv", rep)
	if strings.Count(out, "\r\n") != strings.Count(out, "\n") {
		t.Error("a line does not end with CR and LF")
	}
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(records) != len(rep.Blobs)+1 {
		t.Fatalf("%d records for %d blobs, %v", len(records), len(rep.Blobs), err)
	}
	for i, b := range rep.Blobs {
		row := map[string]string{}
		for j, name := range csvHeader {
			row[name] = records[i+1][j]
		}
		if row["path"] != blobFolder+b.Digest[7:] || row["digest"] != b.Digest || row["images"] != strings.Join(b.Images, " ") || row["mediaType"] != string(b.MediaType) ||
			row["state"] != "intact" || row["verdict"] != "verified" || row["waivers"] != "'--insecure-ignore-tlog; --at 2026-11-24" {
			t.Errorf("%s: %v", b.Digest, row)
		}
		if len(b.Images) == 1 && !strings.HasPrefix(row["references"], "registry.example.com/acme/") {
			t.Errorf("%s: references %q", b.Digest, row["references"])
		}
	}
}
