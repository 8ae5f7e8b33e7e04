package oracle

import "encoding/json"

// spliceCases replace one part of a sample by that of another sample. Every part
// is genuine and was signed by somebody.
func spliceCases(samples []*sample) (list []*testCase) {
	for _, s := range samples {
		for _, from := range samples {
			if !s.expect || from == s || string(from.root) != string(s.root) {
				continue
			}
			for _, part := range parts {
				if spliced := splice(s.bundle, from.bundle, part.path); spliced != nil {
					changed := *s
					changed.bundle = spliced
					what := part.path[len(part.path)-1] + " of " + from.name + ": splice"
					list = append(list, &testCase{&changed, part.class, what})
				}
			}
		}
	}
	return list
}

// parts lists the members that are replaced, each with its class.
var parts = []struct {
	class string
	path  []string
}{
	{"log entry", []string{"verificationMaterial", "tlogEntries"}},
	{"timestamp", []string{"verificationMaterial", "timestampVerificationData"}},
	{"certificate", []string{"verificationMaterial", "certificate"}},
	{"key hint", []string{"verificationMaterial", "publicKey"}},
	{"envelope", []string{"dsseEnvelope"}},
	{"message signature", []string{"messageSignature"}},
	{"media type", []string{"mediaType"}},
	{"Sigstore bundle", []string{"verificationMaterial"}},
}

// splice returns a copy of to in which the member at a path has the value that it
// has in from. It returns nil if from has no such member, or the same value.
func splice(to, from []byte, path []string) []byte {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(to, &a) != nil || json.Unmarshal(from, &b) != nil || b[path[0]] == nil {
		return nil
	}
	value := b[path[0]]
	if len(path) > 1 {
		value = splice(a[path[0]], b[path[0]], path[1:])
	}
	if value == nil || string(value) == string(a[path[0]]) {
		return nil
	}
	a[path[0]] = value
	raw, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return raw
}
