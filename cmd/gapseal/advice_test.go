package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify/check"
)

// Advice is about checks that exist, and names flags that exist.
func TestAdvice(t *testing.T) {
	known := map[string]bool{}
	everyCommand(t, func(_ *testing.T, c *cobra.Command) {
		for _, f := range declaredFlags(c) {
			known[f.Name] = true
		}
	})
	namesFlags := func(what, text string) {
		for _, name := range regexp.MustCompile(`--[a-z-]+`).FindAllString(text, -1) {
			if !known[name[2:]] && name != "--recursive" {
				t.Errorf("%s: there is no flag %s", what, name)
			}
		}
	}
	for id, text := range advice {
		if _, ok := check.Lookup(id); !ok {
			t.Errorf("there is no check %s", id)
		}
		namesFlags(string(id), text)
	}
	for cause, text := range adviceOnCause {
		if check.Remedy(&check.Fault{Cause: cause}) == "" {
			t.Errorf("there is no cause %s", cause)
		}
		namesFlags(string(cause), text)
	}
}

// TestAdviseSource wants each cause of a failed collection to be answered with the
// flag that helps, and the cause to stay testable.
func TestAdviseSource(t *testing.T) {
	for flag, err := range map[string]error{
		"--limit metadata=":     &bundle.BudgetError{Limit: "metadata"},
		"--limit payload=":      &bundle.BudgetError{Limit: "payload"},
		"--platform":            &bundle.PlatformError{},
		"--registry-cacert":     &registry.ConnectError{Cause: registry.CauseUnknownAuthority},
		"--registry-cert":       &registry.ConnectError{Cause: registry.CauseClientCertificate},
		"--registry-key":        &registry.ConnectError{Cause: registry.CauseClientRefused},
		"--allow-http-registry": &registry.ConnectError{Cause: registry.CausePlainHTTP},
	} {
		got := adviseSource(fmt.Errorf("manifest: %w", err))
		if !strings.Contains(got.Error(), flag) || !errors.Is(got, err) {
			t.Errorf("%v: no %s", got, flag)
		}
	}
	for _, err := range []error{io.ErrUnexpectedEOF, &registry.ConnectError{Cause: registry.CauseSilent}} {
		if got := adviseSource(err); got != err {
			t.Errorf("another cause: %v", got)
		}
	}
}
