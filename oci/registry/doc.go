// Package registry reads manifests, blobs and referrers from registries that speak
// the OCI distribution protocol. It is the only package that uses the network.
//
// [New] returns a [Source] for [Options], which say how registries are reached.
// Credentials come from the Docker configuration. Requests that meet a passing
// fault are repeated, and blobs whose connection breaks are continued where it
// broke.
//
// The package judges nothing: what it returns is what the registry sent, except
// that a manifest requested by digest has that digest and a blob has its size.
//
// # Errors
//
// An error matches [oci.ErrNotFound] only if a registry answered 404. A request that
// a registry refused or could not answer is another error, so that evidence that it
// does not show is not taken for evidence that does not exist. A document over its
// budget matches [check.ErrTooLarge].
//
// An error says what was requested, what came instead, and what to do. Where the
// remedy is a field of [Options], the caller can test the cause instead:
// [*tls.CertificateVerificationError] for a certificate of an unknown authority
// (CACert), and [http.ErrSchemeMismatch] for a registry without TLS (AllowHTTP). A
// message does not repeat the user info or the query of a URL, which may be secret.
package registry
