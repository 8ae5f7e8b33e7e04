package docs

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/lock"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
	"github.com/gapseal/gapseal/verify/tsa"
)

// checkParts generate the tables of docs/checks.md, one for each class.
func checkParts() map[string]func(testing.TB) string {
	parts := map[string]func(testing.TB) string{}
	var ids []string
	for _, q := range check.Table {
		ids = append(ids, string(q.ID))
	}
	for _, class := range classes(ids) {
		parts["checks "+class] = func(t testing.TB) string {
			remedy := remedies(t)
			rows := [][]string{{"check", "a pass means", "on a fail"}}
			for _, q := range check.Table {
				if q.ID.Class() == class {
					rows = append(rows, []string{code(string(q.ID)), q.Asks, remedy(q)})
				}
			}
			return table(rows...)
		}
	}
	return parts
}

// budgets describes what each budget of oci.Limits bounds.
var budgets = map[string]string{
	"entries":    "entries in the tar",
	"index":      "`index.json`",
	"inventory":  "the inventory",
	"metadata":   "all metadata together; it is held in memory",
	"manifest":   "one manifest or index",
	"config":     "one image config",
	"payload":    "one signature payload",
	"images":     "images in the bundle",
	"signatures": "signatures stored for one image or child",
	"depth":      "nesting of indexes, and of referrers of referrers",
	"total":      "the bundle as a whole",
	"unpacked":   "one layer unpacked, with `--deep`",
	"ratio":      "unpacked size over packed size of one layer, with `--deep`",
}

// fixedBudgets are those that no flag can change.
var fixedBudgets = []struct {
	what string
	max  int64
	unit bool // in bytes
}{
	{"one judged blob of evidence; a larger one is carried and not judged", oci.MaxJudgedEvidence, true},
	{"nesting of any JSON document", strict.MaxDepth, false},
	{"the Rekor bundle of one signature", rekor.MaxBundle, true},
	{"one log entry", rekor.MaxBody, true},
	{"log entries of one signature", rekor.MaxEntries, false},
	{"one checkpoint of a log", rekor.MaxCheckpoint, true},
	{"timestamps of one signature", evidence.MaxTimestamps, false},
	{"one timestamp", tsa.MaxToken, true},
	{"one certificate", cert.MaxCertificate, true},
	{"certificates that come with one signature", evidence.MaxCertificates, false},
	{"one list of referrers, at export; the rest is left out", registry.MaxReferrers, true},
	{"one key file given as an anchor", trust.MaxKeyFile, true},
	{"one trusted root given as an anchor", trust.MaxTrustedRoot, true},
	{"volumes of one bundle", volume.MaxVolumes, false},
	{"an index of volumes", volume.MaxIndex, true},
	{"blocks of data and parity of one bundle", recovery.MaxBlocks, false},
	{"an index of recovery blocks", recovery.MaxIndex, true},
	{"a policy file or a transfer record", policy.MaxFile, true},
	{"a lock", lock.MaxSize, true},
	{"one field of a transfer record", verify.MaxTransferText, true},
	{"the id of a transfer", verify.MaxTransferID, true},
	{"a seal", bundle.MaxSeal, true},
	{"the report in one entry of a register", register.MaxReport, true},
	{"entries of a register", register.MaxEntries, false},
}

func tableParts() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"budgets": budgetTable, "fixed budgets": fixedTable,
		"built-in logs": logTable, "volume media": volumeTable,
	}
}

func budgetTable(t testing.TB) string {
	limits := oci.DefaultLimits()
	rows := [][]string{{"name", "bounds", "default"}}
	for _, b := range limits.Budgets() {
		what := budgets[b.Name]
		if what == "" {
			t.Errorf("the budget %q is described nowhere", b.Name)
		}
		rows = append(rows, []string{code(b.Name), what, amount(*b.Value, b.Bytes)})
	}
	return table(rows...)
}

func fixedTable(testing.TB) string {
	rows := [][]string{{"bounds", "at most"}}
	for _, b := range fixedBudgets {
		rows = append(rows, []string{b.what, amount(b.max, b.unit)})
	}
	return table(rows...)
}

func volumeTable(testing.TB) string {
	rows := [][]string{{"name", "medium", "capacity in bytes", "volume"}}
	for _, m := range volume.Media() {
		rows = append(rows, []string{code(m.Name), m.Why, fmt.Sprint(m.Capacity), fmt.Sprint(m.Capacity - m.Reserve)})
	}
	return table(rows...)
}

func logTable(testing.TB) string {
	rows := [][]string{{"log", "key", "log id", "valid from", "to"}}
	for _, l := range trust.BuiltinLogs() {
		to := "open"
		if !l.To.IsZero() {
			to = l.To.Format(time.RFC3339)
		}
		rows = append(rows, []string{l.Name, l.Key.Describe(), code(l.ID), l.From.Format(time.RFC3339), to})
	}
	return table(rows...)
}

// amount formats a number, in the largest unit of which it is a multiple.
func amount(n int64, bytes bool) string {
	if !bytes {
		return strconv.FormatInt(n, 10)
	}
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return fmt.Sprintf("%d %s", n, units[i])
}
