package e2e

import (
	"testing"
)

// oracleCase is a signed image, and the anchors for its Sigstore bundles.
type oracleCase struct {
	name     string
	push     func(t *testing.T, repo string) pushed
	bundles  int    // the number of Sigstore bundles
	judgedBy files  // key.pub or identity, and trusted_root.json if it is not the common one
	instead  []byte // judged in place of the signed manifest
}

// byKey and byIdentity return the files with the anchors of a sample.
func byKey(t *testing.T, pair keyPair) files {
	t.Helper()
	return files{"key.pub": read(t, pair.public)}
}

func byIdentity(identity, issuer string) files {
	return files{"identity": []byte(identity + "\n" + issuer + "\n")}
}

// pushedAs returns a function that pushes and signs an image, with an attestation of
// each type.
func pushedAs(s signature, types ...string) func(*testing.T, string) pushed {
	return func(t *testing.T, repo string) pushed {
		t.Helper()
		image := pushAs(t, repo, s)
		attest(t, image, s, types...)
		return image
	}
}

func goodForOracle(t *testing.T) []oracleCase {
	t.Helper()
	key, dev := byKey(t, stack.signer), byIdentity(developer, stack.issuer.url)
	older := bundled(onRekor1)
	older.version = "cosign2"
	olderOn2 := bundled(onRekor2)
	olderOn2.version = "cosign2"
	recursive := bundled(onRekor2)
	recursive.recursive = true
	token, err := stack.issuer.workflowToken()
	ci := byIdentity(workflow, stack.issuer.workflowURL())
	types := []string{"slsaprovenance1", "spdxjson"}
	return []oracleCase{
		{name: "key-rekor1", push: pushedAs(bundled(onRekor1), types...), bundles: 3, judgedBy: key},
		{name: "key-rekor2", push: pushedAs(bundled(onRekor2), types...), bundles: 3, judgedBy: key},
		{name: "key-two-logs", push: pushedAs(bundled(onBoth)), bundles: 1, judgedBy: key},
		{name: "key-cosign2-rekor1", push: pushedAs(older, types[0]), bundles: 2, judgedBy: key},
		{name: "key-cosign2-rekor2", push: pushedAs(olderOn2), bundles: 1, judgedBy: key},
		{name: "key-recursive", push: func(t *testing.T, repo string) pushed {
			image := pushIndex(t, repo)
			sign(t, image, recursive)
			return image
		}, bundles: 3, judgedBy: key},
		{name: "keyless-rekor1", push: pushedAs(byDeveloper(t, certified1), types...), bundles: 3, judgedBy: dev},
		{name: "keyless-rekor2", push: pushedAs(byDeveloper(t, certified2), types...), bundles: 3, judgedBy: dev},
		{name: "workflow-rekor1", push: pushedAs(keyless(t, certified1, token, err)), bundles: 1, judgedBy: ci},
		{name: "workflow-rekor2", push: pushedAs(keyless(t, certified2, token, err)), bundles: 1, judgedBy: ci},
	}
}

// badForOracle returns the cases that both implementations must reject without a
// change.
func badForOracle(t *testing.T) []oracleCase {
	t.Helper()
	untrusted := bundled(onRekor1)
	untrusted.key = stack.untrusted
	key, dev := byKey(t, stack.signer), byIdentity(developer, stack.issuer.url)
	unknownLog := files{"key.pub": key["key.pub"], "trusted_root.json": read(t, stack.root)}
	otherIdentity := byIdentity("somebody.else@e2e.test", stack.issuer.url)
	otherIssuer := byIdentity(developer, stack.issuer.workflowURL())
	list := []oracleCase{
		{name: "wrong-key", push: pushedAs(untrusted), judgedBy: key},
		{name: "no-log", push: pushedAs(bundled(noService)), judgedBy: key},
		{name: "timestamp-only", push: pushedAs(bundled(onlyStamp)), judgedBy: key},
		{name: "unknown-log", push: pushedAs(bundled(onRekor2)), judgedBy: unknownLog},
		{name: "other-image", push: pushedAs(bundled(onRekor1)), judgedBy: key, instead: []byte("{}")},
		{name: "key-for-identity", push: pushedAs(byDeveloper(t, certified1)), judgedBy: key},
		{name: "identity-for-key", push: pushedAs(bundled(onRekor2)), judgedBy: dev},
		{name: "other-identity", push: pushedAs(byDeveloper(t, certified2)), judgedBy: otherIdentity},
		{name: "other-issuer", push: pushedAs(byDeveloper(t, certified1)), judgedBy: otherIssuer},
	}
	for i := range list {
		list[i].name, list[i].bundles = "bad-"+list[i].name, 1
	}
	return list
}
