package siteconfig

import (
	"bytes"
	encoding "encoding/base64"
	"fmt"

	"github.com/goccy/go-yaml"
)

// object is an object of Kubernetes.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   named  `yaml:"metadata"`
	Spec       any    `yaml:"spec"`
}

type named struct {
	Name string `yaml:"name"`
}

// head writes a comment that says what a document is for, in the one line use, and where it
// comes from.
func (s *Site) head(b *bytes.Buffer, use string) {
	fmt.Fprintf(b, "# %s\n# Made by gapseal config: names come from a bundle, trust from flags and policies.\n", use)
}

// yaml encodes the documents of one file.
func (s *Site) yaml(use string, documents ...any) ([]byte, error) {
	var b bytes.Buffer
	s.head(&b, use)
	for i, d := range documents {
		if i > 0 {
			b.WriteString("---\n")
		}
		text, err := yaml.MarshalWithOptions(d, yaml.UseLiteralStyleIfMultiline(true), yaml.IndentSequence(true))
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

// base64 is text that a document holds in base64.
type base64 string

// MarshalYAML implements [yaml.InterfaceMarshaler].
func (t base64) MarshalYAML() (any, error) {
	return encoding.StdEncoding.EncodeToString([]byte(t)), nil
}
