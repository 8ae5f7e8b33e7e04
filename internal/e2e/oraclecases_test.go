package e2e

import (
	"testing"
)

// oracleCase is an image as it was signed, and what its Sigstore bundles are judged by.
type oracleCase struct {
	name     string
	push     func(t *testing.T, repo string) pushed
	bundles  int    // how many come of it
	judgedBy files  // key.pub or identity, and trusted_root.json if it is another
	instead  []byte // of the manifest signed
}

// byKey and byIdentity are what a sample is judged by.
func byKey(t *testing.T, pair keyPair) files {
	t.Helper()
	return files{"key.pub": read(t, pair.public)}
}

func byIdentity(identity, issuer string) files {
	return files{"identity": []byte(identity + "\n" + issuer + "\n")}
}

// pushedAs signs an image and attests each of the types.
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
		{name: "workflow-rekor1", push: pushedAs(keyless(t, certified1, token, err)), bundles: 1, judgedBy: byIdentity(workflow, stack.issuer.workflowURL())},
		{name: "workflow-rekor2", push: pushedAs(keyless(t, certified2, token, err)), bundles: 1, judgedBy: byIdentity(workflow, stack.issuer.workflowURL())},
	}
}

// badForOracle are those that either implementation must reject as they are.
func badForOracle(t *testing.T) []oracleCase {
	t.Helper()
	stranger := bundled(onRekor1)
	stranger.key = stack.stranger
	key, dev := byKey(t, stack.signer), byIdentity(developer, stack.issuer.url)
	unknownLog := files{"key.pub": key["key.pub"], "trusted_root.json": read(t, stack.root)}
	list := []oracleCase{
		{name: "wrong-key", push: pushedAs(stranger), judgedBy: key},
		{name: "no-log", push: pushedAs(bundled(noService)), judgedBy: key},
		{name: "timestamp-only", push: pushedAs(bundled(onlyStamp)), judgedBy: key},
		{name: "unknown-log", push: pushedAs(bundled(onRekor2)), judgedBy: unknownLog},
		{name: "other-image", push: pushedAs(bundled(onRekor1)), judgedBy: key, instead: []byte("{}")},
		{name: "key-for-identity", push: pushedAs(byDeveloper(t, certified1)), judgedBy: key},
		{name: "identity-for-key", push: pushedAs(bundled(onRekor2)), judgedBy: dev},
		{name: "other-identity", push: pushedAs(byDeveloper(t, certified2)), judgedBy: byIdentity("stranger@e2e.test", stack.issuer.url)},
		{name: "other-issuer", push: pushedAs(byDeveloper(t, certified1)), judgedBy: byIdentity(developer, stack.issuer.workflowURL())},
	}
	for i := range list {
		list[i].name, list[i].bundles = "bad-"+list[i].name, 1
	}
	return list
}
