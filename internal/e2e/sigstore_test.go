package e2e

import (
	"errors"
	"net"
	"path/filepath"
)

// loopback returns the base URL of a port on this host.
func loopback(port string) string { return "http://" + net.JoinHostPort("127.0.0.1", port) }

// file returns the path of a file of this run.
func (l *lab) file(name string) string { return filepath.Join(l.dir, name) }

// freePorts returns n unused ports.
func freePorts(n int) ([]string, error) {
	ports := make([]string, n)
	for i := range ports {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		ports[i] = port
	}
	return ports, nil
}

// startStamper starts the timestamp authority. It must start before Rekor v1: both
// open port 2112 for metrics, and only the timestamp authority fails if it cannot.
func (l *lab) startStamper() error {
	stamper, err := newStamper()
	if err != nil {
		return err
	}
	if err := stamper.write(l.file("tsa.key"), l.file("tsa.pem")); err != nil {
		return err
	}
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	l.tsaURL = loopback(ports[0]) + "/api/v1/timestamp"
	s, err := l.serve("timestamp-server", "serve", "--host", "127.0.0.1", "--port", ports[0],
		"--timestamp-signer", "file", "--file-signer-key-path", l.file("tsa.key"),
		"--certificate-chain-path", l.file("tsa.pem"), "--disable-ntp-monitoring")
	if err != nil {
		return err
	}
	return s.await(func() error { return answers(l.tsaURL + "/certchain") })
}

// startTiles starts two Rekor v2 logs, since a signature can be in both.
func (l *lab) startTiles() error {
	var first, second error
	l.tilesURL, first = l.startTilesLog("127.0.0.1", "tiles")
	l.secondURL, second = l.startTilesLog("localhost", "second")
	return errors.Join(first, second)
}

// startTilesLog starts a Rekor v2 log that stores its data in a folder, and returns its
// URL. The host name is the origin of its checkpoints; clients expect it to be that of
// the URL.
func (l *lab) startTilesLog(host, name string) (string, error) {
	if err := makeLogKey(newEdKey, l.file(name+".key"), l.file(name+".pub")); err != nil {
		return "", err
	}
	ports, err := freePorts(3)
	if err != nil {
		return "", err
	}
	url := "http://" + net.JoinHostPort(host, ports[0])
	s, err := l.serve("rekor-tiles", "serve", "--hostname", host,
		"--http-address", "127.0.0.1", "--http-port", ports[0],
		"--grpc-address", "127.0.0.1", "--grpc-port", ports[1], "--http-metrics-port", ports[2],
		"--storage-dir", l.file(name), "--signer-filepath", l.file(name+".key"),
		"--checkpoint-interval", "200ms", "--batch-max-age", "50ms")
	if err != nil {
		return "", err
	}
	return url, s.await(func() error { return answers(url + "/healthz") })
}
