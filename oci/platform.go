package oci

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/verify/check"
)

// Platform is the system that an image runs on.
type Platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
	Features     []string `json:"features,omitempty"`
}

// architectures maps other names of architectures to those that Go uses, as
// container runtimes do.
var architectures = map[string]string{
	"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386",
}

// variants holds the variant that is meant where none is named.
var variants = map[string]string{"amd64": "v1", "arm64": "v8", "arm": "v7"}

func (p Platform) architecture() string {
	return cmp.Or(architectures[p.Architecture], p.Architecture)
}

// variant returns the variant, which runtimes also write without the v.
func (p Platform) variant() string {
	v := cmp.Or(p.Variant, variants[p.architecture()])
	if len(v) == 1 && v[0] >= '1' && v[0] <= '9' {
		return "v" + v
	}
	return v
}

// Matches reports whether p is the platform that is wanted: the same system and
// architecture; the same variant unless want names none; and a version of the
// system that is want's or begins with it, part by part, unless want names none.
//
// Names are compared as container runtimes compare them: aarch64 is arm64, x86_64
// is amd64, and a p without a variant has the usual one. So linux/arm64 and
// linux/arm64/v8 match each other, and linux/arm matches linux/arm/v7.
func (p Platform) Matches(want Platform) bool {
	return p.OS == want.OS && p.architecture() == want.architecture() &&
		(want.Variant == "" || p.variant() == want.variant()) && p.hasVersion(want.OSVersion)
}

func (p Platform) hasVersion(want string) bool {
	return want == "" || p.OSVersion == want || strings.HasPrefix(p.OSVersion, want+".")
}

// IsUnknown reports whether p says that nothing is meant to run it. BuildKit gives
// its attestations the platform unknown/unknown.
func (p Platform) IsUnknown() bool { return p.OS == "unknown" }

// String returns os/architecture[/variant].
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// Full returns os/architecture[/variant][:version], where the version tells apart
// the builds of Windows, as in windows/amd64:10.0.20348.1.
func (p Platform) Full() string {
	if p.OSVersion == "" {
		return p.String()
	}
	return p.String() + ":" + p.OSVersion
}

// ParsePlatform reads os/architecture[/variant][:version], such as linux/arm64/v8
// or windows/amd64:10.0.20348. It also reads the version where containerd writes
// it, as in windows(10.0.20348)/amd64.
func ParsePlatform(s string) (Platform, error) {
	fault := fmt.Errorf("platform %q: want os/architecture[/variant], such as linux/amd64 or linux/arm64/v8",
		check.Clip(s))
	rest, version, versioned := strings.Cut(s, ":")
	parts := strings.Split(rest, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return Platform{}, fault
	}
	if os, v, ok := strings.Cut(parts[0], "("); ok && !versioned {
		version, versioned = strings.CutSuffix(v, ")")
		if !versioned {
			return Platform{}, fault
		}
		parts[0] = os
	}
	p := Platform{OS: parts[0], Architecture: parts[1], OSVersion: version}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	if p.OS == "" || p.Architecture == "" || versioned && version == "" || strings.ContainsAny(p.Full(), "() ,") {
		return Platform{}, fault
	}
	return p, nil
}
