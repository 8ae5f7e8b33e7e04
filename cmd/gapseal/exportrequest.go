package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

func (e *exportRun) request(args []string, o *verify.Options, std stdio) (*registry.Source, bundle.Request, error) {
	req := bundle.Request{Platforms: o.Platforms, Limits: o.Limits, Tool: bundle.Tool{Name: "gapseal", Version: version()}}
	for _, a := range args {
		ref, note, err := parseImage("", a)
		if err != nil {
			return nil, req, err
		}
		if note != "" {
			say(std.err, "note: %s", report.Terminal(note))
		}
		req.Images = append(req.Images, ref)
	}
	for _, k := range carriedKeys(o) {
		req.Keys = append(req.Keys, bundle.PublicKey{Fingerprint: k.Fingerprint(), PEM: []byte(k.PEM())})
	}
	if e.allowUnverified {
		req.Waivers = []string{bundle.WaiverAllowUnverified}
	}
	if e.signatures != "" {
		repo, err := oci.ParseRepository(e.signatures)
		if err != nil {
			return nil, req, usagef("--signature-repository: %v", err)
		}
		req.Evidence = repo
	}
	req.OnResolved = func(ref oci.Reference, d oci.Digest) { fmt.Fprintf(std.err, "%s\n  is %s\n", ref, d) }
	src, err := e.source(o.Limits)
	return src, req, err
}

// carriedKeys are the keys that may vouch for some image, each once.
func carriedKeys(o *verify.Options) (keys []*trust.Key) {
	all := slices.Clone(o.Keys)
	if o.Policy != nil {
		for _, r := range o.Policy.Rules {
			all = append(all, r.Keys...)
		}
	}
	seen := map[string]bool{}
	for _, k := range all {
		if f := k.Fingerprint(); !seen[f] {
			seen[f] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// carryKey takes --key of export, the connected side: the key itself is needed.
func carryKey(ctx context.Context, arg string, o *verify.Options) error {
	switch {
	case strings.HasPrefix(arg, "sha256:"):
		return usagef("--key %s: export carries the key itself, so it needs a PEM file or an https URL", arg)
	case !isURL(arg):
		return addKey(arg, o)
	}
	raw, err := registry.Fetch(ctx, arg)
	if err != nil {
		return err
	}
	key, err := parseKey("--key", hideUser(arg), raw)
	if err == nil {
		o.Keys = append(o.Keys, key)
	}
	return err
}

// leaveToVerify drops the demands of a policy that only the far side can meet:
// the record comes with the media, the register lies there. A seal that the
// policy demands must be made here.
func (e *exportRun) leaveToVerify(o *verify.Options) error {
	if o.Policy != nil {
		o.Policy.Transfer, o.Policy.RefuseRollback = nil, false
	}
	demanded := o.SealKeys
	o.SealKeys = nil
	if len(demanded) == 0 {
		return nil
	}
	if e.signer == nil {
		return usagef("the policy demands a seal, so verify would refuse this bundle: pass the key with --seal and --seal-stream")
	}
	own := e.signer.Public().Fingerprint()
	if !slices.ContainsFunc(demanded, func(k *trust.Key) bool { return k.Fingerprint() == own }) {
		return usagef("--seal %s: the policy demands a seal by another key, so verify would refuse this bundle", e.sealing.key)
	}
	return nil
}

func (e *exportRun) source(lim oci.Limits) (*registry.Source, error) {
	opts := registry.Options{AllowHTTP: e.allowHTTP, AllowInsecure: e.allowInsecure, MaxManifest: lim.Manifest, UserAgent: "gapseal/" + version()}
	if e.caCert != "" {
		raw, err := readAnchor("--registry-cacert", e.caCert)
		if err != nil {
			return nil, err
		}
		opts.CACert = raw
	}
	return registry.New(opts)
}
