package verify

import (
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

// Container is what [Bundle] reads: something whose metadata has been read, and
// whose content can be hashed once. A [*bundle.Reader] is one. A bundle is not
// verified if its container reports no fault and yet was not read to its end, did
// not find a blob intact, or kept a layer from the tap that was to be unpacked.
type Container interface {
	// Metadata returns the metadata and the limits within which it was read, nil
	// if there is no readable inventory.
	Metadata() *bundle.Contents
	// Identity is the SHA-256 of the index, empty if there is none.
	Identity() oci.Digest
	// Has reports whether a blob is present, whatever its state.
	Has(d oci.Digest) bool
	// Hash hashes the content, and gives the bytes of all blobs to tap. It calls
	// progress with each number of bytes hashed, from several goroutines. Both may
	// be nil. The error is that of ctx, of a writer of tap, or of the operating
	// system.
	Hash(ctx context.Context, tap bundle.Tap, progress func(int64)) error
	// State returns the state in which a blob was found, once Hash has returned.
	State(d oci.Digest) check.State
	// Whole reports whether everything could be read to its end.
	Whole() bool
	// Totals returns how many bytes and blobs have been read.
	Totals() (bytes int64, blobs int)
	// Faults returns what is wrong with the container itself; it is complete once
	// Hash has returned.
	Faults() []*check.Fault
}

// Bundle verifies a bundle that has been opened: it judges the metadata, then has
// the content hashed.
//
// The error is nil for a verified bundle and an [*Error] for a rejected one, and the
// report is complete in both cases. There is no report if the operating system
// refused a read, if a writer of opt.Tap failed, or if ctx ended; the error says
// which.
func Bundle(ctx context.Context, c Container, opt Options) (*Report, error) {
	s := newSession(opt)
	s.ended = func() bool { return ctx.Err() != nil }
	s.found = c
	s.rep.Bundle.Identity = Text(c.Identity())
	if m := c.Metadata(); m != nil {
		s.metadata(m)
	}
	if opt.OnMetadata != nil {
		opt.OnMetadata(s.early(c))
	}
	layers := newLayers(s)
	if err := cmp.Or(c.Hash(ctx, both(layers.tap, opt.Tap), opt.Progress), ctx.Err()); err != nil {
		return nil, err
	}
	layers.judge()
	s.rollback() // as late as possible: another verification may have been recorded meanwhile
	s.rep.Totals.Bytes, s.rep.Totals.Blobs = c.Totals()
	s.rep.Bundle.Size = s.rep.Totals.Bytes
	s.faults(c.Faults())
	s.unread(c)
	s.unproven()
	return s.report()
}

// unread guards against a container that reports no fault, although it was not
// read to its end or a blob was not found to be what its digest says.
func (s *session) unread(c Container) {
	if s.any(check.Fail) || s.c == nil {
		return // which unproven reports
	}
	if !c.Whole() {
		s.fault(bundleWide, check.Fault{ID: check.Internal,
			Detail: "no check failed, and yet the bundle was not read to its end"})
	}
	for _, b := range s.c.Inventory.Blobs {
		if state := c.State(b.Digest); state != check.Intact {
			s.fault(bundleWide, check.Fault{ID: check.Internal, Subject: string(b.Digest),
				Detail:   "no check failed, and yet a blob was not found intact",
				Expected: string(check.Intact), Found: string(state)})
			return
		}
	}
}

// early returns the report as far as it is known before any content is read.
func (s *session) early(c Container) Report {
	e := *s
	e.answers, e.tally = slices.Clone(s.answers), s.tally.clone()
	e.rep.Totals.Bytes, e.rep.Totals.Blobs = c.Totals()
	e.faults(c.Faults())
	return e.finish()
}

// both returns a tap that gives each blob to a and to b; b may be nil.
func both(a, b bundle.Tap) bundle.Tap {
	if b == nil {
		return a
	}
	return func(d oci.Digest, size int64) io.WriteCloser {
		one, other := a(d, size), b(d, size)
		switch {
		case one == nil:
			return other
		case other == nil:
			return one
		}
		return pair{io.MultiWriter(one, other), one, other}
	}
}

type pair struct {
	io.Writer
	one, other io.Closer
}

func (p pair) Close() error { return cmp.Or(p.one.Close(), p.other.Close()) }

// Discard implements [bundle.Discarder] for those of the two that are one.
func (p pair) Discard() error { return cmp.Or(discard(p.one), discard(p.other)) }

func discard(w io.Closer) error {
	if d, ok := w.(bundle.Discarder); ok {
		return d.Discard()
	}
	return w.Close()
}

// Plan judges the metadata of a bundle that is not written yet, by the code of
// [Bundle] and with the same result. The report is never nil; the error is that
// of Bundle.
func Plan(p *bundle.Plan, opt Options) (*Report, error) {
	s := newSession(opt)
	s.rep.Bundle.Identity, s.rep.Bundle.Size = Text(p.Identity()), p.Size
	if p.Inventory == nil {
		s.fault(bundleWide, check.Fault{ID: check.LayoutInventory,
			Detail: "the plan is empty: it was not made by NewPlan"})
		return s.report()
	}
	s.rep.Totals.Bytes, s.rep.Totals.Blobs = p.Size, len(p.Inventory.Blobs)+p.OwnBlobs()
	s.metadata(&p.Contents)
	s.unproven()
	return s.report()
}

// metadata judges everything that needs no layer.
func (s *session) metadata(c *bundle.Contents) {
	s.c, s.limits, s.graph = c, c.Limits.WithDefaults(), c.Walk()
	s.work = bundle.NewEvidenceBudget(s.limits)
	s.faults(s.graph.Faults)
	s.layout()
	s.readKeys()
	s.anchorStrength()
	s.builtInRoot()
	s.rootAge()
	s.sealed()
	for i := range s.graph.Images {
		if s.ended() {
			return // Bundle returns the error of its context, and no report
		}
		s.image(i)
	}
	s.unsignedImages()
	s.demandedImages()
	s.lockedImages()
	s.requiredRules()
	s.transferred()
	s.leftOutInAll()
	s.exportWaivers()
}

// exportWaivers warns of what export was asked to overlook.
func (s *session) exportWaivers() {
	for _, w := range s.c.Inventory.Waivers {
		s.fault(bundleWide, check.Fault{ID: check.PolicyExportWaiver, Warn: true,
			Detail: "export wrote this bundle with a waiver", Found: w})
	}
}

// Judge judges one piece of evidence without a bundle, by the code of [Bundle].
// The evidence must be as package evidence reads it. ref is the name by which the
// image is known; it is compared with the one in a signature of cosign's first
// generation, and may be zero for other forms.
//
// The one image of the report is the subject. An attestation is listed among its
// attestations, not among its signatures; a verdict of verified then says that a
// pinned key or identity attested to the subject, not that it signed the subject.
// Demands on signatures, such as annotations and age, apply to attestations too.
//
// The report is never nil. The error is nil for a verdict of verified and an
// [*Error] otherwise. Demands that only a bundle can meet reject: Images, Platforms,
// OnlyPlatforms, Attestations, more than one of Signers, RequireChildren, SealKeys,
// Policy, Known and Deep.
func Judge(e evidence.Evidence, ref oci.Reference, opt Options) (*Report, error) {
	s := newSession(opt)
	s.judgeKeys()
	s.anchorStrength()
	s.bundleDemands()
	s.rep.Images = []Image{newImage(e.Subject, ref.Name())}
	g := &bundle.ImageGraph{}
	g.Digest = e.Subject
	s.pinnedDigest(0, g, nil, &s.opt.Demands)
	j := s.judge(g, ref, s.demandsOn(ref), e)
	j.subject()
	if e.IsSignature() {
		s.countSignature(0, j)
	} else {
		if e.Statement != nil {
			j.meetDemands(j.statementClaims()) // judge asks this of signatures only
		}
		s.countAttestation(0, j)
	}
	j.settle(0, check.Fail, 0)
	s.judgedAlone(j)
	if !s.any(check.Fail) && !j.info.Counts {
		s.fault(bundleWide, check.Fault{ID: check.Internal,
			Detail: "no check failed, but the evidence does not count"})
	}
	rep := s.conclude()
	return &rep, verdictError(&rep)
}

// judgedAlone says what vouches for the subject of one piece of evidence.
func (s *session) judgedAlone(j *judgement) {
	img := &s.rep.Images[0]
	switch {
	case !j.info.Counts:
	case j.sig.IsSignature():
		img.VouchedBy = check.VouchedBySignature
	default:
		img.VouchedBy = check.VouchedByAttestation
		img.VouchedType = Text(j.sig.Statement.PredicateType)
	}
}

// bundleDemands refuses demands that one piece of evidence cannot meet.
func (s *session) bundleDemands() {
	o := &s.opt
	lists := len(o.Images) + len(o.Platforms) + len(o.OnlyPlatforms) + len(o.Attestations) + len(o.SealKeys)
	if lists > 0 || o.Signers > 1 || o.RequireChildren || o.Deep || o.Policy != nil || o.Known != nil {
		s.fault(bundleWide, check.Fault{ID: check.PolicyNotJudged, Detail: "images, platforms, attestations, " +
			"signers, a seal, layers, a policy or a history were demanded, which one piece of evidence cannot show"})
	}
}

// unproven is the last line of defence: without a failed check, what is said to
// vouch for each image must be there. If it is not, gapseal itself is at fault.
func (s *session) unproven() {
	if s.any(check.Fail) {
		return
	}
	proven := len(s.rep.Images) > 0
	for i := range s.rep.Images {
		proven = proven && s.proven(i)
	}
	if !proven {
		s.fault(bundleWide, check.Fault{ID: check.Internal,
			Detail: "no check failed, and yet nothing that counts vouches for an image"})
	}
}

// proven looks in the report for what vouches for an image.
func (s *session) proven(i int) bool {
	img := &s.rep.Images[i]
	switch img.VouchedBy {
	case check.VouchedBySignature, check.VouchedByAttestation:
		return slices.ContainsFunc(img.Vouching(), func(sig *Signature) bool { return sig.Counts })
	case check.VouchedByPlatformAttestation:
		about := map[string]bool{}
		for _, sig := range img.Vouching() {
			about[sig.Subject] = sig.Good
		}
		g := &s.graph.Images[i]
		return len(about) > 0 && !slices.ContainsFunc(g.Tree, func(n bundle.TreeNode) bool {
			return s.graph.Runs(n) && !about[string(n.Digest)]
		})
	case check.VouchedBySender:
		return s.rep.Seal != nil && s.demand[i].accepts(check.VouchedBySender)
	}
	return false
}

// report is the result of verifying a bundle.
func (s *session) report() (*Report, error) {
	rep := s.finish()
	s.blobs(&rep)
	return &rep, verdictError(&rep)
}

func verdictError(rep *Report) error {
	if rep.Verdict == check.Verified {
		return nil
	}
	return &Error{rep}
}

// finish turns the answers about a bundle into a report. A pass is added for each
// check of the file and its documents that found nothing, and a skip where an
// earlier failure kept it from being asked.
func (s *session) finish() Report {
	s.passes(scoped(check.OfFile), s.found.Whole(), "not reached: the file cannot be read to its end")
	s.passes(scoped(check.OfDocuments), s.c != nil, "not reached: the inventory cannot be read")
	s.budgets()
	return s.conclude()
}

// scoped lists the checks of a scope.
func scoped(scope check.Scope) (ids []check.ID) {
	for _, q := range check.Table {
		if q.Scope == scope {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

// conclude turns the answers into a report as they are.
func (s *session) conclude() Report {
	for _, w := range s.rep.Waivers {
		s.fault(bundleWide, check.Fault{ID: check.PolicyWaiver, Detail: "a rule was waived: " + w, Warn: true})
	}
	s.others()
	if s.opt.Strict {
		s.strict()
	}
	rep := s.rep
	rep.Images = append([]Image{}, s.rep.Images...)
	failed := s.tally.failed
	answers := s.byCause()
	rep.Checks = slices.Grow(rep.Checks, len(answers))
	for _, a := range answers {
		rep.Checks = append(rep.Checks, a.Check)
		if a.Status == check.Fail {
			rep.Failures = append(rep.Failures, a.Check)
		}
	}
	rep.Verdict = verdictOf(len(failed) > 0)
	for i := range rep.Images {
		rep.Images[i].Verdict = verdictOf(failed[i] || failed[bundleWide])
	}
	s.totals(&rep)
	return rep
}

func verdictOf(failed bool) check.Verdict {
	if failed {
		return check.Rejected
	}
	return check.Verified
}

// totals divides the bytes into those that a signature that counts vouches for,
// and those that were only carried.
func (s *session) totals(rep *Report) {
	rep.Totals.UnjudgedBytes = rep.Totals.Bytes
	if rep.Verdict == check.Verified && s.graph != nil {
		rep.Totals.UnjudgedBytes = min(s.unjudgedBytes(), rep.Totals.Bytes)
	}
	rep.Totals.JudgedBytes = rep.Totals.Bytes - rep.Totals.UnjudgedBytes
}
