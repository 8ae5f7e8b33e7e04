package bombs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

const typeLayer = "application/vnd.oci.image.layer.v1.tar"

// fileBombs are made of layers, and of files that verify reads besides the bundle.
func fileBombs() []Bomb {
	return []Bomb{
		{"10,000 small gzip layers, unpacked", unpacked(10_000, typeLayer+"+gzip", zipped), "config.diffid"},
		{"10,000 small zstd layers of a large window, unpacked",
			unpacked(10_000, typeLayer+"+zstd", windowed(8<<20)), "config.diffid"},
		{"100 zstd layers of the largest window, unpacked",
			unpacked(100, typeLayer+"+zstd", windowed(128<<20)), "config.diffid"},
		{"a policy of 1 MiB", worstPolicy, "no report"},
		{"a policy of YAML aliases", aliasPolicy, "no report"},
		{"a trusted root of 4 MiB", worstRoot, "no report"},
		{"a lock of 16 MiB", worstLock, "no report"},
	}
}

func zipped(i int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, i)
	w.Close()
	return b.Bytes()
}

// windowed makes small frames that ask for a window of a size.
func windowed(size int) func(int) []byte {
	return func(i int) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithWindowSize(size), zstd.WithSingleSegment(false))
		if err != nil {
			panic(err)
		}
		fmt.Fprint(w, i)
		w.Flush()
		fmt.Fprint(w, i)
		w.Close()
		return b.Bytes()
	}
}

// unpacked is an image of many layers that have to be unpacked.
func unpacked(n int, mediaType string, blob func(int) []byte) maker {
	return func(t testing.TB, _ string) ([]byte, []string) {
		f := forge(t)
		img := &f.Inventory.Images[0]
		var layers, diffIDs []string
		for i := range n {
			raw := blob(i)
			layers = append(layers, fixture.Describe(mediaType, f.Add(raw), int64(len(raw))))
			diffIDs = append(diffIDs, `"`+string(oci.EmptyDigest)+`"`)
		}
		config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[` +
			strings.Join(diffIDs, ",") + `]}}`)
		raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}`, oci.TypeManifest,
			fixture.Describe(oci.TypeConfig, f.Add(config), int64(len(config))), strings.Join(layers, ","))
		img.Node = bundle.Node{MediaType: oci.TypeManifest, Digest: f.Add([]byte(raw)), Size: int64(len(raw))}
		img.Evidence = []bundle.Evidence{}
		return f.Build(), append([]string{"--deep"}, sampleKeys...)
	}
}

func worstPolicy(t testing.TB, dir string) ([]byte, []string) {
	var b strings.Builder
	b.WriteString("schema: gapseal.policy/v1\nimages:\n")
	for i := 0; b.Len() < 1<<20-200; i++ {
		fmt.Fprintf(&b, "- {match: r.io/%d/*/x*y*z, digests: [%s]}\n", i, oci.EmptyDigest)
	}
	f := forge(t)
	rename(f, 9_000)
	return f.Build(), append([]string{"--policy", write(dir, "policy.yaml", []byte(b.String()))}, sampleKeys...)
}

func aliasPolicy(t testing.TB, dir string) ([]byte, []string) {
	var b strings.Builder
	b.WriteString("schema: gapseal.policy/v1\na: &a [x,x,x,x,x,x,x,x,x,x]\n")
	for c := 'b'; c < 'k'; c++ {
		fmt.Fprintf(&b, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	return forge(t).Build(), append([]string{"--policy", write(dir, "policy.yaml", []byte(b.String()))}, sampleKeys...)
}

func worstRoot(t testing.TB, dir string) ([]byte, []string) {
	root := `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[` +
		strings.TrimSuffix(strings.Repeat("{},", 4<<20/3-100), ",") + `]}`
	path := write(dir, "root.json", []byte(root))
	return forge(t).Build(), []string{"--key", "KEYS/cosign.pub", "--trusted-root", path}
}

func worstLock(t testing.TB, dir string) ([]byte, []string) {
	var b strings.Builder
	b.WriteString(`{"images":[`)
	for i := 0; b.Len() < 16<<20-300; i++ {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"digest":"%s","platforms":[],"reference":"%sapp:t%06d"}`, oci.EmptyDigest, fixture.Host, i)
	}
	b.WriteString(`],"schema":"gapseal.lock/v1"}`)
	return forge(t).Build(), append([]string{"--lock", write(dir, "lock.json", []byte(b.String()))}, sampleKeys...)
}
