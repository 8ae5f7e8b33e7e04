package evidence_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

const payload = `{"critical":{}}`

var (
	subject       = oci.FromBytes([]byte("subject"))
	payloadDigest = oci.FromBytes([]byte(payload))
)

// layerJSON returns a signature's layer as cosign writes it. The annotations
// follow the signature.
func layerJSON(annotations string) string {
	return `{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":15,"digest":"` +
		string(payloadDigest) +
		`","annotations":{"dev.cosignproject.cosign/signature":"c2lnbmVk"` + annotations + `}}`
}

const goodConfig = `{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"}],"os":"","rootfs":{"type":"layers","diff_ids":["DIFF"]},"config":{}}`

func configText(s string) string { return strings.ReplaceAll(s, "DIFF", string(payloadDigest)) }

// manifestJSON returns a signature's manifest with that config; {} is the empty
// config.
func manifestJSON(config string, layers ...string) string {
	mediaType := oci.TypeConfig
	if config == "{}" {
		mediaType = oci.TypeEmpty
	}
	return `{"schemaVersion":2,"mediaType":"` + oci.TypeManifest + `","config":{"mediaType":"` + mediaType +
		`","size":1,"digest":"` + string(oci.FromBytes([]byte(config))) + `"},"layers":[` + strings.Join(layers,
		",") + `]}`
}

// read reads a manifest whose config and payload are present.
func read(manifest, config string) []evidence.Evidence {
	blobs := map[oci.Digest][]byte{payloadDigest: []byte(payload), oci.EmptyDigest: []byte("{}")}
	if config != "" {
		blobs[oci.FromBytes([]byte(config))] = []byte(config)
	}
	d := oci.FromBytes([]byte(manifest))
	blobs[d] = []byte(manifest)
	return evidence.ReadCosign(d, subject, func(d oci.Digest) []byte { return blobs[d] })
}

// problem returns the id and the detail of the only problem, or empty strings if
// there is none.
func problem(t *testing.T, sigs []evidence.Evidence) (check.ID, string) {
	t.Helper()
	if len(sigs) != 1 {
		t.Fatalf("%d signatures, want 1", len(sigs))
	}
	switch p := sigs[0].Problems; len(p) {
	case 0:
		return "", ""
	case 1:
		return p[0].ID, p[0].Detail
	default:
		t.Fatalf("%d problems, want at most one: %v, %v", len(p), p[0], p[1])
		return "", ""
	}
}

func TestReadsWhatCosignWrites(t *testing.T) {
	config := configText(goodConfig)
	sigs := read(manifestJSON(config, layerJSON("")), config)
	if id, detail := problem(t, sigs); id != "" {
		t.Fatalf("%s: %s", id, detail)
	}
	s := sigs[0]
	if string(s.Payload) != payload || string(s.Signature) != "signed" || s.Rekor != nil || s.Cert != nil {
		t.Errorf("read %+v", s)
	}
	if s.Form != check.FormSimpleSigning || s.Subject != subject || s.ID() != string(s.Manifest) {
		t.Errorf("form %s, subject %s, id %s", s.Form, s.Subject, s.ID())
	}
}

func TestEachLayerIsASignature(t *testing.T) {
	config := configText(strings.Replace(goodConfig, `"DIFF"`, `"DIFF","DIFF"`, 1))
	sigs := read(manifestJSON(config, layerJSON(""), layerJSON("")), config)
	if len(sigs) != 2 || sigs[0].ID()+"#1" != sigs[1].ID() || len(sigs[1].Problems) != 0 {
		t.Errorf("read %+v", sigs)
	}
	if none := read(manifestJSON("{}"), ""); len(none) != 0 {
		t.Errorf("a manifest without layers has %d signatures", len(none))
	}
}

func TestMissingPayload(t *testing.T) {
	m := []byte(manifestJSON("{}", layerJSON("")))
	sigs := evidence.ReadCosign(oci.FromBytes(m), subject, func(d oci.Digest) []byte {
		if d == oci.FromBytes(m) {
			return m
		}
		return nil
	})
	if len(sigs) != 1 || sigs[0].Payload != nil || sigs[0].Signature == nil {
		t.Errorf("read %+v", sigs)
	}
}

func TestManifestProblems(t *testing.T) {
	plain := manifestJSON("{}", layerJSON(""))
	swap := func(from, to string) string {
		if !strings.Contains(plain, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(plain, from, to, 1)
	}
	with := func(member string) string { return swap(`"schemaVersion":2`, `"schemaVersion":2,`+member) }
	descriptor := func(d oci.Digest, more string) string {
		return `{"mediaType":"` + oci.TypeManifest + `","size":1,"digest":"` + string(d) + `"` + more + `}`
	}
	fat := string(oci.FromBytes([]byte("fat")))
	for name, c := range map[string]struct {
		manifest string
		id       check.ID
		says     string
	}{
		"good":    {plain, "", ""},
		"subject": {with(`"subject":` + descriptor(subject, "")), "", ""},
		"artifact type": {with(`"artifactType":"application/vnd.dev.cosign.artifact.sig.v1+json"`),
			"", ""},
		"no JSON":        {"x", check.SignatureEncoding, "manifest"},
		"empty":          {"", check.SignatureEncoding, "manifest"},
		"trailing data":  {plain + "{}", check.SignatureEncoding, "after the end"},
		"duplicate name": {with(`"schemaVersion":2`), check.SignatureEncoding, "duplicate"},
		"case variant":   {with(`"Layers":[]`), check.SignatureEncoding, "case variant"},
		"unknown name":   {with(`"note":"covert"`), check.SignatureEncoding, "note"},
		"annotations":    {with(`"annotations":{"a":"b"}`), check.SignatureEncoding, "annotations"},
		"another artifact type": {with(`"artifactType":"application/x"`), check.SignatureEncoding,
			"artifactType"},
		"another subject": {with(`"subject":` + descriptor(payloadDigest, "")), check.SignatureClaims,
			"another subject"},
		"subject with annotations": {with(`"subject":` + descriptor(subject, `,"annotations":{"a":"b"}`)),
			check.SignatureEncoding, "subject"},
		"no config": {strings.Replace(plain,
			`"config":{"mediaType":"`+oci.TypeEmpty+`","size":1,"digest":"`+string(oci.EmptyDigest)+`"},`, "", 1), check.SignatureEncoding, "no config"},
		"config null": {strings.Replace(plain,
			`"config":{"mediaType":"`+oci.TypeEmpty+`","size":1,"digest":"`+string(oci.EmptyDigest)+`"},`, `"config":null,`, 1), check.SignatureEncoding, "no config"},
		"config with a platform": {swap(`"size":1,`, `"size":1,"platform":{"os":"x","architecture":"y"},`),
			check.SignatureEncoding, "config"},
		"config with URLs": {swap(`"size":1,`, `"size":1,"urls":["https://example.com"],`),
			check.SignatureEncoding, "config"},
		"config with inline data": {swap(`"size":1,`, `"size":1,"data":"e30=",`), check.SignatureEncoding,
			"config"},
		"config with an artifact type": {swap(`"size":1,`, `"size":1,"artifactType":"x",`), check.SignatureEncoding,
			"config"},
		"empty type, not empty":  {swap(string(oci.EmptyDigest), fat), check.SignatureEncoding, "not empty"},
		"config of another type": {swap(oci.TypeEmpty, "application/x"), check.SignatureEncoding, "media type"},
		"config of no type":      {swap(oci.TypeEmpty, ""), check.SignatureEncoding, "media type"},
		"white space before":     {" " + plain, check.SignatureEncoding, "white space"},
		"white space after":      {plain + "\n", check.SignatureEncoding, "white space"},
		"white space inside": {strings.Replace(plain, `,"size"`, `, "size"`, 1), check.SignatureEncoding,
			"white space"},
		"a letter escaped": {strings.Replace(plain, "c2lnbmVk", `c2lnbmV\u006b`, 1),
			check.SignatureEncoding, "unnecessary escapes"},
		"a name escaped": {strings.Replace(plain, `"size"`, `"siz\u0065"`, 1), check.SignatureEncoding,
			"unnecessary escapes"},
		"a slash escaped": {strings.Replace(plain, "application/vnd.dev", `application\/vnd.dev`, 1),
			check.SignatureEncoding, "unnecessary escapes"},
		"layer of another type": {swap("simplesigning.v1", "simplesigning.v2"), check.SignatureEncoding,
			"media type"},
		"layer with a platform": {swap(`"size":15`, `"size":15,"platform":{"os":"x","architecture":"y"}`),
			check.SignatureEncoding, "layer carries more"},
		"layer with inline data": {swap(`"size":15`, `"size":15,"data":""`), check.SignatureEncoding,
			"layer carries more"},
		"layer with an unknown member": {swap(`"size":15`, `"size":15,"x":1`), check.SignatureEncoding, "unknown"},
		"unknown annotation": {swap(`"annotations":{`, `"annotations":{"a":"b",`), check.SignatureEncoding,
			`"a"`},
		"annotation in another case": {swap(`"annotations":{`, `"annotations":{"Dev.sigstore.cosign/bundle":"b",`),
			check.SignatureEncoding, "Dev"},
		"signature annotation missing": {swap(`"dev.cosignproject.cosign/signature":"c2lnbmVk"`, ``),
			check.SignatureEncoding, "missing or empty"},
		"signature annotation empty":   {swap("c2lnbmVk", ""), check.SignatureEncoding, "missing or empty"},
		"signature annotation no text": {swap(`"c2lnbmVk"`, "7"), check.SignatureEncoding, "manifest"},
		"signature twice": {swap(`"annotations":{`,
			`"annotations":{"dev.cosignproject.cosign/signature":"",`), check.SignatureEncoding, "duplicate"},
		"base64 with white space":    {swap("c2lnbmVk", "c2ln bmVk"), check.SignatureEncoding, "base64"},
		"base64 with a line break":   {swap("c2lnbmVk", `c2ln\nbmVk`), check.SignatureEncoding, "base64"},
		"base64 without padding":     {swap("c2lnbmVk", "c2lnbmU"), check.SignatureEncoding, "base64"},
		"base64 with loose bits":     {swap("c2lnbmVk", "c2lnbmV="), check.SignatureEncoding, "base64"},
		"base64 of the URL alphabet": {swap("c2lnbmVk", "_-_-"), check.SignatureEncoding, "base64"},
		"hexadecimal in place of it": {swap("c2lnbmVk", "0xyz!"), check.SignatureEncoding, "base64"},
		"nested beyond what is allowed": {with(`"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)),
			check.SignatureEncoding, "nests"},
	} {
		sigs := read(c.manifest, "")
		if id, detail := problem(t, sigs); id != c.id || !strings.Contains(detail, c.says) {
			t.Errorf("%s: %s %q, want %s and %q", name, id, detail, c.id, c.says)
		}
	}
}

func TestConfigProblems(t *testing.T) {
	swap := func(from, to string) string {
		s := configText(goodConfig)
		if from = configText(from); !strings.Contains(s, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(s, from, configText(to), 1)
	}
	for name, c := range map[string]struct{ config, says string }{
		"good":                      {configText(goodConfig), ""},
		"no times":                  {swap(`"created":"0001-01-01T00:00:00Z","history"`, `"history"`), ""},
		"a time with fraction":      {swap("0001-01-01T00:00:00Z", "2026-11-23T12:00:00.123456789Z"), ""},
		"no history":                {swap(`[{"created":"0001-01-01T00:00:00Z"}]`, "[]"), ""},
		"no JSON":                   {"x", "config"},
		"text in place of the time": {swap("0001-01-01T00:00:00Z", "covert"), "holds more than"},
		"text after the time":       {swap("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z covert"), "holds more than"},
		"text in the history": {swap(`{"created":"0001-01-01T00:00:00Z"}`, `{"created":"covert"}`),
			"holds more than"},
		"a comment in the history": {swap(`{"created":"0001-01-01T00:00:00Z"}`, `{"comment":"covert"}`), "comment"},
		"an architecture":          {swap(`"architecture":""`, `"architecture":"covert"`), "holds more than"},
		"an operating system":      {swap(`"os":""`, `"os":"linux"`), "holds more than"},
		"labels":                   {swap(`"config":{}`, `"config":{"Labels":{"a":"b"}}`), "Labels"},
		"an author":                {swap(`"os":""`, `"os":"","author":"covert"`), "author"},
		"another rootfs type":      {swap(`"type":"layers"`, `"type":"covert"`), "holds more than"},
		"another payload":          {swap(`"DIFF"`, `"sha256:00"`), "does not match its layers"},
		"no payload":               {swap(`"DIFF"`, ``), "does not match its layers"},
		"one payload more":         {swap(`"DIFF"`, `"DIFF","DIFF"`), "does not match its layers"},
		"more history than payloads": {swap(`[{"created":"0001-01-01T00:00:00Z"}]`, "[{},{}]"),
			"does not match its layers"},
	} {
		sigs := read(manifestJSON(c.config, layerJSON("")), c.config)
		id, detail := problem(t, sigs)
		if want := c.says != ""; (id == check.SignatureEncoding) != want || (id == "") == want ||
			!strings.Contains(detail, c.says) {
			t.Errorf("%s: %s %q, want %q", name, id, detail, c.says)
		}
	}
}

// The empty object is not the config of a signature, unless its type says that it
// is empty.
func TestEmptyImageConfig(t *testing.T) {
	sigs := read(strings.Replace(manifestJSON("{}", layerJSON("")), oci.TypeEmpty, oci.TypeConfig, 1), "")
	if len(sigs) != 1 || len(sigs[0].Problems) != 2 || sigs[0].Problems[0].ID != check.SignatureEncoding {
		t.Errorf("problems %v", sigs[0].Problems)
	}
}

func TestHostileTextIsClipped(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	for _, m := range []string{
		manifestJSON("{}", layerJSON(`,"`+long+`":"y"`)),
		strings.Replace(manifestJSON("{}", layerJSON("")), `"schemaVersion":2`,
			`"schemaVersion":2,"artifactType":"`+long+`"`, 1),
	} {
		if id, detail := problem(t, read(m, "")); id != check.SignatureEncoding || len(detail) > 1000 {
			t.Errorf("%s of %d bytes", id, len(detail))
		}
	}
}
