package verify

import (
	"cmp"
	"slices"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

// ClockTolerance is how far an integrated time may lie in the future of the
// clock that judges it.
const ClockTolerance = 5 * time.Minute

// Options are the anchors and the demands of one verification. The zero value
// rejects everything: without an anchor a bundle is unanchored.
type Options struct {
	Keys         []*trust.Key // pinned public keys; any of them will do
	Fingerprints []string     // pinned fingerprints, each selecting a key in the bundle
	Logs         []trust.Log  // trusted transparency logs
	SealKeys     []*trust.Key // pinned keys, one of which must have sealed the bundle; none demands nothing
	Roots        []Anchor     // trusted roots that these came from, for the report

	Identity *cert.Policy                 // demanded of a certificate; then no key vouches for anything
	CAs      []trust.CertificateAuthority // that issue certificates to sign with
	CTLogs   []trust.Log                  // that certificates are logged in
	TSAs     []trust.TimestampAuthority   // whose timestamps are believed

	IgnoreTlog        bool              // a missing log entry is excused, a wrong one is not
	Policy            *Policy           // nil demands nothing
	Transfer          *Transfer         // of the media, nil if nobody wrote it down
	Known             Known             // from earlier verifications, nil if nothing is kept
	Images            []oci.Reference   // what the operator came for
	Platforms         []oci.Platform    // platforms that must be present
	Annotations       map[string]string // demanded of the signed payload
	Attestations      []RequiredAttestation
	AcceptReference   []AcceptReference // mirrors
	MaxAge            time.Duration     // of the trusted time; zero demands nothing
	NotBefore         time.Time         // oldest trusted time; zero demands nothing
	At                time.Time         // judge as of this time; zero is the host's clock
	HostTime          time.Time         // what the host's clock says, for the report; zero is At
	RequireInclusion  bool              // each log entry must have an inclusion proof
	RequireLogs       int               // distinct logs that must speak for a signature; zero is one
	RequireTimestamps int               // distinct timestamp authorities that must; zero is none
	RequireAll        bool              // every signature found must be good
	RequireChildren   bool              // each platform must have a good signature of its own
	Strict            bool              // warnings fail
	Deep              bool              // unpack layers and check diff_ids
	Waivers           []string          // as they stand in every output

	Path       string   // of the bundle, for the report
	Command    []string // as it was called, for the report
	Tool       Tool
	Progress   func(bytes int64)  // told the content bytes hashed, from several goroutines
	OnMetadata func(early Report) // told once signatures are judged, before content is read: only a rejection is final then
}

// AcceptReference says that the image known as Image may carry a signature made
// for the repository Signed. Both are full repositories; nothing else matches.
type AcceptReference struct{ Image, Signed string }

func (o *Options) now() time.Time {
	if o.At.IsZero() {
		return time.Now().UTC().Truncate(time.Second)
	}
	return o.At.UTC()
}

const clockHost = "host"

// clock says what at, the time judged at, rests on.
func (o *Options) clock(at time.Time) Clock {
	if o.HostTime.IsZero() || o.HostTime.Equal(at) {
		return Clock{Source: clockHost, Host: at}
	}
	return Clock{Source: "--at", Host: o.HostTime}
}

// anchors lists what is trusted, for the report.
func (o *Options) anchors() []Anchor {
	own := o.demands()
	list := append([]Anchor{}, own.anchors("")...)
	if p := o.Policy; p != nil {
		for i := range p.Rules {
			for _, a := range p.Rules[i].anchors(sourcePolicy) {
				if !slices.Contains(list, a) {
					list = append(list, a)
				}
			}
		}
	}
	for _, k := range o.SealKeys {
		list = append(list, keyAnchor("seal", k, "file"))
	}
	list = append(list, o.Roots...)
	for _, l := range o.Logs {
		list = append(list, Anchor{Kind: "log", Fingerprint: Text(l.Key.Fingerprint()), Source: l.Source, Path: Text(l.Path), Name: Text(l.Name)})
	}
	return list
}

const sourcePolicy = "policy"

func keyAnchor(kind string, k *trust.Key, source string) Anchor {
	return Anchor{Kind: kind, Fingerprint: Text(k.Fingerprint()), Source: source, Path: Text(k.Path), Name: Text(k.Describe())}
}

// anchors lists who may vouch, and how each was pinned: by the source given or,
// without one, by a flag.
func (d *Demands) anchors(source string) (list []Anchor) {
	for _, k := range d.Keys {
		list = append(list, keyAnchor("key", k, cmp.Or(source, "file")))
	}
	for _, f := range d.Fingerprints {
		list = append(list, Anchor{Kind: "key", Fingerprint: Text(f), Source: cmp.Or(source, "fingerprint")})
	}
	for _, i := range d.Identities {
		list = append(list, Anchor{Kind: "identity", Source: cmp.Or(source, "flag"), Name: Text(i.String())})
	}
	return list
}
