package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// lab is a registry and the Sigstore services on the loopback interface, and the keys
// of this run.
type lab struct {
	dir      string
	env      []string
	services []*service

	registry     string // host:port
	trillianPort string
	ctTree       string // ids of Trillian's trees
	rekorTree    string
	rekorURL     string
	tilesURL     string // Rekor v2
	secondURL    string // another Rekor v2
	tsaURL       string
	ctURL        string
	fulcioURL    string
	issuer       *issuer

	signer    keyPair // whom the operator trusts
	untrusted keyPair
	rekorPub  string // the path of the public key of Rekor v1
	root      string // the path of a trusted_root.json with only that key
	fullRoot  string // the path of a trusted_root.json with all services
}

// startLab starts all services and makes all keys. The lab must be stopped, even if
// there is an error.
func startLab() (*lab, error) {
	dir, err := os.MkdirTemp("", "gapseal-e2e-")
	if err != nil {
		return &lab{}, err
	}
	l := &lab{dir: dir}
	l.rekorPub = l.file("rekor.pub")
	l.root = l.file("trusted_root.rekor1.json")
	l.fullRoot = l.file("trusted_root.json")
	l.env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + filepath.Join(dir, "home"),
		"TMPDIR=" + dir,
		"TUF_ROOT=" + filepath.Join(dir, "no-tuf"),
		"COSIGN_PASSWORD=" + keyPassword,
		"OTEL_TRACES_EXPORTER=none",
	}
	for _, step := range []func() error{
		l.startRegistry, l.startStamper, l.startTrillian, l.startRekor, l.startTiles, l.startIssuer, l.startCA,
		l.makeSigners, l.makeTrustedRoots, l.makeSigningConfigs,
	} {
		if err := step(); err != nil {
			return l, err
		}
	}
	return l, nil
}

// stop stops the services in reverse order, and removes the folder of the lab.
func (l *lab) stop() {
	for i := len(l.services) - 1; i >= 0; i-- {
		l.services[i].stop()
	}
	if l.dir != "" {
		os.RemoveAll(l.dir)
	}
}

const registryConfig = `version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
http: {addr: %q}
`

func (l *lab) startRegistry() error {
	port, err := freePort()
	if err != nil {
		return err
	}
	l.registry = net.JoinHostPort("127.0.0.1", port)
	config := filepath.Join(l.dir, "registry.yml")
	text := fmt.Sprintf(registryConfig, filepath.Join(l.dir, "registry"), l.registry)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	s, err := l.serve("registry", "serve", config)
	if err != nil {
		return err
	}
	return s.await(func() error { return answers("http://" + l.registry + "/v2/") })
}

// startRekor starts Rekor v1, which uses Trillian.
func (l *lab) startRekor() error {
	key := l.file("rekor.key")
	if err := makeLogKey(newECKey, key, l.rekorPub); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	l.rekorURL = loopback(port)
	s, err := l.serve("rekor-server", "serve",
		"--rekor_server.address=127.0.0.1", "--port="+port,
		"--rekor_server.hostname=rekor.e2e.test", "--rekor_server.signer="+key,
		"--trillian_log_server.address=127.0.0.1", "--trillian_log_server.port="+l.trillianPort,
		"--trillian_log_server.tlog_id="+l.rekorTree,
		// The search index would need Redis, and no test searches.
		"--enable_retrieve_api=false",
		"--enabled_api_endpoints=getLogInfo,getPublicKey,getLogProof,createLogEntry,"+
			"getLogEntryByIndex,getLogEntryByUUID,searchLogQuery",
	)
	if err != nil {
		return err
	}
	return s.await(func() error { return answers(l.rekorURL + "/api/v1/log") })
}

// startTrillian starts Trillian, and reads its port and the ids of its trees, which it
// prints when it is ready.
func (l *lab) startTrillian() error {
	s, err := l.serve("trillianmem")
	if err != nil {
		return err
	}
	return s.await(func() error {
		written, err := os.ReadFile(s.log)
		if err != nil {
			return err
		}
		line, _, complete := bytes.Cut(written, []byte("\n"))
		words := strings.Fields(string(line))
		if !complete || len(words) != 3 {
			return fmt.Errorf("no port and tree ids yet")
		}
		l.trillianPort, l.rekorTree, l.ctTree = words[0], words[1], words[2]
		return nil
	})
}
