package trust

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// The ids are constants; this test compares them with the keys.
func TestBuiltinLogs(t *testing.T) {
	logs := BuiltinLogs()
	if len(logs) != 2 {
		t.Fatalf("got %d logs, want 2", len(logs))
	}
	v1, v2 := logs[0], logs[1]
	if v1.Name != "rekor.sigstore.dev" || v1.ID != v1.Key.hexDigest() || v1.Key.Describe() != "ECDSA P-256" {
		t.Errorf("Rekor v1: %s, %s, %s", v1.Name, v1.ID, v1.Key.Describe())
	}
	edKey, ok := v2.Key.Public.(ed25519.PublicKey)
	if !ok || v2.Name != "log2025-1.rekor.sigstore.dev" || v2.ID != checkpointKeyID(v2.Name, edKey) {
		t.Errorf("Rekor v2: %s, %s, %s", v2.Name, v2.ID, v2.Key.Describe())
	}
	for _, log := range logs {
		if log.Source != SourceBuiltin || log.From.IsZero() || !log.To.IsZero() || log.Key.CheckStrength() != nil {
			t.Errorf("%s: source %q, from %v to %v", log.Name, log.Source, log.From, log.To)
		}
	}
	logs[0].Key.DER[0] ^= 1
	if BuiltinLogs()[0].Key.DER[0] == logs[0].Key.DER[0] {
		t.Error("a caller can change the built-in key")
	}
}

func TestParseLogKey(t *testing.T) {
	for file, id := range map[string]string{
		"rekor1.pub": "968f851ed47bb8d32b74b1990125a3c4dcc28271b86b6a38a95ea0135fd32062",
		"rekor2.pub": "c678fb6bab7c6db701511e7958601dac82843803ba23facf42de364c4145feea",
	} {
		log, err := ParseLogKey(readFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if log.ID != id || log.Source != SourceFile || log.Name != "" {
			t.Errorf("%s: got %s, %q, %q", file, log.ID, log.Source, log.Name)
		}
		for _, when := range []string{"1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z"} {
			if err := log.CheckWindow(at(t, when)); err != nil {
				t.Errorf("%s: a bare key has no window: %v", file, err)
			}
		}
	}
}

func TestParseLogKeyRefuses(t *testing.T) {
	_, err := ParseLogKey(block("PUBLIC KEY", spki(t, &newRSA().PublicKey)))
	wantUnsupported(t, err, "RSA 2048")
	_, err = ParseLogKey(block("CERTIFICATE", selfSigned(t)))
	wantFormat(t, err, "public key file", "this is a certificate")
	if !strings.HasPrefix(err.Error(), "log key: ") {
		t.Errorf("message %q does not say which file", err)
	}
}

func TestCheckWindow(t *testing.T) {
	closed := Log{From: at(t, "2021-01-12T11:53:27Z"), To: at(t, "2022-10-31T23:59:59.999Z")}
	open := Log{From: closed.From}
	for _, test := range []struct {
		log    Log
		at     string
		inside bool
	}{
		{closed, "2021-01-12T11:53:26Z", false},
		{closed, "2021-01-12T11:53:27Z", true},
		{closed, "2022-10-31T23:59:59.999Z", true},
		{closed, "2022-10-31T23:59:59.9991Z", false},
		{closed, "2022-11-01T00:59:59+01:00", true},
		{closed, "2022-11-01T00:00:00Z", false},
		{open, "2021-01-12T11:53:26.999Z", false},
		{open, "9999-12-31T23:59:59Z", true},
		{Log{To: closed.To}, "1970-01-01T00:00:00Z", true},
		{Log{To: closed.To}, "2023-01-01T00:00:00Z", false},
	} {
		err := test.log.CheckWindow(at(t, test.at))
		if test.inside {
			if err != nil {
				t.Errorf("%s: %v", test.at, err)
			}
			continue
		}
		var window *WindowError
		if !errors.As(err, &window) {
			t.Fatalf("%s: got %v, want *WindowError", test.at, err)
		}
		want := WindowError{From: test.log.From, To: test.log.To, At: at(t, test.at)}
		if !window.From.Equal(want.From) || !window.To.Equal(want.To) || !window.At.Equal(want.At) {
			t.Errorf("got %+v, want %+v", window, want)
		}
	}
	err := closed.CheckWindow(at(t, "2022-11-01T00:00:00Z"))
	want := "2022-11-01T00:00:00Z is outside the window from 2021-01-12T11:53:27Z to 2022-10-31T23:59:59.999Z, " +
		"both included"
	if err == nil || err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if got := stamp(time.Time{}); got != "(open)" {
		t.Errorf("open end shown as %q", got)
	}
}
