package trust

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxRootDepth bounds the nesting of a trusted root, whose deepest member has
// six levels.
const maxRootDepth = 16

// checkStrict refuses what protojson lets pass and another reader may take
// another way: a member twice, the snake_case alias of a member's name, and the
// number of an enumeration's value. No member of a trusted root has an underscore
// in its JSON name. Unknown members are protojson's to refuse.
func checkStrict(text []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if err := walk(dec); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed(rootFile, "want one JSON object and nothing after it")
	}
	return nil
}

// walk reads one JSON value to its end.
func walk(dec *jsontext.Decoder) error {
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return malformed(rootFile, "want strict JSON, each member once: %v", err)
		}
		if depth := dec.StackDepth(); depth > maxRootDepth {
			return tooLarge(rootFile+": JSON nesting", depth, maxRootDepth)
		} else if depth == 0 {
			return nil
		}
		if token.Kind() == '0' && isEnumeration(dec) {
			return malformed(rootFile, "%s: want its name, found the number %s", dec.StackPointer(), token)
		}
		if isName(dec) && strings.Contains(token.String(), "_") {
			return malformed(rootFile, "member %q: want its camelCase name", token.String())
		}
	}
}

// isName tells whether the token just read was a member's name: an object has
// then had an odd number of tokens.
func isName(dec *jsontext.Decoder) bool {
	kind, length := dec.StackIndex(dec.StackDepth())
	return kind == '{' && length%2 == 1
}

// isEnumeration tells whether the token just read is the value of one.
func isEnumeration(dec *jsontext.Decoder) bool {
	name := dec.StackPointer().LastToken()
	return name == "keyDetails" || name == "hashAlgorithm"
}
