package e2e

import "fmt"

// since is the start of the validity of every service of the lab.
const since = "start-time=2025-01-01T00:00:00Z"

// makeTrustedRoots writes two trusted roots: one with only the key of Rekor v1, and
// one with all services.
func (l *lab) makeTrustedRoots() error {
	rekor := fmt.Sprintf("--rekor=url=%s,public-key=%s,%s", l.rekorURL, l.rekorPub, since)
	if err := l.must("cosign3", "trusted-root", "create", rekor, "--out", l.root); err != nil {
		return err
	}
	return l.must("cosign3", "trusted-root", "create", rekor,
		fmt.Sprintf("--rekor=url=%s,public-key=%s,%s,origin=127.0.0.1", l.tilesURL, l.file("tiles.pub"), since),
		fmt.Sprintf("--rekor=url=%s,public-key=%s,%s,origin=localhost", l.secondURL, l.file("second.pub"), since),
		fmt.Sprintf("--fulcio=url=%s,certificate-chain=%s,%s", l.fulcioURL, l.file("fulcio.pem"), since),
		fmt.Sprintf("--ctfe=url=%s,public-key=%s,%s", l.ctURL, l.file("ct.pub"), since),
		fmt.Sprintf("--tsa=url=%s,certificate-chain=%s,%s", l.tsaURL, l.file("tsa.pem"), since),
		"--out", l.fullRoot)
}

// The signing configs, by the services that cosign uses for a Sigstore bundle.
const (
	onRekor1   = "rekor1"   // Rekor v1, the current default of cosign for keys
	onRekor2   = "rekor2"   // Rekor v2, whose entries need a timestamp
	onBoth     = "both"     // two Rekor v2 logs and a timestamp
	certified1 = "keyless1" // Fulcio, Rekor v1 and a timestamp
	certified2 = "keyless2" // Fulcio, Rekor v2 and a timestamp
	onlyStamp  = "stamp"    // a timestamp, but no log
	noService  = "none"
)

// makeSigningConfigs writes each of them to a file.
func (l *lab) makeSigningConfigs() error {
	service := func(flag, url string, version int) string {
		return fmt.Sprintf("--%s=url=%s,api-version=%d,%s,operator=e2e", flag, url, version, since)
	}
	// Cosign uses one service of each operator, so the second log has another operator.
	both := []string{
		service("rekor", l.tilesURL, 2), service("rekor", l.secondURL, 2) + "-second", "--rekor-config=ALL",
	}
	rekor1 := []string{service("rekor", l.rekorURL, 1), "--rekor-config=ANY"}
	rekor2 := []string{service("rekor", l.tilesURL, 2), "--rekor-config=ANY"}
	stamp := []string{service("tsa", l.tsaURL, 1), "--tsa-config=ANY"}
	fulcio := []string{service("fulcio", l.fulcioURL, 1), service("oidc-provider", l.issuer.url, 1)}
	for name, parts := range map[string][][]string{
		onRekor1:   {rekor1},
		onRekor2:   {rekor2, stamp},
		onBoth:     {both, stamp},
		certified1: {fulcio, rekor1, stamp},
		certified2: {fulcio, rekor2, stamp},
		onlyStamp:  {stamp},
		noService:  nil,
	} {
		args := []string{"signing-config", "create", "--out", l.signingConfig(name)}
		for _, part := range parts {
			args = append(args, part...)
		}
		if err := l.must("cosign3", args...); err != nil {
			return err
		}
	}
	return nil
}

// signingConfig returns the path of a signing config.
func (l *lab) signingConfig(name string) string { return l.file("signing_config." + name + ".json") }
