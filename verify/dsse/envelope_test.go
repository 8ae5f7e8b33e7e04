package dsse

import (
	"errors"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

func TestParseEnvelope(t *testing.T) {
	for name, text := range map[string]string{
		"as tools write it": `{"payloadType":"t","payload":"AAAA","signatures":[{"keyid":"k","sig":"AQ=="}]}`,
		"another order":     `{"signatures":[{"sig":"AQ==","keyid":"k"}],"payload":"AAAA","payloadType":"t"}`,
		"white space": "{ \"payloadType\": \"t\",\n\"payload\": \"AAAA\", \"signatures\": [ " +
			"{\"keyid\":\"k\",\"sig\":\"AQ==\"} ] }\n",
	} {
		e, err := ParseEnvelope([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.PayloadType != "t" || string(e.Payload) != "\x00\x00\x00" || e.KeyID != "k" ||
			string(e.Signature) != "\x01" ||
			string(e.Raw) != text || string(e.PAE()) != "DSSEv1 1 t 3 \x00\x00\x00" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if e, err := ParseEnvelope([]byte(`{"payload":"AAAA","signatures":[{"sig":"AQ=="}]}`)); err != nil ||
		e.KeyID != "" || e.PayloadType != "" {
		t.Errorf("without a payload type and a key id: %+v, %v", e, err)
	}
}

func TestParseEnvelopeRefuses(t *testing.T) {
	const good = `{"payloadType":"t","payload":"AAAA","signatures":[{"keyid":"k","sig":"AQ=="}]}`
	for name, c := range map[string]struct{ old, new, says string }{
		"no signature":      {`{"keyid":"k","sig":"AQ=="}`, ``, "found 0"},
		"two signatures":    {`{"keyid":"k","sig":"AQ=="}`, `{"sig":"AQ=="},{"sig":"AQ=="}`, "found 2"},
		"empty signature":   {`"AQ=="`, `""`, "empty"},
		"empty payload":     {`"AAAA"`, `""`, "empty"},
		"case variant":      {`"payload"`, `"Payload"`, "case variant"},
		"case variant deep": {`"keyid"`, `"keyID"`, "case variant"},
		"member twice":      {`"payload"`, `"payload":"AAAA","payload"`, "duplicate"},
		"stray bits":        {`"AQ=="`, `"AR=="`, "base64"},
		"a space in base64": {`"AQ=="`, `"A Q=="`, "base64"},
		"data after":        {`}]}`, `}]}x`, "after the end"},
	} {
		var format *check.FormatError
		_, err := ParseEnvelope([]byte(strings.Replace(good, c.old, c.new, 1)))
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	for name, c := range map[string]struct{ old, new string }{
		"unknown members":      {`"keyid"`, `"cert":"-----BEGIN","x":{"y":[1]},"keyid"`},
		"unpadded base64":      {`"AQ=="`, `"AQ"`},
		"base64 in lines":      {`"AAAA"`, `"AA\r\nAA\n"`},
		"white space, escapes": {`"payload":"AAAA"`, "\n\"pa\\u0079load\" :\t\"AAAA\" "},
	} {
		e, err := ParseEnvelope([]byte(strings.Replace(good, c.old, c.new, 1)))
		if err != nil || string(e.Payload) != "\x00\x00\x00" || string(e.Signature) != "\x01" || e.KeyID != "k" {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	many := strings.Repeat(`{"sig":"AQ=="},`, 65)
	raw := strings.Replace(good, `[{"keyid"`, `[`+many+`{"keyid"`, 1)
	if _, err := ParseEnvelope([]byte(raw)); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("65 signatures: %v", err)
	}
}
