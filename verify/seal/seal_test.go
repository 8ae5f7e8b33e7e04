package seal_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/seal"
	"github.com/gapseal/gapseal/verify/trust"
)

const said = `{"exportedAt":"2026-11-23T13:00:00Z","inventory":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","schema":"gapseal.seal/v1","serial":7,"stream":"acme"}`

func statement() seal.Statement {
	return seal.Statement{Inventory: oci.EmptyDigest, Stream: "acme", Serial: 7, ExportedAt: time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)}
}

// Others compute with the spelling, so it is written out here.
func TestMakeAndOpen(t *testing.T) {
	by := fixture.NewSealer()
	elsewhere := statement()
	elsewhere.ExportedAt = elsewhere.ExportedAt.Add(time.Millisecond).In(time.FixedZone("", 3600))
	for _, s := range []seal.Statement{statement(), elsewhere} {
		raw, err := seal.Make(s, by.Signer)
		if err != nil {
			t.Fatal(err)
		}
		if payload, _, err := dsse.Open(raw, bundle.TypeSeal, by.Keys()); err != nil || string(payload) != said {
			t.Errorf("got %s, %v", payload, err)
		}
		got, key, err := seal.Open(raw, by.Keys())
		if err != nil || *got != statement() || key.Fingerprint() != by.Public().Fingerprint() {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	for name, change := range map[string]func(*seal.Statement){
		"no inventory":          func(s *seal.Statement) { s.Inventory = "" },
		"no stream":             func(s *seal.Statement) { s.Stream = "" },
		"a hidden stream":       func(s *seal.Statement) { s.Stream = ".acme" },
		"a hostile stream":      func(s *seal.Statement) { s.Stream = "acme\x1b[2J" },
		"a long stream":         func(s *seal.Statement) { s.Stream = strings.Repeat("a", seal.MaxStream+1) },
		"no serial":             func(s *seal.Statement) { s.Serial = 0 },
		"a serial too great":    func(s *seal.Statement) { s.Serial = seal.MaxSerial + 1 },
		"a year of five digits": func(s *seal.Statement) { s.ExportedAt = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		s := statement()
		change(&s)
		if _, err := seal.Make(s, fixture.NewSealer().Signer); !errors.Is(err, seal.ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenRefusesOtherSpellings(t *testing.T) {
	by := fixture.NewSealer()
	for name, payload := range map[string]string{
		"not JSON":               "said",
		"white space":            said + "\n",
		"an unknown member":      strings.Replace(said, "{", `{"a":1,`, 1),
		"a missing member":       strings.Replace(said, `,"stream":"acme"`, "", 1),
		"another order":          `{"schema":"gapseal.seal/v1",` + strings.Replace(said[1:], `"schema":"gapseal.seal/v1",`, "", 1),
		"another case":           strings.Replace(said, "stream", "Stream", 1),
		"another schema":         strings.Replace(said, "seal/v1", "seal/v2", 1),
		"serial zero":            strings.Replace(said, `:7`, `:0`, 1),
		"serial negative":        strings.Replace(said, `:7`, `:-7`, 1),
		"serial a fraction":      strings.Replace(said, `:7`, `:7.0`, 1),
		"serial as text":         strings.Replace(said, `:7`, `:"7"`, 1),
		"serial too great":       strings.Replace(said, `:7`, `:9007199254740992`, 1),
		"no digest":              strings.Replace(said, "sha256:44", "sha256:4", 1),
		"upper case":             strings.Replace(said, "caaff8a", "CAAFF8A", 1),
		"no time":                strings.Replace(said, "2026-11-23T13:00:00Z", "today", 1),
		"another zone":           strings.Replace(said, "13:00:00Z", "14:00:00+01:00", 1),
		"a fraction of a second": strings.Replace(said, "00Z", "00.5Z", 1),
	} {
		if payload == said {
			t.Fatalf("%s: nothing was changed", name)
		}
		raw, err := dsse.Sign(bundle.TypeSeal, []byte(payload), by.Signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := seal.Open(raw, by.Keys()); !errors.Is(err, seal.ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenReturnsTheErrorsOfDSSE(t *testing.T) {
	by, other := fixture.NewSealer(), fixture.NewSealer()
	raw, err := seal.Make(statement(), by.Signer)
	if err != nil {
		t.Fatal(err)
	}
	var keyErr *dsse.KeyError
	if _, _, err := seal.Open(raw, other.Keys()); !errors.As(err, &keyErr) {
		t.Errorf("another key: %v", err)
	}
	raw, err = dsse.Sign("another/type", []byte(said), by.Signer)
	if err != nil {
		t.Fatal(err)
	}
	var typeErr *dsse.TypeError
	if _, _, err := seal.Open(raw, by.Keys()); !errors.As(err, &typeErr) {
		t.Errorf("another type: %v", err)
	}
}

func FuzzStatement(f *testing.F) {
	by := fixture.NewSealer()
	keys := []*trust.Key{by.Public()}
	f.Add([]byte(said))
	f.Add([]byte(strings.Replace(said, "7", "9007199254740991", 1)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		raw, err := dsse.Sign(bundle.TypeSeal, payload, by.Signer)
		if err != nil {
			return
		}
		s, _, err := seal.Open(raw, keys)
		if err != nil {
			return
		}
		again, err := seal.Make(*s, by.Signer)
		if err != nil {
			t.Fatal(err)
		}
		if same, _, err := dsse.Open(again, bundle.TypeSeal, keys); err != nil || string(same) != string(payload) {
			t.Errorf("%q is written %q, %v", payload, same, err)
		}
	})
}
