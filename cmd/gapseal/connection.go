package main

import (
	"io"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/registry"
)

// connection holds the flags that say how registries are reached.
type connection struct {
	allowHTTP, allowInsecure bool
	caCert                   string
	clientCert, clientKey    string
	speaker                  speaker
}

func (c *connection) declare(fs *pflag.FlagSet) {
	fs.BoolVar(&c.allowHTTP, "allow-http-registry", false, "allow registries without TLS")
	fs.BoolVar(&c.allowInsecure, "allow-insecure-registry", false,
		"allow registries with a TLS certificate that does not verify")
	fs.StringVar(&c.caCert, "registry-cacert", "",
		"also trust the CA certificates in this PEM `FILE` for registries, and for the host of a --key URL")
	fs.StringVar(&c.clientCert, "registry-cert", "",
		"client certificate for registries that want one: a PEM `FILE` (also read from certs.d folders)")
	fs.StringVar(&c.clientKey, "registry-key", "",
		"key of the client certificate: a PEM `FILE`; not needed if --registry-cert holds it, too")
}

// inputs returns the files that the flags name.
func (c *connection) inputs() []string { return []string{c.caCert, c.clientCert, c.clientKey} }

func (c *connection) check() error {
	if c.clientKey != "" && c.clientCert == "" {
		return usagef("--registry-key is the key of a client certificate; pass the certificate with --registry-cert")
	}
	return nil
}

// source returns registries to read from.
func (c *connection) source(lim oci.Limits) (*registry.Source, error) {
	opts, err := c.reach()
	if err != nil {
		return nil, err
	}
	opts.MaxManifest = lim.Manifest
	return registry.New(opts)
}

// target returns registries to write to.
func (c *connection) target(lim oci.Limits) (*registry.Target, error) {
	opts, err := c.reach()
	if err != nil {
		return nil, err
	}
	opts.MaxManifest = lim.Manifest
	return registry.NewTarget(opts)
}

// reach returns how hosts are reached, whether registries or others.
func (c *connection) reach() (registry.Options, error) {
	opts := registry.Options{
		AllowHTTP: c.allowHTTP, AllowInsecure: c.allowInsecure,
		UserAgent: "gapseal/" + version(), OnNote: c.speaker.note, OnWait: c.speaker.wait,
	}
	for _, f := range []struct {
		flag, path string
		content    *[]byte
	}{
		{"--registry-cacert", c.caCert, &opts.CACert},
		{"--registry-cert", c.clientCert, &opts.ClientCert},
		{"--registry-key", c.clientKey, &opts.ClientKey},
	} {
		if f.path == "" {
			continue
		}
		raw, err := readAnchor(f.flag, f.path)
		if err != nil {
			return opts, err
		}
		*f.content = raw
	}
	return opts, nil
}

// speaker says on the terminal what happens while registries are read, from several
// goroutines.
type speaker struct {
	mu    sync.Mutex
	w     io.Writer
	waits map[string]time.Time // when each wait was reported last
}

// to sets where messages are written. A nil speaker says nothing.
func (s *speaker) to(w io.Writer) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
}

func (s *speaker) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	term.Say(s.w, "note: %s", term.Escape(text))
}

// quiet is how long a wait is not reported again. Several transfers may wait for the
// same host.
const quiet = 20 * time.Second

func (s *speaker) wait(what string, silence time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.waits[what]) < quiet {
		return
	}
	if s.waits == nil {
		s.waits = map[string]time.Time{}
	}
	s.waits[what] = time.Now()
	term.Say(s.w, "waiting for %s (%s so far)", term.Escape(what), silence.Round(time.Second))
}
