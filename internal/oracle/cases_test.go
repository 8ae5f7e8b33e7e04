package oracle

import (
	"strings"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
)

// testCase is a sample with at most one change.
type testCase struct {
	*sample
	class string // of the field that was changed; see classes
	what  string // the field and the change; empty for a sample as it is
}

// kind returns the kind of the change, without its place: "bit" for any changed
// bit.
func (c *testCase) kind() string {
	_, kind, _ := strings.Cut(c.what, ": ")
	if strings.HasPrefix(kind, "bit of ") {
		return "bit"
	}
	return kind
}

func (c *testCase) String() string { return c.name + " " + c.what }

// bundleCases returns cases with one change in the Sigstore bundle.
func bundleCases(s *sample, stride int) (list []*testCase) {
	for _, m := range mutations(s.bundle, stride) {
		changed := *s
		changed.bundle = m.JSON
		list = append(list, newCase(&changed, m.Path, m))
	}
	return list
}

// rootCases returns cases with one change in the trusted root.
func rootCases(s *sample, stride int) (list []*testCase) {
	for _, m := range mutations(s.root, stride) {
		changed := *s
		changed.root = m.JSON
		list = append(list, newCase(&changed, "root:"+m.Path, m))
	}
	return list
}

func newCase(s *sample, path string, m fixture.Mutation) *testCase {
	return &testCase{s, classOf(path), path + ": " + m.Kind}
}

// anchorCases returns cases with one change in the key, the identity or the
// artifact.
func anchorCases(s *sample) (list []*testCase) {
	add := func(class string, value []byte, change func(c *sample, v []byte)) {
		for kind, v := range changes(value, 1) {
			changed := *s
			change(&changed, v)
			list = append(list, &testCase{&changed, class, class + ": " + kind})
		}
	}
	if s.artifact != nil {
		add("artifact", s.artifact, func(c *sample, v []byte) { c.artifact, c.subject = v, oci.FromBytes(v) })
	}
	if s.identity == nil {
		add("key file", s.key, func(c *sample, v []byte) { c.key = v })
		return list
	}
	add("identity", []byte(s.identity.SAN), func(c *sample, v []byte) {
		c.identity = &cert.Policy{SAN: string(v), Issuer: s.identity.Issuer}
	})
	add("identity", []byte(s.identity.Issuer), func(c *sample, v []byte) {
		c.identity = &cert.Policy{SAN: s.identity.SAN, Issuer: string(v)}
	})
	return list
}

// classes groups the fields of a Sigstore bundle and of a trusted root. The class
// of a field is the first whose path is contained in the path of the field.
var classes = []struct{ path, class string }{
	{"root:/tlogs", "root: logs"},
	{"root:/ctlogs", "root: certificate logs"},
	{"root:/certificateAuthorities", "root: certificate authorities"},
	{"root:/timestampAuthorities", "root: timestamp authorities"},
	{"root:", "root: file"},
	{"/canonicalizedBody >", "entry body"},
	{"/canonicalizedBody", "log entry"},
	{"/inclusionProof/checkpoint", "checkpoint"},
	{"/inclusionProof", "inclusion proof"},
	{"/inclusionPromise", "signed entry timestamp"},
	{"/tlogEntries", "log entry"},
	{"/timestampVerificationData", "timestamp"},
	{"/certificate", "certificate"},
	{"/x509CertificateChain", "certificate"},
	{"/publicKey", "key hint"},
	{"/payload >", "statement"},
	{"/dsseEnvelope", "envelope"},
	{"/messageSignature", "message signature"},
	{"", "Sigstore bundle"},
}

func classOf(path string) string {
	for _, c := range classes {
		if strings.Contains(path, c.path) {
			return c.class
		}
	}
	panic("the last class matches every path")
}
