package policy

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// suggest adds to an error about an unknown key the known key that was meant.
func suggest(err error, into any) error {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return err
	}
	if _, quoted, ok := strings.Cut(e.Message, "unknown key \""); ok && len(quoted) < 64 {
		unknown, _, _ := strings.Cut(quoted, "\"")
		e.Message += suggestion(unknown, into)
	}
	return e
}

// suggestion returns the known key that is most like an unknown one, as the end of
// a message; empty if none is alike.
func suggestion(unknown string, into any) string {
	best, least := "", 3
	for _, known := range keysOf(reflect.TypeOf(into), nil) {
		if d := distance(unknown, known); d < least {
			best, least = known, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// keysOf lists the keys of a struct and of the structs in it.
func keysOf(t reflect.Type, keys []string) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return keysOf(t.Elem(), keys)
	case reflect.Struct:
		for i := range t.NumField() {
			if key := t.Field(i).Tag.Get("yaml"); key != "" {
				keys = keysOf(t.Field(i).Type, append(keys, key))
			}
		}
	}
	return keys
}

// distance counts the letters to insert, remove or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
