package oci

import (
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// Config is what gapseal reads of an image config: the platform, and the
// SHA-256 of each layer when unpacked, lowest layer first.
type Config struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant"`
	RootFS       struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// ParseConfig reads raw as an image config of the OCI image specification or
// of Docker. A fault is of class config or limit.
func ParseConfig(raw []byte) (*Config, *check.Fault) {
	var c Config
	if err := strict.Unmarshal(raw, &c); err != nil {
		return nil, jsonFault(check.ConfigJSON, err)
	}
	return &c, nil
}

// Platform returns the platform the config was built for.
func (c *Config) Platform() Platform {
	return Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}
}

// Matches reports whether p is the platform asked for: same system and
// architecture, and the same variant unless none was asked for.
func (p Platform) Matches(want Platform) bool {
	return p.OS == want.OS && p.Architecture == want.Architecture &&
		(want.Variant == "" || p.Variant == want.Variant)
}
