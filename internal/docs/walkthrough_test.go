package docs

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// walkthrough is the script that docs/compliance.md shows. Its own test holds
// what it prints against the files in it, so that what is shown here is true.
const walkthrough = "cmd/gapseal/testdata/script/walkthrough.txtar"

// walkParts are the sessions of the script, each by the name of the file with
// what is printed, and the files that people write.
func walkParts() map[string]func(testing.TB) string {
	a, err := txtar.ParseFile(filepath.Join(root, filepath.FromSlash(walkthrough)))
	if err != nil {
		panic(err)
	}
	parts := map[string]func(testing.TB) string{}
	files := map[string]string{}
	for _, f := range a.Files {
		files[path.Base(f.Name)] = string(f.Data)
		if language, ok := map[string]string{".yaml": "yaml", ".sh": "sh"}[path.Ext(f.Name)]; ok {
			parts["walkthrough "+path.Base(f.Name)] = func(testing.TB) string { return fenced(language, string(f.Data)) }
		}
	}
	s := &session{}
	for line := range strings.Lines(string(a.Comment)) {
		if name, printed := s.read(strings.TrimSpace(line)); name != "" {
			typed, code := s.typed.String(), s.code
			s.typed.Reset()
			parts["walkthrough "+name] = func(t testing.TB) string {
				if printed && files[name+".out"] == "" {
					t.Errorf("%s prints nothing for %q", walkthrough, name)
				}
				return fenced("console", typed+files[name+".out"]) + code
			}
		}
	}
	return parts
}

// session reads a script and keeps what is typed, behind a prompt that says in
// whose folder.
type session struct {
	typed strings.Builder
	place string // empty before the story begins
	code  string // what is said of an exit code that is not 0
}

// read takes a line of the script. It returns the name of the session that ends
// there, and whether something is printed in it.
func (s *session) read(line string) (name string, printed bool) {
	if name, ok := strings.CutPrefix(line, "# shown: "); ok {
		s.code = ""
		return name, false
	}
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "cd":
		s.place = path.Base(rest)
	case s.place == "":
	case word == "prints":
		return strings.TrimSuffix(path.Base(rest), ".out"), true
	case word == "exits":
		code, command, _ := strings.Cut(rest, " ")
		s.code = ""
		if code != "0" {
			s.code = "\nThe exit code is " + code + ".\n"
		}
		s.command(command)
	case word == "exec":
		s.command(strings.TrimSuffix(strings.TrimPrefix(rest, "sh -c '"), "'"))
	case word == "mkdir" || word == "cp" || word == "mv":
		s.command(line)
	}
	return "", false
}

// command adds a command line, folded as a shell takes it: a flag stays with its
// value, and what is quoted or piped is left as it is.
func (s *session) command(line string) {
	prompt := s.place + "$ "
	column := len([]rune(prompt))
	s.typed.WriteString(prompt)
	for i, word := range words(line) {
		switch {
		case i == 0:
		case column+1+len(word) > 78 && !strings.Contains(line, " | "):
			s.typed.WriteString(" \\\n    ")
			column = 4
		default:
			s.typed.WriteString(" ")
			column++
		}
		s.typed.WriteString(word)
		column += len(word)
	}
	s.typed.WriteString("\n")
}

// words splits a command line, a flag and its value being one word.
func words(line string) (list []string) {
	flag := false
	for word := range strings.FieldsSeq(line) {
		if last := len(list) - 1; flag && !strings.HasPrefix(word, "-") {
			list[last], flag = list[last]+" "+word, false
			continue
		}
		list, flag = append(list, word), strings.HasPrefix(word, "-")
	}
	return list
}
