// Package registry reads manifests, blobs and referrers from registries that speak
// the OCI distribution protocol, and writes them. It is the only package that uses the
// network.
//
// [New] returns a [Source], which reads, and [NewTarget] a [Target], which writes, too.
// [Options] say how registries are reached; their zero value does what other container
// tools do. A request that fails for a reason that may pass is repeated. If the connection
// breaks within a blob, the transfer goes on from there, in both directions. Each silence is
// bounded, and [Options.OnWait] is called while it lasts.
//
// The package judges nothing: what it returns is what the registry sent, except
// that a manifest requested by digest has that digest and a blob has its size. The
// media type of a manifest is that of the document, whatever the registry says.
//
// # Credentials and certificates
//
// Credentials are the most specific entry of Docker's configuration, or of Podman's:
// that for the repository, for the nearest path above it, or for the host. They are
// never those of another repository. If the registry refuses them, a Source tries the
// request once without them, and calls [Options.OnNote]; a Target does not. Neither
// credentials nor client certificates are sent to a host that a registry redirects to.
//
// # Errors
//
// An error matches [oci.ErrNotFound] only if a registry answered 404. It matches
// [oci.ErrDenied] if the registry refused to answer, or does not answer such requests at
// all, as by 400, 405, 410 or 501: evidence that it does not show must not be taken for
// evidence that does not exist. An error that may pass, such as 429 or 500, matches neither.
// An answer that is not a manifest, such as a login page, matches [oci.ErrNoManifest]. A
// document over its budget matches [check.ErrTooLarge].
//
// An error says what was requested, what came instead, and what to do. If a host
// could not be reached it is a [*ConnectError], whose [Cause] says which field of
// [Options] may help: CACert for [CauseUnknownAuthority], ClientCert for
// [CauseClientCertificate], AllowHTTP for [CausePlainHTTP]. A message does not repeat
// the user info or the query of a URL, which may be secret.
package registry
