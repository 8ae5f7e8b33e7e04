package docs

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// walkthrough is the script that docs/compliance.md shows. A test in cmd/gapseal
// runs it and compares what it prints with the files in it.
const walkthrough = "cmd/gapseal/testdata/script/walkthrough.txtar"

// walkParts generate the sessions of the script, each named after the file with
// its output, and the files that people write.
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
			shown := fenced(language, string(f.Data))
			parts["walkthrough "+path.Base(f.Name)] = func(testing.TB) string { return shown }
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

// session reads a script and collects the commands, each after a prompt that
// names the folder.
type session struct {
	typed strings.Builder
	place string // the current folder; empty in the part of the script that is not shown
	code  string // a sentence about an exit code other than 0
}

// read reads a line of the script. If a session ends there, it returns the name
// of the session and whether the session has output.
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

// command adds a command line. A long one is continued on the next line as in a
// shell, never between a flag and its value. Pipelines are not folded.
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

// words splits a command line, and joins each flag with its value to one word.
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
