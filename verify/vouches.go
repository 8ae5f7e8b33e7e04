package verify

import (
	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/evidence"
)

// Vouches returns the function for [bundle.Request] that reports whether a piece of
// evidence verifies under opt, by the code of [Judge]. It is not safe for concurrent
// use.
func Vouches(opt Options) func(oci.Reference, bundle.Evidence, map[oci.Digest][]byte) bool {
	s := newSession(opt)
	s.judgeKeys()
	return func(ref oci.Reference, ev bundle.Evidence, meta map[oci.Digest][]byte) bool {
		s.c = &bundle.Contents{Meta: meta}
		g := &bundle.ImageGraph{}
		g.Digest = ev.Subject
		for _, e := range evidence.Read(ev.Kind, ev.Digest, ev.Subject, s.blob) {
			s.failedTries = 0 // how much is tried for others must not matter
			if s.judge(g, ref, s.demandsOn(ref), e).good() {
				return true
			}
		}
		return false
	}
}
