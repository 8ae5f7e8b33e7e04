package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

func trustCommand(std stdio) *cobra.Command {
	return group(&cobra.Command{
		Use:     "trust show [FILE…] [flags]",
		Short:   "show whom a Sigstore trusted root vouches for, and since when",
		Long:    "Look into the file that says which logs and authorities are trusted.",
		Example: "gapseal trust show trusted_root.json",
	}, trustShowCommand(std), trustFetchCommand())
}

func trustShowCommand(std stdio) *cobra.Command {
	var format textOrJSON
	c := &cobra.Command{
		Use:   "show [FILE…] [flags]",
		Short: "show whom a Sigstore trusted root vouches for, and since when",
		Long: `Show the logs and authorities of Sigstore trusted roots: their ids, when each
is valid, what this version leaves out, how old the newest entry is, and the
SHA-256 of the file, to be compared with one received out of band. A file may
hold several roots, one a line. A folder may be one that a TUF client keeps, or
hold the PEM files of a root. Without a file, the built-in root is shown: that
of Sigstore's public-good instance. Nothing is fetched.`,
		Example: `
gapseal trust show
gapseal trust show trusted_root.json
gapseal trust show ~/.sigstore/root/tuf-repo-cdn.sigstore.dev
gapseal trust show trusted_root.json --output json`,
		ValidArgsFunction: completeFile,
		RunE: runs(std, func(_ context.Context, args []string, std stdio) error {
			return trustShow(args, format, std)
		}),
	}
	format.declare(c)
	return c
}

// trustFetchCommand explains which program fetches a root. A client of The Update
// Framework does not belong in a binary that verifies offline.
func trustFetchCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "fetch",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return usagef("gapseal fetches no trusted root; on a connected host run\n" +
				"  cosign initialize\n" +
				"  cosign trusted-root create --with-default-services --out trusted_root.json")
		},
	}
}

func trustShow(paths []string, format textOrJSON, std stdio) error {
	asJSON, err := format.json()
	if err != nil {
		return err
	}
	roots := []*trust.Root{trust.BuiltinRoot()}
	if len(paths) > 0 {
		if roots, err = readRoots("", paths); err != nil {
			return err
		}
	}
	for _, root := range roots {
		path := root.Path
		if len(paths) == 1 {
			path = paths[0]
		}
		s := showRoot(root, path)
		if asJSON {
			err = report.Encode(std.out, s)
		} else {
			err = s.text(std.out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rootShown is the JSON form of trust show.
type rootShown struct {
	Schema      string      `json:"schema"`
	Path        string      `json:"path"`
	Digest      string      `json:"digest"`
	MediaType   string      `json:"mediaType"`
	Newest      *time.Time  `json:"newest"`            // when the newest entry began
	Source      string      `json:"source"`            // file or built-in
	Current     *time.Time  `json:"current,omitempty"` // the day on which the built-in root was the current one
	Logs        []logShown  `json:"logs"`
	CAs         []authShown `json:"certificateAuthorities"`
	CTLogs      []logShown  `json:"certificateLogs"`
	TSAs        []authShown `json:"timestampAuthorities"`
	Unsupported []string    `json:"unsupported"`
}

type logShown struct {
	Name        verify.Text `json:"name"`
	Operator    verify.Text `json:"operator"`
	ID          string      `json:"id"`
	Key         string      `json:"key"`
	Fingerprint string      `json:"fingerprint"` // of the key
	validity
}

type authShown struct {
	Name        verify.Text `json:"name"`
	Operator    verify.Text `json:"operator"`
	URI         verify.Text `json:"uri"`
	Fingerprint string      `json:"fingerprint"` // of the certificate that the chain ends in
	validity
}

// validity is the time in which an entry is valid, both ends included. Without To
// it has no end.
type validity struct {
	From time.Time  `json:"from"`
	To   *time.Time `json:"to"`
}

func window(from, to time.Time) validity {
	v := validity{From: from.UTC()}
	if !to.IsZero() {
		to = to.UTC()
		v.To = &to
	}
	return v
}

func showRoot(root *trust.Root, path string) *rootShown {
	s := &rootShown{
		Schema: "gapseal.trust/v1", Path: path, Digest: root.Digest, MediaType: root.MediaType,
		Newest: newest(root), Source: root.Source,
		Logs: logsShown(root.Logs), CTLogs: logsShown(root.CTLogs),
		CAs: []authShown{}, TSAs: []authShown{}, Unsupported: append([]string{}, root.Unsupported...),
	}
	if root.Source == trust.SourceBuiltin {
		s.Current = &trust.BuiltinCurrent
	}
	for _, c := range root.CAs {
		s.CAs = append(s.CAs, authorityShown(&c.Authority))
	}
	for _, a := range root.TSAs {
		s.TSAs = append(s.TSAs, authorityShown(&a.Authority))
	}
	return s
}

func logsShown(logs []trust.Log) []logShown {
	list := []logShown{}
	for _, l := range logs {
		list = append(list, logShown{
			Name: verify.Text(l.Name), Operator: verify.Text(l.Operator), ID: l.ID,
			Key: l.Key.Describe(), Fingerprint: l.Key.Fingerprint(), validity: window(l.From, l.To),
		})
	}
	return list
}

func newest(root *trust.Root) *time.Time {
	if t := root.Newest(); !t.IsZero() {
		return &t
	}
	return nil
}

func authorityShown(a *trust.Authority) authShown {
	return authShown{
		Name: verify.Text(a.Name), Operator: verify.Text(a.Operator), URI: verify.Text(a.URI),
		Fingerprint: a.Fingerprint(), validity: window(a.From, a.To),
	}
}

// each visits every entry with the lines that describe it.
func (s *rootShown) each(visit func(label string, v validity, lines ...string)) {
	for _, l := range s.Logs {
		visit("log", l.validity, string(l.Name), "id "+l.ID, l.Key)
	}
	for _, a := range s.CAs {
		visit("ca", a.validity, string(a.Name), a.Fingerprint)
	}
	for _, l := range s.CTLogs {
		visit("ct log", l.validity, string(l.Name), "id "+l.ID, l.Key)
	}
	for _, a := range s.TSAs {
		visit("tsa", a.validity, string(a.Name), a.Fingerprint)
	}
}

func (s *rootShown) text(out io.Writer) error {
	w := bufio.NewWriter(out)
	s.each(func(label string, v validity, lines ...string) {
		term.Row(w, label, append(lines, v.String())...)
	})
	for _, u := range s.Unsupported {
		term.Row(w, "left out", u)
	}
	term.Row(w, "newest", s.age(clock()))
	if s.Current != nil {
		current := s.Current.Format(time.DateOnly)
		term.Row(w, "built-in", "Sigstore's public-good instance, current on "+current, s.Digest)
	} else {
		term.Row(w, "file", s.Path, s.Digest)
	}
	return w.Flush()
}

func (v validity) String() string {
	if v.From.IsZero() && v.To == nil {
		return "no dates are given"
	}
	s := "valid from " + v.From.Format(time.RFC3339)
	if v.To != nil {
		s += " to " + v.To.Format(time.RFC3339)
	}
	return s
}

// age says when the newest entry became valid, and how long ago that is: an old root
// may lack the logs and authorities of newer signatures.
func (s *rootShown) age(now time.Time) string {
	if s.Newest == nil {
		return "no entry has a date"
	}
	days := int(now.Sub(*s.Newest).Hours() / 24)
	return fmt.Sprintf("entry of %s, %d days ago", s.Newest.Format(time.RFC3339), days)
}
