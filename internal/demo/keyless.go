package main

import "fmt"

// keyless shows an image that was signed without a key of the signer's own.
func (d *demo) keyless() error {
	anchors := func(identity string) []string {
		return []string{"--trusted-root", "trusted_root.json", "--certificate-identity", identity, "--certificate-oidc-issuer", "http://127.0.0.1:8888"}
	}
	d.title("An image that was signed keyless goes across with an identity and a trusted root.")
	if code := d.show(append([]string{"export", keylessImage, "--allow-http-registry", "-o", "keyless.tar"}, anchors("dev@lab.test")...)...); code != 0 {
		return fmt.Errorf("export ended with code %d", code)
	}
	verify := []string{"verify", "keyless.tar"}
	d.expect(d.show(append(verify, anchors("dev@lab.test")...)...) == 0, "verified")
	d.title("It is verified as if somebody else had signed it.")
	return d.rejected(append(verify, anchors("somebody.else@lab.test")...), "cert")
}
