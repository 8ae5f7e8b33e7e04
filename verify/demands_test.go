package verify

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

// eachIsAsked are the demands that no joined value stands for: each source must
// be met.
var eachIsAsked = []string{"Annotations", "OnlyPlatforms", "Digests"}

// TestEveryDemandJoins makes each demand alone, by the first and by the second
// source: neither may be lost.
func TestEveryDemandJoins(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	full := Demands{
		Keys: []*trust.Key{{}}, Fingerprints: []string{"sha256:0"}, Identities: []*cert.Policy{{}},
		Signers: 2, Annotations: map[string]string{"a": "b"}, MaxAge: time.Hour, NotBefore: now, NotAfter: now,
		RequireLogs: 2, RequireTimestamps: 1, RequireInclusion: true, RequireAll: true, RequireChildren: true,
		Attestations: []RequiredAttestation{{Count: 1}}, Platforms: []oci.Platform{{OS: "linux"}},
		OnlyPlatforms: []oci.Platform{{OS: "linux"}}, Digests: []oci.Digest{oci.EmptyDigest},
		Vouch: []Vouch{{By: "sender"}}, LogOptional: true, SignedAs: []string{"a.b/c"}, PayloadTypes: []string{"t"},
		NamesBound: true,
	}
	of := reflect.ValueOf(full)
	for i := range of.NumField() {
		name, want := of.Type().Field(i).Name, of.Field(i)
		if want.IsZero() {
			t.Errorf("%s has no sample here", name)
		}
		var one, none Demands
		reflect.ValueOf(&one).Elem().Field(i).Set(want)
		for _, sources := range [][]*Demands{{&one, &none}, {&none, &one}} {
			var d demands
			for _, s := range sources {
				d.join(s)
			}
			got := reflect.ValueOf(d.Demands).Field(i)
			if slices.Contains(eachIsAsked, name) {
				got = reflect.ValueOf(*d.each[slices.Index(sources, &one)]).Field(i)
			}
			if !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Errorf("%s: joined to %v, want %v", name, got, want)
			}
		}
	}
}

// TestTheStricterDemandCounts joins two values of what has an order.
func TestTheStricterDemandCounts(t *testing.T) {
	early, late := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	loose := &Demands{Signers: 1, RequireLogs: 1, RequireTimestamps: 1, MaxAge: 2 * time.Hour, NotBefore: early, NotAfter: late}
	strict := &Demands{Signers: 2, RequireLogs: 2, RequireTimestamps: 2, MaxAge: time.Hour, NotBefore: late, NotAfter: early}
	for _, sources := range [][]*Demands{{loose, strict}, {strict, loose}} {
		var d demands
		for _, s := range sources {
			d.join(s)
		}
		if !reflect.DeepEqual(d.Demands, *strict) {
			t.Errorf("joined to %+v, want %+v", d.Demands, *strict)
		}
	}
}
