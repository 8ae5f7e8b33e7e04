package e2e

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// loadFaultSeed makes the faults of TestLoadFaults.
const loadFaultSeed = 7

// faultyNetwork disturbs requests at random.
type faultyNetwork struct {
	next http.Handler
	rate float64

	mu    sync.Mutex
	rng   *rand.Rand
	count map[string]int
}

// ServeHTTP fails, cuts a connection, loses an answer, or does none of that.
func (f *faultyNetwork) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	strikes, kind := f.rng.Float64() < f.rate, []string{"500", "429", "cut", "lost answer"}[f.rng.IntN(4)]
	cut := f.rng.Int64N(contentSize)
	if strikes {
		f.count[kind]++
	}
	f.mu.Unlock()
	switch {
	case !strikes:
		f.next.ServeHTTP(w, r)
	case kind == "500":
		http.Error(w, `{"errors": [{"code": "UNKNOWN"}]}`, http.StatusInternalServerError)
	case kind == "429":
		w.Header().Set("Retry-After", "0")
		http.Error(w, `{"errors": [{"code": "TOOMANYREQUESTS"}]}`, http.StatusTooManyRequests)
	case kind == "lost answer":
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(r.Body, cut), cutOff{}), r.Body}
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}

// cutOff is a connection that was cut.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestLoadFaults loads into each kind of registry through a network with faults. After at
// most five reruns everything must be there, and no run may report success before.
func TestLoadFaults(t *testing.T) {
	layer := ok(random.Layer(contentSize, types.OCILayer))(t)
	image := push(t, "load-faults", ok(mutate.AppendLayers(newImage(t, "amd64", true), layer))(t))
	sign(t, image, goodSignature("cosign2"))
	sign(t, image, bundled(onRekor1))
	multi := pushSignedIndex(t, "load-faults-multi")
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exportingBy(t, file, []pushed{image, multi}, keyAnchors()))
	for i, d := range destinations(t) {
		t.Run(d.name, func(t *testing.T) {
			f := &faultyNetwork{next: d.next, rate: 0.2, count: map[string]int{},
				rng: rand.New(rand.NewPCG(loadFaultSeed, uint64(i)))}
			d.next = f
			reruns := 0
			for ; !d.loads(t, file); reruns++ {
				if reruns == 5 {
					t.Fatalf("seed %d: not complete after five reruns, with %v", loadFaultSeed, f.count)
				}
			}
			d.next = f.next
			c := comparison{from: sourceAPI(), to: d.api}
			c.repository(t, image.repository(t).RepositoryStr())
			c.repository(t, multi.repository(t).RepositoryStr())
			t.Logf("seed %d: complete after %d reruns, with %v", loadFaultSeed, reruns, f.count)
		})
	}
}

// loads loads a good bundle. It reports whether that succeeded; otherwise it wants the
// report, or the message if there is no verdict, to say what failed.
func (d *destination) loads(t *testing.T, file string) bool {
	t.Helper()
	done := ok(execute(loading(t, file, d, keyAnchors())))(t)
	if done.code == 0 {
		return true
	}
	var r loaded
	if err := json.Unmarshal(done.stdout, &r); err != nil {
		if !strings.Contains(string(done.stderr), "There is no verdict") {
			t.Errorf("%v in\n%s", err, done)
		}
		return false
	}
	named := false
	for _, img := range r.Loaded.Images {
		named = named || img.Error != ""
		if (img.Error == "") != img.ReadBack {
			t.Errorf("%+v", img)
		}
	}
	if done.code != 1 || r.Loaded.Complete || !named {
		t.Errorf("a failure that does not say what failed:\n%s", done)
	}
	return false
}
