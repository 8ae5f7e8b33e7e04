package verify

import (
	"cmp"
	"slices"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/lock"
	"github.com/gapseal/gapseal/verify/trust"
)

// ClockTolerance is how far a trusted time may be ahead of the verification time.
const ClockTolerance = 5 * time.Minute

// Options say what is trusted, what is demanded, and what the report is to name.
// The zero value rejects everything, since nothing in it could vouch for a bundle. A
// key or an identity that is nil counts as its zero value, which vouches for nothing
// and is not passed over.
type Options struct {
	Anchors
	Demands // on every image

	Policy          *Policy           // demands more of the images that its rules match; nil demands nothing
	Images          []oci.Reference   // that the bundle must hold
	AcceptReference []AcceptReference // waiver: names under which mirrored images were signed
	Lock            *lock.Lock        // lists exactly the images that the bundle must hold; nil demands nothing
	SealStream      string            // the stream to which the seal must belong; empty for any
	IgnoreTlog      bool              // waiver: a log entry may be missing; one that is present and wrong still fails
	Transfer        *Transfer         // record of the media, nil if there is none
	Known           Known             // what was verified before, nil if no record is kept
	At              time.Time         // verification time; zero is the host's clock. A waiver if it is not HostTime
	HostTime        time.Time         // what the host's clock says; zero asks it
	Strict          bool              // warnings fail
	Deep            bool              // unpack layers and compare their diff_ids

	Path    string   // of the bundle, for the report; text names an empty one "standard input"
	Command []string // as it was called, for the report
	Tool    Tool     // for the report

	// Advise returns what the operator can do about a fault, in place of the
	// remedy that package check knows; an empty string keeps that remedy. It lets
	// a program name its own flags and settings. It may be nil.
	Advise func(f *check.Fault) string

	// Tap is given the bytes of blobs while they are hashed, before it is known
	// whether they match their digests. It may be nil.
	Tap bundle.Tap

	// Progress is called with the number of content bytes just hashed, from
	// several goroutines. It may be nil.
	Progress func(bytes int64)

	// OnMetadata is called once all signatures are judged, before any content is
	// read. In that early report only a rejection is final. It may be nil.
	OnMetadata func(early Report)
}

// Anchors are what the operator trusts beforehand, other than the keys and
// identities that may sign, which are in [Demands].
type Anchors struct {
	Logs     []trust.Log                  // transparency logs, in which signatures are logged
	CAs      []trust.CertificateAuthority // that issue certificates to sign with
	CTLogs   []trust.Log                  // in which those certificates must be logged
	TSAs     []trust.TimestampAuthority   // whose timestamps count
	More     []Domain                     // further trusted roots, each of which judges by itself
	SealKeys []*trust.Key                 // one of which must have sealed the bundle; none demands no seal
	Roots    []Anchor                     // trusted roots from which these came, for the report

	// NoLogs and NoCTLogs are those of [Domain].
	NoLogs, NoCTLogs bool
}

// TrustRoot adds the logs and authorities of a Sigstore trusted root, and lists them
// for the report. Logs that a has already join those of the first root. Each
// further root is a domain of its own.
func (a *Anchors) TrustRoot(root *trust.Root) {
	logs := slices.Clone(root.Logs)
	for i := range logs {
		logs[i].Path = root.Path
	}
	if len(a.Roots)+len(a.CAs)+len(a.CTLogs)+len(a.TSAs) == 0 {
		a.Logs = append(a.Logs, logs...)
		a.CAs = root.CAs
		a.CTLogs = root.CTLogs
		a.TSAs = root.TSAs
		a.NoLogs, a.NoCTLogs = root.NoLogs(), root.NoCTLogs()
	} else {
		a.More = append(a.More, Domain{Logs: logs, CAs: root.CAs, CTLogs: root.CTLogs, TSAs: root.TSAs,
			NoLogs: root.NoLogs(), NoCTLogs: root.NoCTLogs()})
	}
	a.Roots = append(a.Roots, rootAnchors(root)...)
}

// rootAnchors lists a trusted root and what it vouches for. Its logs are listed with
// the other logs.
func rootAnchors(root *trust.Root) []Anchor {
	first := Anchor{Kind: "root", Fingerprint: Text(root.Digest)}
	if t := root.Newest(); !t.IsZero() {
		first.Newest = &t
	}
	list := []Anchor{first}
	add := func(kind, fingerprint, name string) {
		list = append(list, Anchor{Kind: kind, Fingerprint: Text(fingerprint), Name: Text(name)})
	}
	for _, c := range root.CAs {
		add("ca", c.Fingerprint(), c.Name)
	}
	for _, l := range root.CTLogs {
		add("ctlog", l.Key.Fingerprint(), l.Name)
	}
	for _, t := range root.TSAs {
		add("tsa", t.Fingerprint(), t.Name)
	}
	for i := range list {
		list[i].Source = cmp.Or(root.Source, trust.SourceFile)
		list[i].Path = Text(root.Path)
	}
	return list
}

// AcceptReference says that the image known as Image may carry a signature made
// for the repository Signed. Both are repositories written in full, without tag
// or digest.
type AcceptReference struct{ Image, Signed string }

// Known is what earlier verifications found, as a register keeps it. Only what was
// verified counts.
type Known interface {
	// HighWater returns the highest serial recorded for a seal key in a stream, and
	// the digest of the inventory that had this serial. entry is the number of the
	// entry that records it, 0 if none does.
	HighWater(sealKey, stream string) (serial uint64, inventory string, entry int, err error)
	// Builds returns the builds of an image that were verified under the operator's own
	// name for it, each digest once, in the order in which they were first recorded.
	Builds(reference string) ([]Build, error)
}

// Build is an image that was verified before.
type Build struct {
	Digest string
	Time   time.Time // the earliest trusted time that was recorded of it; zero if none was
	Entry  int       // the first under which it is recorded
}

// withoutNil returns the options with zero values in the place of keys and identities
// that are nil. To drop these would be to drop a demand, such as that of a seal.
func (o Options) withoutNil() Options {
	o.SealKeys = pointers(o.SealKeys)
	o.Demands = o.Demands.withoutNil()
	if o.Policy == nil {
		return o
	}
	p := *o.Policy
	p.Deny.Identities = pointers(p.Deny.Identities)
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		p.Rules[i].Demands = p.Rules[i].Demands.withoutNil()
	}
	o.Policy = &p
	return o
}

func (d Demands) withoutNil() Demands {
	d.Keys, d.Identities = pointers(d.Keys), pointers(d.Identities)
	return d
}

// pointers returns list with a pointer to a zero value in the place of each nil.
func pointers[T any](list []*T) []*T {
	if !slices.Contains(list, nil) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		if list[i] == nil {
			list[i] = new(T)
		}
	}
	return list
}

// Named returns the names that the operator gave to images: those in Images, those
// of the lock, and each pattern of the policy that stands for exactly one name and
// tag. A name that only the bundle gives is never among them.
func (o *Options) Named() []oci.Reference {
	list := slices.Clone(o.Images)
	listed := map[oci.Reference]bool{}
	for _, ref := range list {
		listed[ref] = true
	}
	if o.Lock != nil {
		for _, img := range o.Lock.Images {
			if ref, err := oci.ParseReference(img.Reference); err == nil && !listed[ref] {
				listed[ref] = true
				list = append(list, ref)
			}
		}
	}
	if o.Policy == nil {
		return list
	}
	for i := range o.Policy.Rules {
		if ref, ok := o.Policy.Rules[i].name(); ok {
			list = append(list, ref)
		}
	}
	return list
}

// now returns the verification time: the time as of which to judge.
func (o *Options) now() time.Time {
	if o.At.IsZero() {
		return hostTime()
	}
	return o.At.UTC()
}

// hostTime returns what the host's clock says.
func hostTime() time.Time { return time.Now().UTC().Truncate(time.Second) }

// The sources of the verification time, as reports name them.
const (
	clockHost  = "host"
	clockGiven = "--at"
)

// clock says where at, the verification time, comes from.
func (o *Options) clock(at time.Time) Clock {
	host := o.HostTime
	switch {
	case o.At.IsZero():
		return Clock{Source: clockHost, Host: at}
	case host.IsZero():
		host = hostTime()
	}
	if host.Equal(at) {
		return Clock{Source: clockHost, Host: at}
	}
	return Clock{Source: clockGiven, Host: host}
}

// waivers lists the rules that the options waive, by the names that inventories
// and reports use for them.
func (o *Options) waivers(clock Clock) []string {
	list := []string{}
	if o.IgnoreTlog {
		list = append(list, "--insecure-ignore-tlog")
	}
	for _, a := range o.AcceptReference {
		list = append(list, "--accept-reference "+a.Image+"="+a.Signed)
	}
	list = append(list, o.Demands.waivers()...)
	if clock.Source == clockGiven {
		list = append(list, clockGiven+" "+shortTime(o.At.UTC()))
	}
	return list
}

// waivers lists what demands on every image loosen, by the names that reports use.
func (d *Demands) waivers() (list []string) {
	if d.LogOptional {
		list = append(list, "--log optional")
	}
	for _, v := range d.Vouch {
		switch v.By {
		case check.VouchedByAttestation:
			list = append(list, "--accept-attestation "+v.Name)
		case check.VouchedByPlatformAttestation:
			list = append(list, "--accept-platform-attestation "+v.Name)
		case check.VouchedBySender:
			list = append(list, "--accept-sender")
		}
	}
	for _, p := range d.SignedAs {
		list = append(list, "--signed-as "+p)
	}
	for _, t := range d.PayloadTypes {
		list = append(list, "--accept-payload-type "+t)
	}
	return list
}

// shortTime writes a time as people give it: midnight as the day alone.
func shortTime(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// allSigners returns the demands of the options together with the signers of every
// rule: all who may vouch for some image of the bundle.
func (o *Options) allSigners() *Demands {
	d := o.Demands
	if o.Policy == nil {
		return &d
	}
	d.Keys, d.Fingerprints = slices.Clone(d.Keys), slices.Clone(d.Fingerprints)
	d.Identities, d.Vouch = slices.Clone(d.Identities), slices.Clone(d.Vouch)
	for i := range o.Policy.Rules {
		r := &o.Policy.Rules[i]
		d.Keys = append(d.Keys, r.Keys...)
		d.Fingerprints = append(d.Fingerprints, r.Fingerprints...)
		d.Identities = append(d.Identities, r.Identities...)
		d.Vouch = append(d.Vouch, r.Vouch...)
	}
	return &d
}

// anchors lists what is trusted, for the report.
func (o *Options) anchors() []Anchor {
	list := append([]Anchor{}, o.Demands.anchors("")...)
	seen := map[Anchor]bool{}
	for _, a := range list {
		seen[a] = true
	}
	if p := o.Policy; p != nil {
		for i := range p.Rules {
			for _, a := range p.Rules[i].anchors("policy") {
				if !seen[a] {
					seen[a] = true
					list = append(list, a)
				}
			}
		}
	}
	for _, k := range o.SealKeys {
		list = append(list, keyAnchor("seal", k, "file"))
	}
	list = append(list, o.Roots...)
	for _, d := range o.Domains() {
		for _, l := range d.Logs {
			list = append(list, Anchor{Kind: "log", Fingerprint: Text(l.Key.Fingerprint()), Source: l.Source,
				Path: Text(l.Path), Name: Text(l.Name)})
		}
	}
	return list
}

// anchors lists who may vouch, for the report. source says how each was pinned; if
// it is empty, a default for its kind is used.
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

func keyAnchor(kind string, k *trust.Key, source string) Anchor {
	return Anchor{Kind: kind, Fingerprint: Text(k.Fingerprint()), Source: source,
		Path: Text(k.Path), Name: Text(k.Describe())}
}
