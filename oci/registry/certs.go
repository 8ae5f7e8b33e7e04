package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// DefaultCertsDirs returns the folders in which container tools look for certificates
// by the host of a registry: those of Docker in rootless mode and of Docker Desktop
// (~/.config/docker/certs.d, ~/.docker/certs.d), of Podman, Buildah and skopeo
// (~/.config/containers/certs.d, /etc/containers/certs.d, /usr/share/containers/certs.d;
// see containers-certs.d(5)), and of the Docker engine (/etc/docker/certs.d; on Windows
// in ProgramData).
func DefaultCertsDirs() []string {
	var dirs []string
	home, _ := os.UserHomeDir()
	config := os.Getenv("XDG_CONFIG_HOME")
	if config == "" && home != "" {
		config = filepath.Join(home, ".config")
	}
	if config != "" {
		dirs = append(dirs, filepath.Join(config, "docker", "certs.d"), filepath.Join(config, "containers", "certs.d"))
	}
	if home != "" {
		dirs = append(dirs, filepath.Join(home, ".docker", "certs.d"))
	}
	if runtime.GOOS == "windows" {
		return append(dirs, filepath.Join(os.Getenv("PROGRAMDATA"), "docker", "certs.d"))
	}
	return append(dirs, "/etc/containers/certs.d", "/usr/share/containers/certs.d", "/etc/docker/certs.d")
}

// hostCerts are the certificates of one host's folder.
type hostCerts struct {
	roots [][]byte          // PEM
	pairs []tls.Certificate // client certificates
}

// readCerts reads the first folder for a host. As Docker defines it, its *.crt files
// are authorities to trust, and a client certificate NAME.cert has its key in
// NAME.key. A file that cannot be used is noted and left out.
func readCerts(dirs []string, host string, note func(format string, args ...any)) hostCerts {
	for _, dir := range dirs {
		folder := filepath.Join(dir, folderName(host))
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			note("certificates for %s are not used: %v", host, err)
			continue
		}
		return readFolder(folder, entries, note)
	}
	return hostCerts{}
}

// folderName returns the folder of a host. Windows allows no colon in it.
func folderName(host string) string {
	if host == dockerIndex {
		host = dockerHub
	}
	if runtime.GOOS == "windows" {
		return strings.ReplaceAll(host, ":", "")
	}
	return host
}

func readFolder(folder string, entries []fs.DirEntry, note func(string, ...any)) (certs hostCerts) {
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		switch filepath.Ext(e.Name()) {
		case ".crt":
			raw, err := os.ReadFile(path)
			if err != nil {
				note("an authority is not trusted: %v", err)
				continue
			}
			certs.roots = append(certs.roots, raw)
		case ".cert":
			pair, err := readPair(path)
			if err != nil {
				note("a client certificate is not used: %v", err)
				continue
			}
			certs.pairs = append(certs.pairs, *pair)
		}
	}
	return certs
}

func readPair(path string) (*tls.Certificate, error) {
	cert, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(strings.TrimSuffix(path, ".cert") + ".key")
	if err != nil {
		return nil, err
	}
	pair, err := clientPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pair, nil
}

// clientPair reads a client certificate and its key, in PEM. The key may be in the
// same document as the certificate.
func clientPair(cert, key []byte) (*tls.Certificate, error) {
	if len(key) == 0 {
		key = cert
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err == nil {
		return &pair, nil
	}
	if strings.Contains(string(key), "ENCRYPTED") {
		return nil, errors.New("the key of the client certificate is encrypted; decrypt it first")
	}
	return nil, fmt.Errorf("client certificate: %w", err)
}
