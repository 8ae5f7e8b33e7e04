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
	emptyConfig := `"config":{"mediaType":"` + oci.TypeEmpty + `","size":1,"digest":"` + string(oci.EmptyDigest) + `"},`
	for name, c := range map[string]struct {
		manifest string
		id       check.ID
		says     string
	}{
		"good":    {plain, "", ""},
		"subject": {with(`"subject":` + descriptor(subject, "")), "", ""},
		"artifact type": {with(`"artifactType":"application/vnd.dev.cosign.artifact.sig.v1+json"`),
			"", ""},
		"another artifact type":        {with(`"artifactType":"application/x"`), "", ""},
		"unknown name":                 {with(`"note":"x"`), "", ""},
		"annotations":                  {with(`"annotations":{"a":"b"}`), "", ""},
		"subject with annotations":     {with(`"subject":` + descriptor(subject, `,"annotations":{"a":"b"}`)), "", ""},
		"no config":                    {strings.Replace(plain, emptyConfig, "", 1), "", ""},
		"config null":                  {strings.Replace(plain, emptyConfig, `"config":null,`, 1), "", ""},
		"config with a platform":       {swap(`"size":1,`, `"size":1,"platform":{"os":"x","architecture":"y"},`), "", ""},
		"config of another type":       {swap(oci.TypeEmpty, "application/x"), "", ""},
		"config of no type":            {swap(oci.TypeEmpty, ""), "", ""},
		"white space before":           {" " + plain, "", ""},
		"white space after":            {plain + "\n", "", ""},
		"white space inside":           {strings.ReplaceAll(strings.ReplaceAll(plain, `,"`, `, "`), `":`, `": `), "", ""},
		"a letter escaped":             {strings.Replace(plain, "c2lnbmVk", `c2lnbmV\u006b`, 1), "", ""},
		"a name escaped":               {strings.Replace(plain, `"size"`, `"siz\u0065"`, 1), "", ""},
		"a slash escaped":              {strings.Replace(plain, "application/vnd.dev", `application\/vnd.dev`, 1), "", ""},
		"layer with a platform":        {swap(`"size":15`, `"size":15,"platform":{"os":"x","architecture":"y"}`), "", ""},
		"layer with an unknown member": {swap(`"size":15`, `"size":15,"x":1`), "", ""},
		"unknown annotation":           {swap(`"annotations":{`, `"annotations":{"a":"b",`), "", ""},
		"annotation of SUSE":           {swap(`"annotations":{`, `"annotations":{"predicateType":"b",`), "", ""},
		"base64 with a line break":     {swap("c2lnbmVk", `c2ln\nbmVk\r\n`), "", ""},
		"no JSON":                      {"x", check.SignatureEncoding, "manifest"},
		"empty":                        {"", check.SignatureEncoding, "manifest"},
		"trailing data":                {plain + "{}", check.SignatureEncoding, "after the end"},
		"duplicate name":               {with(`"layers":[]`), check.SignatureEncoding, "duplicate"},
		"case variant":                 {with(`"Layers":[]`), check.SignatureEncoding, "case variant"},
		"invalid UTF-8":                {with("\"x\":\"\xff\""), check.SignatureEncoding, "UTF-8"},
		"UTF-16":                       {"\xff\xfe{\x00}\x00", check.SignatureEncoding, "UTF-16"},
		"another subject": {with(`"subject":` + descriptor(payloadDigest, "")), check.SignatureClaims,
			"another subject"},
		"layer of another type": {swap("simplesigning.v1", "simplesigning.v2"), check.SignatureEncoding,
			"media type"},
		"annotation in another case": {swap(`"annotations":{`, `"annotations":{"Dev.sigstore.cosign/bundle":"b",`),
			check.SignatureEncoding, "case variant"},
		"signature annotation missing": {swap(`"dev.cosignproject.cosign/signature":"c2lnbmVk"`, ``),
			check.SignatureEncoding, "missing or empty"},
		"signature annotation empty":   {swap("c2lnbmVk", ""), check.SignatureEncoding, "missing or empty"},
		"signature annotation no text": {swap(`"c2lnbmVk"`, "7"), check.SignatureEncoding, "manifest"},
		"signature twice": {swap(`"annotations":{`,
			`"annotations":{"dev.cosignproject.cosign/signature":"",`), check.SignatureEncoding, "duplicate"},
		"base64 with white space":    {swap("c2lnbmVk", "c2ln bmVk"), check.SignatureEncoding, "base64"},
		"base64 with loose bits":     {swap("c2lnbmVk", "c2lnbmV="), check.SignatureEncoding, "base64"},
		"base64 of two alphabets":    {swap("c2lnbmVk", "_-/+"), check.SignatureEncoding, "base64"},
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

// TestConfigs reads a signature with the config of each tool. Nothing in a config
// is read, but it must be a config.
func TestConfigs(t *testing.T) {
	cosign := configText(goodConfig)
	for name, c := range map[string]struct {
		config string
		ok     bool
	}{
		"cosign":             {cosign, true},
		"sigstore-rs":        {"{}", true},
		"nothing":            {"", true},
		"containers/image":   {strings.Replace(cosign, `"os":""`, `"os":"linux","author":"a"`, 1), true},
		"of another payload": {strings.Replace(cosign, string(payloadDigest), "sha256:00", 1), true},
		"white space":        {"{ \n\"architecture\": \"\" }\n", true},
		"no JSON":            {"x", false},
		"a list":             {"[]", false},
		"null":               {"null", false},
		"a name twice":       {`{"a":1,"a":1}`, false},
		"data after the end": {"{}\x7fELF", false},
		"invalid UTF-8":      {"{\"a\":\"\xff\"}", false},
	} {
		manifest := strings.Replace(manifestJSON(c.config, layerJSON("")), oci.TypeEmpty, oci.TypeConfig, 1)
		id, _ := problem(t, read(manifest, c.config))
		if want := map[bool]check.ID{true: "", false: check.SignatureEncoding}[c.ok]; id != want {
			t.Errorf("%s: %s, want %q", name, id, want)
		}
	}
}

func TestHostileTextIsClipped(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	for _, m := range []string{
		manifestJSON("{}", layerJSON(`,"DEV.sigstore.cosign/bundle":"`+long+`","dev.sigstore.cosign/certificate":"`+
			long+`"`))[:2] + "x",
		strings.Replace(manifestJSON("{}", layerJSON("")), "simplesigning.v1", long, 1),
	} {
		if id, detail := problem(t, read(m, "")); id != check.SignatureEncoding || len(detail) > 1000 {
			t.Errorf("%s of %d bytes", id, len(detail))
		}
	}
}
