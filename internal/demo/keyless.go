package main

import "fmt"

// keyless exports and verifies an image with a keyless signature.
func (d *demo) keyless() error {
	anchors := func(identity string) []string {
		return []string{
			"--trusted-root", "trusted_root.json",
			"--certificate-identity", identity, "--certificate-oidc-issuer", "http://127.0.0.1:8888",
		}
	}
	d.title("An image with a keyless signature is exported, with an identity and a trusted root.")
	export := []string{"export", keylessImage, "--allow-http-registry", "-o", "keyless.tar"}
	if code := d.show(append(export, anchors("dev@lab.test")...)...); code != 0 {
		return fmt.Errorf("export exited with code %d", code)
	}
	verify := []string{"verify", "keyless.tar"}
	d.expect(d.show(append(verify, anchors("dev@lab.test")...)...) == 0, "verified")
	d.title("It is verified with the identity of somebody else.")
	return d.rejected(append(verify, anchors("somebody.else@lab.test")...), "cert")
}
