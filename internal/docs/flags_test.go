package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sources says which files of cmd/gapseal declare the flags of each command.
var sources = map[string][]string{
	"export": {"export.go", "volumes.go", "demands.go", "anchors.go"}, "verify": {"verify.go", "transfer.go", "reports.go", "demands.go", "anchors.go"},
	"inspect": {"inspect.go"}, "repair": {"repair.go"}, "trust": {"trust.go"}, "policy": {"policy.go"}, "register": {"register.go"}, "receipt": {"receipt.go"}, "version": {}, "completion": {},
}

// declared reads the flags of each command from its source: the names given to
// methods of a flag set, which is called fs there. Shorthands are listed too.
func declared(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	for command, files := range sources {
		flags := map[string]bool{"--help": true, "-h": true}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "cmd", "gapseal", file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				for _, name := range flagNames(n) {
					flags[name] = true
				}
				return true
			})
		}
		all[command] = flags
	}
	if len(all["verify"]) < 15 || len(all["export"]) < 15 || !all["inspect"]["--output"] || !all["trust"]["-o"] || !all["verify"]["--certificate-identity"] || !all["verify"]["-a"] {
		t.Fatalf("the flags could not be read from cmd/gapseal: %v", all)
	}
	return all
}

// flagNames returns the flags that a call such as fs.StringVarP declares.
func flagNames(n ast.Node) (names []string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if on, ok := method.X.(*ast.Ident); !ok || on.Name != "fs" {
		return nil
	}
	for _, arg := range call.Args {
		lit, ok := arg.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			continue
		}
		name, err := strconv.Unquote(lit.Value)
		if err != nil {
			return nil
		}
		if names == nil {
			names = append(names, "--"+name)
			if !strings.HasSuffix(method.Sel.Name, "P") {
				return names
			}
			continue
		}
		return append(names, "-"+name)
	}
	return names
}

var (
	shellBlock  = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	codeSpan    = regexp.MustCompile("`([^`\n]+)`")
	commandLine = regexp.MustCompile(`(?:^|\| )gapseal ([a-z]+)([^|#]*)`)
	flagWord    = regexp.MustCompile(`(?:^|[\s\[])(--?[a-z][a-z-]*)`)
)

// commands returns the shell lines and code spans of a document.
func commands(doc string) (lines, spans []string) {
	for _, m := range shellBlock.FindAllStringSubmatch(doc, -1) {
		for _, l := range strings.Split(strings.ReplaceAll(m[1], "\\\n", " "), "\n") {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	for _, m := range codeSpan.FindAllStringSubmatch(fence.ReplaceAllString(doc, ""), -1) {
		spans = append(spans, m[1])
	}
	return append(lines, spans...), spans
}

// TestFlags wants every flag of a gapseal command line in a document to exist,
// and every flag that stands alone in code to be one of gapseal's.
func TestFlags(t *testing.T) {
	known := declared(t)
	found := 0
	for _, name := range documents(t) {
		lines, spans := commands(readDocument(t, name))
		for _, l := range lines {
			for _, m := range commandLine.FindAllStringSubmatch(l, -1) {
				if known[m[1]] == nil {
					t.Errorf("%s: there is no command gapseal %s", name, m[1])
				}
				for _, f := range flagWord.FindAllStringSubmatch(m[2], -1) {
					if found++; !known[m[1]][f[1]] {
						t.Errorf("%s: gapseal %s has no flag %s", name, m[1], f[1])
					}
				}
			}
		}
		for _, s := range spans {
			if m := flagWord.FindStringSubmatch(s); m != nil && s[0] == '-' {
				if found++; !someCommand(known, m[1]) && !foreign[m[1]] {
					t.Errorf("%s: no command of gapseal has the flag %s", name, m[1])
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("found only %d flags in the documents", found)
	}
}

// foreign are flags of other programs that the documents speak of.
var foreign = map[string]bool{
	"--all": true, "--preserve-digests": true, "-b": true, "--format": true,
	"--with-default-services": true, "--mirror": true, "--root": true, "--type": true,
}

func someCommand(commands map[string]map[string]bool, flag string) bool {
	for _, flags := range commands {
		if flags[flag] {
			return true
		}
	}
	return false
}

// TestTargets wants every make target that a document names to exist.
func TestTargets(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents(t) {
		for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9]+)").FindAllStringSubmatch(readDocument(t, name), -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(raw) {
				t.Errorf("%s: the Makefile has no target %s", name, m[1])
			}
		}
	}
}
