package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// registryAPI is a registry as this test asks it, with none of gapseal's code.
type registryAPI struct {
	url    string
	client *http.Client
	login  bool
}

func sourceAPI() registryAPI {
	return registryAPI{"http://" + stack.registry, http.DefaultClient, false}
}

const manifestTypes = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " +
	"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"

// get requests a path of the registry. Of a missing document it returns the status 404.
func (a registryAPI) get(t *testing.T, path string) (int, http.Header, []byte) {
	t.Helper()
	request := ok(http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/v2/"+path, nil))(t)
	if a.login {
		request.SetBasicAuth(operator, operatorPass)
	}
	request.Header.Set("Accept", manifestTypes)
	response := ok(a.client.Do(request))(t)
	defer response.Body.Close()
	return response.StatusCode, response.Header, ok(io.ReadAll(response.Body))(t)
}

// isList matches the fallback tag of a list of referrers.
var isList = regexp.MustCompile(`^sha256-[0-9a-f]{64}$`).MatchString

// tags returns the tags of a repository, those of lists of referrers aside.
func (a registryAPI) tags(t *testing.T, repo string) []string {
	t.Helper()
	var list struct{ Tags []string }
	if status, _, raw := a.get(t, repo+"/tags/list"); status == http.StatusOK {
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(list.Tags)
	return slices.DeleteFunc(list.Tags, isList)
}

// referrers returns the digests that a registry lists as referrers of a manifest: by the
// API if it has it, and by the fallback tag.
func (a registryAPI) referrers(t *testing.T, repo, digest string) []string {
	t.Helper()
	found := map[string]bool{}
	for _, path := range []string{
		repo + "/referrers/" + digest, repo + "/manifests/" + strings.Replace(digest, ":", "-", 1),
	} {
		status, _, raw := a.get(t, path)
		if status != http.StatusOK {
			continue
		}
		var index struct{ Manifests []struct{ Digest string } }
		if err := json.Unmarshal(raw, &index); err != nil {
			t.Fatal(err)
		}
		for _, m := range index.Manifests {
			found[m.Digest] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// comparison compares repositories of two registries, and counts what it compared.
type comparison struct {
	from, to  registryAPI
	repo      string
	seen      map[string]bool
	tags      int
	manifests int
	referrers int
	blobs     int
}

// repository compares a repository: its tags, and everything that can be reached from
// them.
func (c *comparison) repository(t *testing.T, repo string) {
	t.Helper()
	c.repo, c.seen = repo, map[string]bool{}
	want, got := c.from.tags(t, repo), c.to.tags(t, repo)
	if !slices.Equal(got, want) {
		t.Errorf("%s: the tags are %q, want %q", repo, got, want)
	}
	for _, tag := range want {
		c.tags++
		c.manifest(t, digestOf(c.same(t, "manifests/"+tag)))
	}
}

// same fetches a document from both, which must be equal, and returns it.
func (c *comparison) same(t *testing.T, path string) []byte {
	t.Helper()
	status, header, want := c.from.get(t, c.repo+"/"+path)
	if status != http.StatusOK {
		t.Fatalf("%s/%s: the source answers %d", c.repo, path, status)
	}
	status, landed, got := c.to.get(t, c.repo+"/"+path)
	switch {
	case status != http.StatusOK || !bytes.Equal(got, want):
		t.Errorf("%s/%s: the destination answers %d with %d bytes, want the %d of the source",
			c.repo, path, status, len(got), len(want))
	case strings.HasPrefix(path, "manifests/"):
		for _, name := range []string{"Content-Type", "Docker-Content-Digest"} {
			if landed.Get(name) != header.Get(name) {
				t.Errorf("%s/%s: %s is %q, want %q", c.repo, path, name, landed.Get(name), header.Get(name))
			}
		}
	}
	return want
}

// manifest compares a manifest by digest, what it names, and what refers to it.
func (c *comparison) manifest(t *testing.T, digest string) {
	t.Helper()
	if c.seen[digest] {
		return
	}
	c.seen[digest] = true
	c.manifests++
	var doc struct {
		Config            struct{ Digest string }
		Layers, Manifests []struct{ Digest string }
	}
	if err := json.Unmarshal(c.same(t, "manifests/"+digest), &doc); err != nil {
		t.Fatal(err)
	}
	for _, child := range doc.Manifests {
		c.manifest(t, child.Digest)
	}
	for _, blob := range append(doc.Layers, doc.Config) {
		if blob.Digest != "" && !c.seen[blob.Digest] {
			c.seen[blob.Digest] = true
			c.blobs++
			c.same(t, "blobs/"+blob.Digest)
		}
	}
	want, got := c.from.referrers(t, c.repo, digest), c.to.referrers(t, c.repo, digest)
	if !slices.Equal(got, want) {
		t.Errorf("%s@%s: the referrers are %q, want %q", c.repo, digest, got, want)
	}
	for _, referrer := range want {
		c.referrers++
		c.manifest(t, referrer)
	}
}
