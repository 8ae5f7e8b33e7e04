package oci_test

import (
	"testing"

	"github.com/gapseal/gapseal/oci"
)

// TestZeroLimitsMeanTheDefaults, field by field.
func TestZeroLimitsMeanTheDefaults(t *testing.T) {
	if got := (oci.Limits{}).WithDefaults(); got != oci.DefaultLimits() {
		t.Errorf("no limits: %+v", got)
	}
	want := oci.DefaultLimits()
	for i := range want.Budgets() {
		var one oci.Limits
		*one.Budgets()[i].Value = 7
		want := oci.DefaultLimits()
		*want.Budgets()[i].Value = 7
		if got := one.WithDefaults(); got != want {
			t.Errorf("%s alone: %+v, want %+v", want.Budgets()[i].Name, got, want)
		}
	}
}
