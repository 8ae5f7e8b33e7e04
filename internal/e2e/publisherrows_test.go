package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// publishers lists the rows of docs/publishers.md.
func publishers() []publisher {
	return slices.Concat(byAddresses(), byWorkflows(), distributions(), otherKeys(), attesting(), spellings())
}

// The checks that fail if another key, or another identity, has signed. A log entry
// says whose key it was; without one, no known key verifies the signature.
var (
	byOtherKey      = []string{"trust.key"}
	byUnknownKey    = []string{"signature.crypto"}
	byOtherIdentity = []string{"cert.identity"}
)

// byEmail pushes an image that an address signs in cosign's first form.
func byEmail(address string) func(*testing.T, *sample) {
	return func(t *testing.T, s *sample) { s.image = pushAs(t, s.repo, s.email(t, address, "")) }
}

// byWorkflow pushes an image that a workflow signs, once with each of the services.
func byWorkflow(caller, ref string, services ...string) func(*testing.T, *sample) {
	return func(t *testing.T, s *sample) {
		s.image = pushOCI(t, s.repo)
		for _, service := range services {
			sign(t, s.image, s.workflow(t, caller, ref, service))
		}
	}
}

// byAddresses lists the publishers of whom a person or a service account signs.
func byAddresses() []publisher {
	const (
		enforce = "https://issuer.enforce.dev"
		builder = "apko-builder@e2e.test"
	)
	return []publisher{
		{
			name: "Kubernetes", policy: "kubernetes.yaml", push: pushKubernetes,
			// The one for the staging registry is judged too, since nothing else vouches.
			failed: []string{"signature.docker-reference", "cert.identity"},
		},
		{name: "Kubernetes v1.26.0", policy: "kubernetes.yaml", push: pushKubernetes126, failed: byOtherIdentity},
		{
			name: "distroless", policy: "distroless.yaml",
			push: byEmail("keyless@distroless.iam.gserviceaccount.com"), failed: byOtherIdentity,
		},
		{
			name: "Chainguard, private", policy: "chainguard-private.yaml",
			push: byEmail(builder), failed: byOtherIdentity,
			replace: map[string]string{ // an identity of their issuer is no address
				enforce + "/0123456789abcdef0123456789abcdef01234567/fedcba9876543210": builder,
				"issuer: " + enforce: "issuer: " + stack.issuer.url,
			},
		},
		{
			name: "Talos", policy: "talos.yaml", failed: byOtherIdentity,
			push: byEmail("someone.else@siderolabs.com"),
		},
		{
			name: "cosign", policy: "cosign.yaml", failed: []string{"cert.chain", "cert.identity"},
			push: func(t *testing.T, s *sample) {
				s.image = pushOCI(t, s.repo)
				sign(t, s.image, s.email(t, "keyless@projectsigstore.iam.gserviceaccount.com", certified1))
				sign(t, s.image, bundled(onRekor1)) // and by a key that the policy does not name
			},
		},
	}
}

// byWorkflows lists the publishers of whom a workflow signs.
func byWorkflows() []publisher {
	const (
		chainguard   = "chainguard-images/images"
		chainguardAt = chainguard + "/.github/workflows/release.yaml@refs/heads/main"
		flux         = "fluxcd/source-controller"
		gitlab       = "gitlab-org/build/CNG"
	)
	return []publisher{
		{
			name: "Chainguard, sig", policy: "chainguard.yaml", failed: byOtherIdentity,
			push: byWorkflow(chainguard, chainguardAt, ""),
		},
		{
			name: "Chainguard, both", policy: "chainguard.yaml", failed: byOtherIdentity,
			push: byWorkflow(chainguard, chainguardAt, "", certified2),
		},
		{
			name: "Chainguard, bundle", policy: "chainguard.yaml", failed: byOtherIdentity,
			push: byWorkflow(chainguard, chainguardAt, certified2),
		},
		{
			name: "Rancher", policy: "rancher.yaml", failed: byOtherIdentity, push: func(t *testing.T, s *sample) {
				s.image = pushOCI(t, s.repo)
				by := s.workflow(t, "rancher/fleet", "rancher/fleet/.github/workflows/release.yml@refs/tags/v0.9.0", "")
				signAs(t, s.image, by, "stgregistry.suse.com/rancher/fleet")
			},
		},
		{
			name: "Flux", policy: "flux.yaml", failed: byOtherIdentity,
			push: byWorkflow(flux, flux+"/.github/workflows/release.yml@refs/tags/v1.7.0", ""),
		},
		{
			name: "GitLab", policy: "gitlab.yaml", failed: byOtherIdentity,
			push: byWorkflow(gitlab, gitlab+"//.gitlab-ci.yml@refs/tags/v17.0.0", ""),
			replace: map[string]string{ // the lab's authority certifies workflows of GitHub only
				`https://gitlab\.com/`:       `https://github\.com/`,
				"issuer: https://gitlab.com": "issuer: " + stack.issuer.workflowURL(),
			},
		},
	}
}

// pushKubernetes pushes an index that is signed with its platforms, by the promoter and
// before that for the staging registry, with a promotion record.
func pushKubernetes(t *testing.T, s *sample) {
	t.Helper()
	s.image = pushIndex(t, s.repo)
	staging := s.email(t, "krel-staging@k8s-releng-prod.iam.gserviceaccount.com", "")
	signAs(t, s.image, staging, "gcr.io/k8s-staging-kubernetes/kube-apiserver")
	trust := s.email(t, "krel-trust@k8s-releng-prod.iam.gserviceaccount.com", "")
	trust.recursive = true
	sign(t, s.image, trust)
	record := s.email(t, "krel-trust@k8s-releng-prod.iam.gserviceaccount.com", certified1)
	attest(t, s.image, record, "https://k8s.io/promo-tools/promotion/v1")
}

// pushKubernetes126 pushes an image that is signed for the mirror behind the registry.
func pushKubernetes126(t *testing.T, s *sample) {
	t.Helper()
	s.image = pushOCI(t, s.repo)
	by := s.email(t, "krel-trust@k8s-releng-prod.iam.gserviceaccount.com", "")
	signAs(t, s.image, by, "us-central1-docker.pkg.dev/k8s-artifacts-prod/images/kubernetes/kube-apiserver")
}

// distributions lists those whose keys are RSA.
func distributions() []publisher {
	return []publisher{
		{
			name: "Red Hat", policy: "red-hat.yaml",
			failed: []string{"signature.crypto", "signature.docker-reference", "trust.key"},
			push: func(t *testing.T, s *sample) {
				s.key = rsaKey(t)
				s.image = pushOCI(t, s.repo)
				by := s.by()
				by.unlogged = true
				for _, tag := range []string{":1.0", ":1.0-1700000000", ":v1"} {
					signAs(t, s.image, by, strings.TrimSuffix(s.image.tag, ":v1")+tag)
				}
				by.unlogged = false
				signAs(t, s.image, by, "registry.redhat.io/ubi9/ubi:v1")
			},
		},
		{
			name: "OpenShift", policy: "openshift.yaml", failed: byUnknownKey, push: func(t *testing.T, s *sample) {
				s.key = rsaKey(t)
				by := s.by()
				by.unlogged = true
				s.image = pushAs(t, s.repo, by)
			},
		},
		{name: "SUSE BCI", policy: "suse-bci.yaml", push: pushSUSE, failed: byOtherKey},
		{name: "Iron Bank", policy: "iron-bank.yaml", push: pushIronBank, failed: byOtherKey},
	}
}

// otherKeys lists the publishers that sign with keys of other kinds.
func otherKeys() []publisher {
	return []publisher{
		{
			name: "SUSE Application Collection", policy: "suse-application-collection.yaml", failed: byOtherKey,
			push: func(t *testing.T, s *sample) {
				s.image = pushIndex(t, s.repo)
				by := s.by()
				by.recursive = true
				sign(t, s.image, by)
			},
		},
		{
			name: "SUSE Application Collection, chart", policy: "suse-application-collection.yaml", rule: 1,
			failed: byOtherKey,
			push: func(t *testing.T, s *sample) {
				s.image = pushChart(t, s.repo)
				sign(t, s.image, s.by())
			},
		},
		{
			name: "Elastic", policy: "elastic.yaml", failed: byOtherKey,
			push: func(t *testing.T, s *sample) { s.image = pushAs(t, s.repo, s.by()) },
		},
		{
			name: "Elastic, Docker Hub", policy: "elastic.yaml", rule: 1, failed: byOtherKey,
			push: func(t *testing.T, s *sample) {
				s.image = pushOCI(t, s.repo)
				signAs(t, s.image, s.by(), "docker.elastic.co/elasticsearch/elasticsearch")
			},
		},
		{name: "Tekton Chains", policy: "tekton.yaml", push: pushTekton, failed: byUnknownKey},
		{name: "Gardener", policy: "gardener.yaml", push: pushGardener, failed: byOtherKey},
	}
}

// pushSUSE pushes what the build service writes: a payload with the repository and its
// creator, and attestations with an annotation of its own.
func pushSUSE(t *testing.T, s *sample) {
	t.Helper()
	s.key = rsaKey(t)
	s.image = pushOCI(t, s.repo)
	by := s.by()
	name := strings.TrimSuffix(s.image.tag, ":v1")
	text := ok(json.Marshal(payload(name, s.image.digest.String(), cosignKind, document{"creator": "OBS"})))(t)
	putSigned(t, s.image, by, text, nil)
	attest(t, s.image, by, "spdxjson")
	respell(t, s.image, strings.TrimSuffix(sigTag(s.image), ".sig")+".att", func(doc document) {
		layerAnnotations(doc)["org.open-build-service.intoto.predicatetype"] = spdxType
	})
}

// pushIronBank pushes an image whose signer is published as a certificate.
func pushIronBank(t *testing.T, s *sample) {
	t.Helper()
	s.key = rsaKey(t)
	s.key.public = strings.TrimSuffix(s.key.public, ".pub") + ".crt"
	s.image = pushAs(t, s.repo, s.by())
	attest(t, s.image, s.by(), "spdxjson")
}

func pushTekton(t *testing.T, s *sample) {
	t.Helper()
	s.image = pushOCI(t, s.repo)
	by := s.by()
	by.unlogged = true
	name := strings.TrimSuffix(s.image.tag, ":v1")
	text := payload(name, s.image.digest.String(), "Tekton container signature", document{})
	putSigned(t, s.image, by, ok(json.Marshal(text))(t), nil)
}

// pushGardener pushes a payload in the spelling of Python's json.dumps, with an
// annotation of its own on the layer.
func pushGardener(t *testing.T, s *sample) {
	t.Helper()
	s.image = pushOCI(t, s.repo)
	text := `{"critical": {"identity": {"docker-reference": "` + strings.TrimSuffix(s.image.tag, ":v1") +
		`"}, "image": {"docker-manifest-digest": "` + s.image.digest.String() +
		`"}, "type": "gardener.vnd/oci/cosign-signature"}, "optional": null}`
	putSigned(t, s.image, s.by(), []byte(text), document{"gardener.cloud/signed-by": "pipeline"})
}

// byAttestation pushes an image about which a workflow makes an attestation.
func byAttestation(caller, ref, services, kind string) func(*testing.T, *sample) {
	return func(t *testing.T, s *sample) {
		s.image = pushOCI(t, s.repo)
		attest(t, s.image, s.workflow(t, caller, ref, services), kind)
	}
}

// attesting lists the publishers that do not sign the image.
func attesting() []publisher {
	const (
		release   = "/.github/workflows/release.yml@refs/heads/main"
		generator = "slsa-framework/slsa-github-generator/.github/workflows/" +
			"generator_container_slsa3.yml@refs/tags/v2.0.0"
	)
	return []publisher{
		{
			name: "Docker Official Images", policy: "docker-official.yaml", vouchedBy: "sender", seal: true,
			push: pushOfficial, failed: []string{"policy.seal", "policy.sender"},
		},
		{
			name: "docker github-builder", policy: "docker-github-builder.yaml", vouchedBy: "platform-attestation",
			push: pushBuilt, failed: []string{"cert.identity", "policy.platform-attestation"},
		},
		{
			name: "Docker Hardened Images", policy: "docker-hardened.yaml", vouchedBy: "platform-attestation",
			push: pushHardened, failed: []string{"signature.crypto", "policy.platform-attestation"},
		},
		{
			name: "GitHub, public", policy: "github.yaml", vouchedBy: "attestation",
			push:   byAttestation("acme/app", "acme/app"+release, certified1, "slsaprovenance1"),
			failed: []string{"cert.identity", "policy.attestation"},
		},
		{
			name: "GitHub, private", policy: "github-private.yaml", vouchedBy: "attestation", root: privateRoot,
			push: func(t *testing.T, s *sample) {
				privateConfig(t)
				byAttestation("acme/internal", "acme/internal"+release, withoutLog, "slsaprovenance1")(t, s)
			},
			failed: []string{"cert.identity", "policy.attestation"},
		},
		{
			name: "Kyverno", policy: "kyverno.yaml", vouchedBy: "attestation",
			push:   byAttestation("kyverno/kyverno", generator, "", "slsaprovenance"),
			failed: []string{"cert.identity", "policy.attestation"},
		},
	}
}

// pushBuilt pushes an index whose attestation manifest a workflow of Docker's signs.
func pushBuilt(t *testing.T, s *sample) {
	t.Helper()
	var att pushed
	s.image, att = buildkit(t, s.repo, "", true)
	const builder = "docker/github-builder/.github/workflows/build.yml@refs/tags/v1"
	sign(t, att, s.workflow(t, "acme/app", builder, certified1))
}

// pushOfficial pushes an index with an unsigned attestation manifest. The policy pins
// its digest.
func pushOfficial(t *testing.T, s *sample) {
	t.Helper()
	s.image, _ = buildkit(t, s.repo, "", false)
	s.pin = s.image.digest.String()
}

// pushHardened pushes an image whose evidence is in another repository: a statement as a
// referrer of the platform, and a signature over that in the form of OCI 1.1.
func pushHardened(t *testing.T, s *sample) {
	t.Helper()
	s.image = pushOCI(t, s.repo)
	evidence := pushed{tag: tagOf(s.repo + "-evidence")}
	r := evidence.repository(t)
	s.signatures = r.Name()
	digest := s.image.digest.String()
	layer := putBlob(t, r, inToto(t, digest), inTotoType)
	layer["annotations"] = document{"in-toto.io/predicate-type": provenanceType}
	config := putBlob(t, r, []byte("{}"), emptyConfigType)
	att := manifest(config, layer)
	att["artifactType"], att["subject"] = inTotoType, s.image.descriptor(t)
	signed := putManifest(t, r, "", att)

	by := s.by()
	by.unlogged = true
	text := ok(json.Marshal(payload(r.Name(), signed["digest"].(string), cosignKind, nil)))(t)
	signature := putBlob(t, r, text, simpleSigningType)
	signature["annotations"] = signBlob(t, by, text)
	doc := manifest(config, signature)
	doc["artifactType"], doc["subject"] = "application/vnd.dev.cosign.artifact.sig.v1+json", signed
	putManifest(t, r, "", doc)
}

// spellings are the same signatures as others, spelled as other tools do.
func spellings() []publisher {
	respelled := func(change func(t *testing.T, image pushed, doc document)) func(*testing.T, *sample) {
		return func(t *testing.T, s *sample) {
			s.image = pushAs(t, s.repo, s.by())
			respell(t, s.image, sigTag(s.image), func(doc document) { change(t, s.image, doc) })
		}
	}
	return []publisher{
		{
			name: "sigstore-rs", policy: "own-key.yaml", failed: byOtherKey,
			push: respelled(func(t *testing.T, image pushed, doc document) {
				doc["config"] = putBlob(t, image.repository(t), []byte("{}"), imageConfigType)
			}),
		},
		{
			name: "cosign attach signature", policy: "own-key.yaml", failed: byOtherKey,
			push: respelled(func(_ *testing.T, _ pushed, doc document) {
				a := layerAnnotations(doc)
				a["dev.cosignproject.cosign/signature"] = wrapped(a["dev.cosignproject.cosign/signature"].(string))
			}),
		},
		{
			name: "sigstore-python", policy: "own-key.yaml", failed: byOtherKey, push: func(t *testing.T, s *sample) {
				by := bundled(onRekor1)
				by.key = s.signer()
				s.image = pushAs(t, s.repo, by)
				respellBundle(t, s.image)
			},
		},
		{
			name: "skopeo and podman", policy: "own-key-unlogged.yaml", failed: byUnknownKey,
			push: func(t *testing.T, s *sample) {
				s.image = pushOCI(t, s.repo)
				by := s.by()
				by.unlogged = true
				signAs(t, s.image, by, s.image.tag)
			},
		},
	}
}

// withoutLog is a signing config with an authority and timestamps, but no log, as GitHub's
// own instance has them.
const withoutLog = "without-log"

// privateConfig writes that signing config.
func privateConfig(t *testing.T) {
	t.Helper()
	const form = ",operator=e2e," + since
	wantExit(t, 0, command(t, "cosign3", "signing-config", "create", "--out", stack.signingConfig(withoutLog),
		"--fulcio=api-version=1,url="+stack.fulcioURL+form, "--oidc-provider=api-version=1,url="+stack.issuer.url+form,
		"--tsa=api-version=1,url="+stack.tsaURL+form, "--tsa-config=ANY"))
}

// privateRoot writes trusted roots as JSON lines: one of a log only, and one with that
// authority and timestamps only.
func privateRoot(t *testing.T, _ *sample) string {
	t.Helper()
	dir := t.TempDir()
	private := filepath.Join(dir, "private_root.json")
	wantExit(t, 0, command(t, "cosign3", "trusted-root", "create", "--out", private,
		"--fulcio=url="+stack.fulcioURL+",certificate-chain="+stack.file("fulcio.pem")+","+since,
		"--tsa=url="+stack.tsaURL+",certificate-chain="+stack.file("tsa.pem")+","+since))
	var lines bytes.Buffer
	for _, root := range []string{stack.root, private} {
		if err := json.Compact(&lines, ok(os.ReadFile(root))(t)); err != nil {
			t.Fatal(err)
		}
		lines.WriteByte('\n')
	}
	file := filepath.Join(dir, "trusted_root.jsonl")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
