// Package bench compares the speed of gapseal with that of the tool that a user
// would otherwise run. Each benchmark runs both, one after the other on the same
// bytes, and reports the ratio of the times. make bench prints the results.
package bench

import (
	"context"
	"crypto/sha256"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	ociregistry "github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify"
)

const (
	layers    = 8
	layerSize = 32 << 20
)

// BenchmarkVerify verifies a bundle of 256 MiB in 8 layers. It reports the ratio
// to hashing the same file with openssl dgst -sha256 or, without openssl, with
// Go's SHA-256 on one core.
func BenchmarkVerify(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bundle.tar")
	plan, fetch := collect(b, serve(b))
	export(b, plan, fetch, path)
	var ours, theirs time.Duration
	b.SetBytes(plan.Size)
	for b.Loop() {
		ours += timed(func() { verifyFile(b, path, plan.Size) })
		theirs += timed(func() { hashFile(b, path) })
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-sha256")
}

// BenchmarkVerifyPipe verifies the same bundle from a pipe, in order.
func BenchmarkVerifyPipe(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bundle.tar")
	plan, fetch := collect(b, serve(b))
	export(b, plan, fetch, path)
	b.SetBytes(plan.Size)
	for b.Loop() {
		f := open(b, path)
		r, err := bundle.OpenStream(f, oci.DefaultLimits())
		check(b, err)
		judge(b, r)
		f.Close()
	}
}

// BenchmarkExport exports the same image from a registry on the loopback
// interface. It reports the ratio to pulling it into an OCI layout folder with
// go-containerregistry, as crane does.
func BenchmarkExport(b *testing.B) {
	host := serve(b)
	plan, fetch := collect(b, host)
	dir := b.TempDir()
	var ours, theirs time.Duration
	b.SetBytes(plan.Size)
	file, folder := filepath.Join(dir, "ours.tar"), filepath.Join(dir, "theirs")
	for b.Loop() {
		ours += timed(func() { export(b, plan, fetch, file) })
		theirs += timed(func() { pull(b, host, folder) })
		check(b, os.Remove(file))
		check(b, os.RemoveAll(folder))
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-layout")
}

// BenchmarkManyBlobs verifies a bundle of 800 small layers, where headers and
// bookkeeping take longer than hashing.
func BenchmarkManyBlobs(b *testing.B) {
	img := image(b, 800, 4<<10)
	host := serveImage(b, img)
	path := filepath.Join(b.TempDir(), "bundle.tar")
	plan, fetch := collect(b, host)
	export(b, plan, fetch, path)
	b.ReportAllocs()
	for b.Loop() {
		verifyFile(b, path, plan.Size)
	}
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func serve(b *testing.B) (host string) { return serveImage(b, image(b, layers, layerSize)) }

func serveImage(b *testing.B, img v1.Image) (host string) {
	b.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	b.Cleanup(s.Close)
	host = strings.TrimPrefix(s.URL, "http://")
	ref, err := name.ParseReference(host + "/bench/app:v1")
	check(b, err)
	check(b, remote.Write(ref, img))
	return host
}

func image(b *testing.B, n, size int) v1.Image {
	b.Helper()
	rnd := rand.NewChaCha8([32]byte{1})
	all := make([]v1.Layer, n)
	for i := range all {
		content := make([]byte, size)
		_, _ = rnd.Read(content)
		all[i] = static.NewLayer(content, types.OCIUncompressedLayer)
	}
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), all...)
	check(b, err)
	return img
}

func collect(b *testing.B, host string) (*bundle.Plan, bundle.Fetch) {
	b.Helper()
	src, err := ociregistry.New(ociregistry.Options{AllowHTTP: true})
	check(b, err)
	ref, err := oci.ParseReference(host + "/bench/app:v1")
	check(b, err)
	plan, fetch, err := bundle.Collect(context.Background(), src, bundle.Request{Images: []oci.Reference{ref}})
	check(b, err)
	return plan, fetch
}

func export(b *testing.B, plan *bundle.Plan, fetch bundle.Fetch, path string) {
	b.Helper()
	f, err := os.Create(path)
	check(b, err)
	check(b, plan.WriteFile(context.Background(), f, fetch, 4, func(int64) {}))
	check(b, f.Close())
}

func pull(b *testing.B, host, dir string) {
	b.Helper()
	ref, err := name.ParseReference(host + "/bench/app:v1")
	check(b, err)
	img, err := remote.Image(ref)
	check(b, err)
	p, err := layout.Write(dir, empty.Index)
	check(b, err)
	check(b, p.AppendImage(img))
}

func open(b *testing.B, path string) *os.File {
	b.Helper()
	f, err := os.Open(path)
	check(b, err)
	return f
}

func verifyFile(b *testing.B, path string, size int64) {
	b.Helper()
	f := open(b, path)
	defer f.Close()
	r, err := bundle.Open(f, size, oci.DefaultLimits())
	check(b, err)
	judge(b, r)
}

// judge verifies an unsigned bundle. It is rejected for that, but every byte is
// read and hashed.
func judge(b *testing.B, r *bundle.Reader) {
	b.Helper()
	rep, err := verify.Bundle(context.Background(), r, verify.Options{})
	if rep == nil {
		b.Fatal(err)
	}
	for _, f := range rep.Failures {
		if f.Class != "signature" && f.Class != "trust" {
			b.Fatalf("failed %s: %s", f.ID, f.Detail)
		}
	}
}

func hashFile(b *testing.B, path string) {
	b.Helper()
	if openssl, err := exec.LookPath("openssl"); err == nil {
		out, err := exec.Command(openssl, "dgst", "-sha256", path).CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return
	}
	f := open(b, path)
	defer f.Close()
	h := sha256.New()
	_, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 1<<20))
	check(b, err)
}
