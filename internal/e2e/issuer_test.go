package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"time"
)

const (
	tokenLife   = 10 * time.Minute
	issuerKeyID = "e2e"
	audience    = "sigstore" // the client id that cosign asks for and Fulcio expects
)

// issuer is an OpenID Connect provider that issues tokens for any identity. It serves
// what Fulcio requests: the discovery document (OpenID Connect Discovery 1.0, section
// 4) and the keys (RFC 7517). It acts as two issuers with the same key: one at its
// URL, for e-mail addresses, and one at a path below, for workflows.
type issuer struct {
	url string
	key *rsa.PrivateKey
}

// workflowURL returns the URL of the issuer for workflows.
func (i *issuer) workflowURL() string { return i.url + "/workflow" }

// startIssuer starts the issuer in this process.
func (l *lab) startIssuer() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.issuer = &issuer{url: "http://" + listener.Addr().String(), key: key}
	mux := http.NewServeMux()
	for _, path := range []string{"", "/workflow"} {
		mux.HandleFunc("GET "+path+"/.well-known/openid-configuration", l.issuer.discovery(l.issuer.url+path))
		mux.HandleFunc("GET "+path+"/keys", l.issuer.keys)
	}
	go http.Serve(listener, mux)
	return nil
}

func (i *issuer) discovery(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer":                                url,
			"jwks_uri":                              url + "/keys",
			"authorization_endpoint":                url + "/auth",
			"token_endpoint":                        url + "/token",
			"response_types_supported":              []string{"code"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	}
}

func (i *issuer) keys(w http.ResponseWriter, _ *http.Request) {
	exponent := big.NewInt(int64(i.key.E)).Bytes()
	answer(w, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": issuerKeyID,
		"n": segment(i.key.N.Bytes()), "e": segment(exponent),
	}}})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

// emailToken returns a token for an e-mail address.
func (i *issuer) emailToken(address string) (string, error) {
	return i.token(i.url, map[string]any{"sub": address, "email": address, "email_verified": true})
}

// workflow is the name of the lab's workflow in a certificate's SAN.
const workflow = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"

// workflowToken returns a token with the claims that GitHub makes about a workflow
// run.
func (i *issuer) workflowToken() (string, error) {
	return i.token(i.workflowURL(), map[string]any{
		"sub":              "repo:acme/app:ref:refs/heads/main",
		"job_workflow_ref": workflow[len("https://github.com/"):],
		"repository":       "acme/app",
		"workflow":         "Release",
		"event_name":       "push",
		"ref":              "refs/heads/main",
		"sha":              "1111111111111111111111111111111111111111",
	})
}

// token signs claims as a JSON Web Token (RFC 7519) with RS256 (RFC 7518, section
// 3.3).
func (i *issuer) token(from string, claims map[string]any) (string, error) {
	now := time.Now()
	all := map[string]any{
		"iss": from, "aud": audience,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	}
	maps.Copy(all, claims)
	body, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	header := fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"JWT"}`, issuerKeyID)
	signed := segment([]byte(header)) + "." + segment(body)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return signed + "." + segment(signature), nil
}

func segment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
