package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/registry"
)

// serve starts a registry that holds one manifest, and gives it the wrong type.
func serve() (host string, stop func()) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v2/acme/app/manifests/v1" {
			fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":%q,"manifests":[]}`, oci.TypeIndex)
		}
	}))
	return strings.TrimPrefix(server.URL, "http://"), server.Close
}

// The document decides the media type of a manifest, whatever the registry says.
func ExampleSource_Manifest() {
	host, stop := serve()
	defer stop()
	src, err := registry.New(registry.Options{
		OnNote: func(note string) { fmt.Println("note:", note) },
		OnWait: func(what string, silence time.Duration) { fmt.Println("waiting for", what, silence) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, mediaType, err := src.Manifest(context.Background(), host+"/acme/app", "v1")
	fmt.Println(len(raw), mediaType, err)
	// Output: 88 application/vnd.oci.image.index.v1+json <nil>
}

// The cause says which option helps.
func ExampleConnectError() {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	src, err := registry.New(registry.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = src.Manifest(context.Background(), strings.TrimPrefix(server.URL, "https://")+"/acme/app", "v1")
	var connect *registry.ConnectError
	if errors.As(err, &connect) && connect.Cause == registry.CauseUnknownAuthority {
		fmt.Println("set CACert to the certificate of the registry's authority")
	}
	// Output: set CACert to the certificate of the registry's authority
}
