package registry

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/oci"
)

// store is a registry of blobs that keeps to the specification of uploads: it stores
// what came of a request that broke off, says how much that is, and takes only what
// follows.
type store struct {
	*lab
	noStatus bool              // it does not say how much it has
	takes    int64             // the most that it stores of one request; 0 for all
	header   func(http.Header) // changes the headers of answers; may be nil

	mu      sync.Mutex
	next    int
	uploads map[string][]byte
	blobs   map[oci.Digest][]byte

	// fault is called with each request for an upload, counted from 1. It returns how
	// many bytes of the body are read before the connection is cut, -1 for all of them; and
	// a status to answer with, 0 for none.
	fault func(n int, r *http.Request) (cut int64, status int)
	count int
}

func newStore(t *testing.T) *store {
	s := unstartedStore(t)
	s.server.Start()
	s.repo = strings.TrimPrefix(s.server.URL, "http://") + "/acme/app"
	return s
}

// newStoreOfHTTP2 has a certificate that is not trusted.
func newStoreOfHTTP2(t *testing.T) *store {
	s := unstartedStore(t)
	s.server.EnableHTTP2 = true
	s.server.StartTLS()
	s.repo = strings.TrimPrefix(s.server.URL, "https://") + "/acme/app"
	return s
}

func unstartedStore(t *testing.T) *store {
	l := &lab{t: t}
	l.server = unstarted(t, l)
	l.server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if tcp, ok := c.(*net.TCPConn); ok && state == http.StateNew {
			_ = tcp.SetReadBuffer(128 << 10)
		}
	}
	s := &store{lab: l, uploads: map[string][]byte{}, blobs: map[oci.Digest][]byte{}}
	s.disturb = s.answer
	return s
}

// storeSizes are larger than what the connections to a store hold.
var storeSizes = sizes{small: 64 << 10, chunk: 768 << 10, window: 1 << 20, total: 4 << 20}

// target returns a Target whose connections hold less than its small windows.
func (s *store) target() *Target {
	s.t.Helper()
	t := s.targetOf(storeSizes)
	host, _, _ := strings.Cut(s.repo, "/")
	rt, err := t.source.network.to(host)
	if err != nil {
		s.t.Fatal(err)
	}
	rt.(*ownNetwork).transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(64 << 10)
		}
		return c, err
	}
	return t
}

func (s *store) answer(w http.ResponseWriter, r *http.Request) bool {
	if !strings.Contains(r.URL.Path, "/blobs/") {
		return true // /v2/
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodHead {
		blob, ok := s.blobs[oci.Digest(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])]
		w.Header().Set("Content-Length", fmt.Sprint(len(blob)))
		if !ok {
			w.WriteHeader(404)
		}
		return true
	}
	cut, status := int64(-1), 0
	if s.fault != nil {
		s.count++
		cut, status = s.fault(s.count, r)
	}
	if status != 0 && cut < 0 {
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, status, "UNKNOWN")
		return true
	}
	s.serveUpload(w, r, cut)
	if status != 0 {
		panic("a cut has no status")
	}
	return true
}

func (s *store) serveUpload(w http.ResponseWriter, r *http.Request, cut int64) {
	id := r.URL.Query().Get("id")
	if r.Method == http.MethodPost {
		s.next++
		id = fmt.Sprint(s.next)
		s.uploads[id] = []byte{}
		s.reply(w, id, 202, cut)
		return
	}
	have, ok := s.uploads[id]
	if !ok {
		refuse(w, 404, "BLOB_UPLOAD_UNKNOWN")
		return
	}
	switch r.Method {
	case http.MethodGet:
		if s.noStatus {
			refuse(w, 405, "UNSUPPORTED")
			return
		}
		s.reply(w, id, 204, cut)
	case http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(204)
	case http.MethodPatch, http.MethodPut:
		if from := r.Header.Get("Content-Range"); from != "" && !strings.HasPrefix(from, fmt.Sprint(len(have), "-")) {
			w.Header().Set("Range", fmt.Sprintf("0-%d", len(have)-1))
			refuse(w, 416, "RANGE_INVALID")
			return
		}
		body := io.Reader(r.Body)
		if cut >= 0 {
			body = io.LimitReader(body, cut)
		}
		came, _ := io.ReadAll(body)
		if s.takes > 0 {
			came = came[:min(int64(len(came)), s.takes)]
		}
		s.uploads[id] = append(have, came...)
		if cut >= 0 && int64(len(came)) == cut && cut < r.ContentLength {
			panic(http.ErrAbortHandler)
		}
		s.take(w, r, id, cut)
	}
}

// take answers a request after its body was read.
func (s *store) take(w http.ResponseWriter, r *http.Request, id string, cut int64) {
	if r.Method == http.MethodPatch {
		s.reply(w, id, 202, cut)
		return
	}
	blob := s.uploads[id]
	delete(s.uploads, id)
	if oci.FromBytes(blob) != oci.Digest(r.URL.Query().Get("digest")) {
		refuse(w, 400, "DIGEST_INVALID")
		return
	}
	s.blobs[oci.FromBytes(blob)] = blob
	s.reply(w, id, 201, cut)
}

// reply answers, or cuts the connection in the place of the answer.
func (s *store) reply(w http.ResponseWriter, id string, status int, cut int64) {
	if cut >= 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Location", "/v2/acme/app/blobs/uploads/x?id="+id)
	if s.header != nil {
		s.header(w.Header())
	}
	if n := len(s.uploads[id]); status != 201 {
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(n-1, 0)))
	}
	w.WriteHeader(status)
}

// wantBlob wants the registry to hold content, and no upload to be left.
func (s *store) wantBlob(content []byte) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(s.blobs[oci.FromBytes(content)]) != string(content) {
		s.t.Error("the registry does not hold the blob")
	}
}
