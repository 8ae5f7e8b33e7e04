package main

import (
	"strings"

	"github.com/gapseal/gapseal/internal/quantity"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

func (j *judging) parseLimits(o *verify.Options) error {
	for _, s := range j.limits {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return usagef("--limit %q: want NAME=VALUE", s)
		}
		if err := setLimit(&o.Limits, name, value); err != nil {
			return err
		}
	}
	return nil
}

// limitNames lists the budgets, those in bytes or the others.
func limitNames(bytes bool) string {
	l := oci.DefaultLimits()
	var names []string
	for _, b := range l.Budgets() {
		if b.Bytes == bytes {
			names = append(names, b.Name)
		}
	}
	return strings.Join(names, ", ")
}

func limitUsage() string {
	return "raise or lower a budget, as `NAME=VALUE`, such as metadata=128MiB or images=20000 (repeatable). Sizes: " + limitNames(true) + "; numbers: " + limitNames(false)
}

func setLimit(l *oci.Limits, name, value string) error {
	for _, b := range l.Budgets() {
		if b.Name != name {
			continue
		}
		read := quantity.Count
		if b.Bytes {
			read = quantity.Bytes
		}
		n, err := read(value)
		if err != nil {
			return usagef("--limit %s: %v", name, err)
		}
		*b.Value = n
		return nil
	}
	return usagef("--limit %q: no such budget; there are %s, %s", name, limitNames(true), limitNames(false))
}
