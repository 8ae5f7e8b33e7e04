package report

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

var (
	htmlTag  = regexp.MustCompile(`<(/?[a-zA-Z!][a-zA-Z0-9]*)([^>]*)>`)
	htmlAttr = regexp.MustCompile(`([a-zA-Z-]+)(?:="([^"]*)")?`)
)

// htmlElements are the elements that a page may have.
var htmlElements = strings.Fields("!DOCTYPE html head meta title style body header nav main footer section article h1 h2 h3 p ul li a table thead tbody tr th td div span code details summary svg circle path")

// selfContained checks that a page loads nothing and runs nothing: its elements
// and attributes are those of the templates, and its links stay in the page.
func selfContained(t *testing.T, page string) {
	t.Helper()
	if !strings.Contains(page, `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`) {
		t.Error("the page allows browsers to load things")
	}
	allowed := strings.Fields("html lang charset http-equiv content name id class href scope data-label open aria-label aria-hidden viewBox cx cy r d")
	var ids, links []string
	for _, tag := range htmlTag.FindAllStringSubmatch(page, -1) {
		if name := strings.TrimPrefix(tag[1], "/"); !slices.Contains(htmlElements, name) {
			t.Errorf("there is an element %s", tag[0])
		}
		for _, a := range htmlAttr.FindAllStringSubmatch(tag[2], -1) {
			switch a[1] {
			case "id":
				ids = append(ids, a[2])
			case "href":
				links = append(links, a[2])
			}
			if !slices.Contains(allowed, a[1]) {
				t.Errorf("%s has the attribute %s", tag[0], a[1])
			}
		}
	}
	for _, l := range links {
		if !strings.HasPrefix(l, "#") || !slices.Contains(ids, l[1:]) {
			t.Errorf("a link leads to %q", l)
		}
	}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			t.Errorf("two elements have the id %s", id)
		}
	}
	style, _, _ := strings.Cut(page[strings.Index(page, "<style>"):], "</style>")
	for _, bad := range []string{"url(", "@import", "src:", "image-set", "http"} {
		if strings.Contains(style, bad) {
			t.Errorf("the style has %s", bad)
		}
	}
}

func TestHTMLIsSelfContained(t *testing.T) {
	for _, images := range [][]string{{"app:v1", "multi:v1", "bundle:v1"}, {"wrongkey:v1"}, {"unsigned:v1"}} {
		selfContained(t, written(t, "html", sample(t, images...)))
	}
	selfContained(t, written(t, "html", &verify.Report{Verdict: check.Rejected}))
}

// The verdict and its reasons come first, then the images, and so on.
func TestHTMLOrder(t *testing.T) {
	rep := sample(t, "wrongkey:v1")
	rep.Waivers = []string{"--insecure-ignore-tlog"}
	rep.Transfer, rep.Policy, rep.Seal = &verify.Transfer{ID: "T-1"}, &verify.PolicyID{Name: "lab"}, &verify.Seal{Stream: "prod", Serial: 7}
	rep.Lock = &verify.LockID{Path: "app.lock.json", Digest: "sha256:5"}
	page := written(t, "html", rep)
	at := 0
	for _, want := range []string{
		"<h2>", "REJECTED</h2>", "First cause: trust.key.", "--insecure-ignore-tlog", "FAILED</span> <code>trust.key</code>", "Expected", "-----BEGIN PUBLIC KEY-----</code>", "Found", "To do",
		`<section id="images">`, `<section id="evidence">`, `<section id="checks">`, ">Failed: 1<", ">Passed: ", `<section id="blobs">`, `<section id="bundle">`,
		`<section id="transfer">`, "T-1", "not recorded", `<section id="policy">`, "lab", `<section id="lock">`, "app.lock.json", "sha256:5", `<section id="seal">`, "prod", `<section id="anchors">`, "the file cosign.pub",
		`<section id="run">`, "gapseal v0.1.0", "sha256:9f86d081", "gapseal verify /media/usb/app.tar --key cosign.pub",
	} {
		i := strings.Index(page[at:], want)
		if i < 0 {
			t.Fatalf("%q does not follow the previous one in\n%s", want, page)
		}
		at += i
	}
}

// Each image appears with who signed it, when the signature was logged, and what
// was attested.
func TestHTMLImages(t *testing.T) {
	rep := sample(t, "app:v1", "bundle:v1")
	stamped := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	s := &rep.Images[1].Signatures[0]
	s.Identity, s.Issuer, s.CA, s.TrustedTime, s.TimeSource, s.TSA = "dev@example.com", "https://issuer.example", "CN=ca", &stamped, "tsa", "CN=tsa"
	contains(t, written(t, "html", rep), "by sha256:eeba37a0ca9148d23c7e689552d4e8ca6109f974e7df3e3e80ad1d53f1583bc7", "a key: ECDSA P-256, pinned by cosign.pub",
		"logged 2026-11-23T08:48:56Z, entry 29 (hashedrekord/0.0.1) of the log", "https://slsa.dev/provenance/v1", "linux/amd64",
		"by dev@example.com", "vouched for by https://issuer.example", "certified by CN=ca", "stamped 2026-11-23T08:00:00Z by CN=tsa")
}

// Long tables are folded, short ones are not, and a long list of failures is cut.
func TestHTMLOfALargeBundle(t *testing.T) {
	page := written(t, "html", large(t))
	folded := regexp.MustCompile(`<details>\n<summary><h3>([^<]*)</h3></summary>`)
	var got []string
	for _, m := range folded.FindAllStringSubmatch(page, -1) {
		got = append(got, m[1])
	}
	if len(got) != 4 || got[0] != "All evidence" || !strings.HasPrefix(got[1], "Warnings: ") || !strings.HasPrefix(got[2], "Passed: ") || got[3] != "All 5000 blobs" {
		t.Errorf("folded: %q", got)
	}
	if strings.Contains(page, "<details id=\"image-1\" open>") || strings.Count(page, "<details id=\"image-") != 200 {
		t.Error("the images are not folded")
	}
	var list []verify.Check
	for i := range 45 {
		list = append(list, verify.Check{ID: check.BlobDigest, Detail: "damaged", Subject: verify.Text(digestOf(i))})
	}
	page = written(t, "html", rejected(list...))
	contains(t, page, "And 25 more failed; ", ">Failed: 45<")
	if n := strings.Count(page, `<article class="finding fail">`); n != maxFailures {
		t.Errorf("%d failures are shown in full, want %d", n, maxFailures)
	}
}

// The page can be read aloud: every column and every row of facts has a label.
func TestHTMLSemantics(t *testing.T) {
	page := written(t, "html", sample(t, "app:v1", "wrongkey:v1"))
	for _, tag := range htmlTag.FindAllString(page, -1) {
		if strings.HasPrefix(tag, "<th") && !strings.HasPrefix(tag, "<thead") && !strings.Contains(tag, "scope=") {
			t.Errorf("%s has no scope", tag)
		}
		if strings.HasPrefix(tag, "<svg") && !strings.Contains(tag, `aria-hidden="true"`) {
			t.Errorf("%s is read out", tag)
		}
	}
	for _, one := range []string{`<html lang="en">`, "<main>", "<header>", "<footer>", "<h1>", `<nav aria-label="`, "<title>REJECTED: "} {
		if strings.Count(page, one) != 1 {
			t.Errorf("there are %d of %s", strings.Count(page, one), one)
		}
	}
}

// contrasts are the pairs of colours that the page uses, text before background.
var contrasts = [][2]string{
	{"ink", "paper"}, {"ink", "good-paper"}, {"ink", "bad-paper"}, {"ink", "warn-paper"}, {"muted", "paper"}, {"muted", "warn-paper"}, {"muted", "good-paper"}, {"muted", "bad-paper"},
	{"link", "paper"}, {"link", "bad-paper"}, {"link", "good-paper"}, {"good", "paper"}, {"good", "good-paper"}, {"bad", "paper"}, {"bad", "bad-paper"}, {"warn", "paper"}, {"warn", "warn-paper"},
}

// Every pair has a contrast (WCAG 2) of at least 4.5, and there are no colours
// outside the palette.
func TestHTMLContrast(t *testing.T) {
	style, err := os.ReadFile("html/style.css")
	if err != nil {
		t.Fatal(err)
	}
	palette := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(string(style), -1) {
		palette[m[1]] = luminance(t, m[2])
	}
	for _, pair := range contrasts {
		a, oka := palette[pair[0]]
		b, okb := palette[pair[1]]
		if ratio := (math.Max(a, b) + .05) / (math.Min(a, b) + .05); !oka || !okb || ratio < 4.5 {
			t.Errorf("%s on %s: %.2f, want 4.5", pair[0], pair[1], ratio)
		}
	}
	if n := strings.Count(string(style), "#") - strings.Count(string(style), "#verdict"); n != len(palette) {
		t.Errorf("%d colours are written out, and the palette has %d", n, len(palette))
	}
	for _, m := range regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(string(style), -1) {
		if _, ok := palette[m[1]]; !ok {
			t.Errorf("the palette has no %s", m[1])
		}
	}
}

// luminance returns the relative luminance of an sRGB colour, as WCAG 2 defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, weight := range []float64{.0722, .7152, .2126} {
		c := float64(n>>(8*i)&0xff) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestRootAge(t *testing.T) {
	newest := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	rep := &verify.Report{VerifiedAt: newest.AddDate(0, 0, 30), Anchors: []verify.Anchor{{Kind: "root", Fingerprint: "sha256:0", Newest: &newest}, {Kind: "root"}, {Kind: "key", Source: "built-in"}}}
	for i, want := range []string{"2026-11-01, 30 days before", "none that vouches for anything", ""} {
		if got := rootAge(rep, &rep.Anchors[i]); got != want {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
	contains(t, written(t, "html", rep), "trusted root", "2026-11-01, 30 days before", "gapseal itself (built in)", fmt.Sprint(len(rep.Anchors)))
}
