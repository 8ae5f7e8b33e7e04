package main

import (
	"io"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

// parseRoot takes what a trusted root vouches for.
func (j *judging) parseRoot(o *verify.Options) error {
	root, err := readRoot("--trusted-root", j.trustedRoot)
	if err != nil {
		return err
	}
	for i := range root.Logs {
		root.Logs[i].Path = root.Path
	}
	o.Logs = append(o.Logs, root.Logs...)
	o.CAs, o.TSAs, o.CTLogs = root.CAs, root.TSAs, root.CTLogs
	o.Roots = append(o.Roots, rootAnchors(root)...)
	for _, s := range root.Unsupported {
		j.notes = append(j.notes, "left out, and vouches for nothing: "+s)
	}
	return nil
}

// readRoot reads a trusted root file, named by a flag or else an argument.
func readRoot(flag, path string) (*trust.Root, error) {
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	root, err := trust.ParseTrustedRoot(raw)
	if err != nil {
		return nil, usagef("%s: %v", named(flag, path), err)
	}
	root.Path = absolute(path)
	return root, nil
}

// rootAnchors lists the root and what it vouches for, but its logs, for the
// report.
func rootAnchors(root *trust.Root) []verify.Anchor {
	list := []verify.Anchor{{Kind: "root", Fingerprint: verify.Text(root.Digest), Newest: newest(root)}}
	for _, c := range root.CAs {
		list = append(list, verify.Anchor{Kind: "ca", Fingerprint: verify.Text(certFingerprint(&c.Authority)), Name: verify.Text(c.Name)})
	}
	for _, l := range root.CTLogs {
		list = append(list, verify.Anchor{Kind: "ctlog", Fingerprint: verify.Text(l.Key.Fingerprint()), Name: verify.Text(l.Name)})
	}
	for _, a := range root.TSAs {
		list = append(list, verify.Anchor{Kind: "tsa", Fingerprint: verify.Text(certFingerprint(&a.Authority)), Name: verify.Text(a.Name)})
	}
	for i := range list {
		list[i].Source, list[i].Path = trust.SourceFile, verify.Text(root.Path)
	}
	return list
}

func newest(root *trust.Root) *time.Time {
	if t := root.Newest(); !t.IsZero() {
		return &t
	}
	return nil
}

// certFingerprint is the SHA-256 of the certificate that an authority's chain
// ends in.
func certFingerprint(a *trust.Authority) string {
	return string(oci.FromBytes(a.Anchor().Raw))
}

// tell writes what is worth knowing of the anchors, each once.
func (j *judging) tell(w io.Writer) {
	for _, n := range j.notes {
		say(w, "note: %s", report.Terminal(n))
	}
}
