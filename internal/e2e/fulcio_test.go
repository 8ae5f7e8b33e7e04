package e2e

import (
	"fmt"
	"os"
)

const ctConfig = `config {
  log_id: %s
  prefix: "ctlog"
  roots_pem_file: %q
  private_key { [type.googleapis.com/keyspb.PEMKeyFile] { path: %q password: %q } }
  ext_key_usages: "CodeSigning"
}
`

// startCA starts the certificate log, and Fulcio, which submits certificates to it.
func (l *lab) startCA() error {
	ca, err := newCodeSigningCA()
	if err != nil {
		return err
	}
	if err := ca.write(l.file("fulcio.key"), l.file("fulcio.pem")); err != nil {
		return err
	}
	if err := os.WriteFile(l.file("fulcio-root.pem"), ca.root().chain(), 0o644); err != nil {
		return err
	}
	if err := l.startCTLog(); err != nil {
		return err
	}
	return l.startFulcio()
}

func (l *lab) startCTLog() error {
	if err := makeLockedLogKey(l.file("ct.key"), l.file("ct.pub"), keyPassword); err != nil {
		return err
	}
	text := fmt.Sprintf(ctConfig, l.ctTree, l.file("fulcio-root.pem"), l.file("ct.key"), keyPassword)
	if err := os.WriteFile(l.file("ct.cfg"), []byte(text), 0o600); err != nil {
		return err
	}
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	l.ctURL = loopback(ports[0]) + "/ctlog"
	s, err := l.serve("ct_server", "--log_config", l.file("ct.cfg"), "--logtostderr",
		"--log_rpc_server", "127.0.0.1:"+l.trillianPort, "--http_endpoint", "127.0.0.1:"+ports[0])
	if err != nil {
		return err
	}
	return s.await(func() error { return answers(l.ctURL + "/ct/v1/get-sth") })
}

// fulcioConfig contains the templates with which the public instance of Fulcio
// writes the claims of a GitHub workflow into certificates.
const fulcioConfig = `oidc-issuers:
  %[1]s:
    issuer-url: %[1]s
    client-id: sigstore
    type: email
  %[2]s:
    issuer-url: %[2]s
    client-id: sigstore
    type: ci-provider
    ci-provider: github-workflow
ci-issuer-metadata:
  github-workflow:
    default-template-values:
      url: "https://github.com"
    extension-templates:
      github-workflow-trigger: "event_name"
      github-workflow-sha: "sha"
      github-workflow-name: "workflow"
      github-workflow-repository: "repository"
      github-workflow-ref: "ref"
      source-repository-uri: "{{ .url }}/{{ .repository }}"
      source-repository-digest: "sha"
      source-repository-ref: "ref"
      build-signer-uri: "{{ .url }}/{{ .job_workflow_ref }}"
      build-trigger: "event_name"
    subject-alternative-name-template: "{{ .url }}/{{ .job_workflow_ref }}"
`

func (l *lab) startFulcio() error {
	text := fmt.Sprintf(fulcioConfig, l.issuer.url, l.issuer.workflowURL())
	if err := os.WriteFile(l.file("fulcio.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	l.fulcioURL = loopback(ports[0])
	s, err := l.serve("fulcio", "serve", "--host", "127.0.0.1", "--port", ports[0],
		"--grpc-host", "127.0.0.1", "--grpc-port", ports[1], "--metrics-port", ports[2],
		"--legacy-unix-domain-socket", l.file("fulcio.sock"), "--config-path", l.file("fulcio.yaml"),
		"--ca", "fileca", "--fileca-cert", l.file("fulcio.pem"), "--fileca-key", l.file("fulcio.key"),
		"--fileca-key-passwd", keyPassword, "--fileca-watch=false",
		"--ct-log-url", l.ctURL, "--ct-log-public-key-path", l.file("ct.pub"))
	if err != nil {
		return err
	}
	return s.await(func() error { return answers(l.fulcioURL + "/api/v2/trustBundle") })
}
