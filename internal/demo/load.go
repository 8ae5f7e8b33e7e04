package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// plant is a registry of its own, on the receiving side.
const plant = "registry.plant"

// load shows that a good bundle is loaded into a second registry, where the image has the
// same digest and verifies, and that a forged one leaves nothing there.
func (d *demo) load() error {
	trust := []string{"--key", "cosign.pub", "--rekor-key", "rekor.pub"}
	into := append([]string{"load", forgeries[0].file, plant, "--allow-http-registry"}, trust...)
	d.title("A forged bundle is not loaded: in the registry of the receiving side, nothing can be pulled.")
	code := d.show(into...)
	_, found := d.digest(plant + "/acme/app:v1")
	d.expect(code == 1 && !found, "rejected, and nothing is there")

	d.title("The good bundle is verified and loaded, with its evidence, in one reading.")
	into[1] = "app.tar"
	d.expect(d.show(into...) == 0, "loaded, and read back")

	d.title("What arrived has the same digest, and its signature verifies in the new place.")
	mirrored := []string{"--accept-reference", plant + "/acme/app=registry.example.com/acme/app"}
	export := append([]string{"export", plant + "/acme/app:v1", "--allow-http-registry", "-o", "arrived.tar"}, trust...)
	if code := d.show(append(export, mirrored...)...); code != 0 {
		return fmt.Errorf("export exited with code %d", code)
	}
	verify := append([]string{"verify", "arrived.tar", "-o", "cosign"}, trust...)
	code = d.show(append(verify, mirrored...)...)
	source, _ := d.digest(image)
	arrived, found := d.digest(plant + "/acme/app:v1")
	d.expect(code == 0 && found && arrived == source, "verified, "+arrived)
	return nil
}

// digest asks a registry for the digest of an image; found is false if it does not have it.
func (d *demo) digest(ref string) (digest string, found bool) {
	proxy, err := url.Parse(d.proxy)
	if err != nil {
		return "", false
	}
	host, rest, _ := strings.Cut(ref, "/")
	path, tag, _ := strings.Cut(rest, ":")
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	resp, err := client.Get("http://" + host + "/v2/" + path + "/manifests/" + tag)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	return resp.Header.Get("Docker-Content-Digest"), resp.StatusCode == http.StatusOK
}
