package evidence

import (
	"regexp"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

type signatureConfig struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Created      string    `json:"created"`
	History      []history `json:"history"`
	RootFS       struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	Config struct{} `json:"config"`
}

type history struct {
	Created string `json:"created"`
}

// timestamp allows for writers that leave the time out.
var timestamp = regexp.MustCompile(`^$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`)

// checkConfig judges the config of cosign's first generation, which nothing signs:
// it may say which payloads there are and when they were made, and no more.
func checkConfig(m *signatureManifest, blob func(oci.Digest) []byte) []*check.Fault {
	if m.Config == nil || !bare(*m.Config) {
		return []*check.Fault{encodingFault("the manifest has no config, or one with more than type, digest and size")}
	}
	switch m.Config.MediaType {
	case oci.TypeConfig, oci.TypeDockerConfig, artifactTypeSignature:
	case oci.TypeEmpty:
		if m.Config.Digest == oci.EmptyDigest {
			return nil
		}
		return []*check.Fault{encodingFault("the config of the manifest has the type of the empty config, and is not empty")}
	default:
		return []*check.Fault{encodingFault("the config of the manifest has media type %.100q, expected %s", m.Config.MediaType, oci.TypeConfig)}
	}
	raw := blob(m.Config.Digest)
	if raw == nil {
		return nil // the blob check speaks of it
	}
	var c signatureConfig
	if err := strict.UnmarshalKnown(raw, &c); err != nil {
		return []*check.Fault{encodingFault("the config of the manifest: %v", err)}
	}
	var faults []*check.Fault
	if !Written(raw) {
		faults = append(faults, encodingFault("the config of the manifest %s", notWritten))
	}
	if !c.plain() {
		faults = append(faults, encodingFault("the config of the manifest says more than cosign writes there"))
	}
	if !c.matches(m.Layers) {
		faults = append(faults, encodingFault("the config of the manifest lists other payloads than its layers"))
	}
	return faults
}

func (c *signatureConfig) plain() bool {
	ok := c.Architecture == "" && c.OS == "" && c.RootFS.Type == "layers" && timestamp.MatchString(c.Created)
	for _, h := range c.History {
		ok = ok && timestamp.MatchString(h.Created)
	}
	return ok
}

func (c *signatureConfig) matches(layers []oci.Descriptor) bool {
	if len(c.RootFS.DiffIDs) != len(layers) || len(c.History) > len(layers) {
		return false
	}
	for i, l := range layers {
		if c.RootFS.DiffIDs[i] != string(l.Digest) {
			return false
		}
	}
	return true
}
