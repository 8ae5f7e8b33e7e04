// Command demo shows gapseal's main task from end to end with embedded images. A
// registry on the loopback interface serves an image that cosign signed. The demo
// exports it, verifies it, and then forges the bundle in four ways; gapseal must
// reject each forgery for the expected reason. A keyless image follows, with an
// identity instead of a key. At the end the image is loaded into a second registry, and
// verified there. The demo uses no other network and installs nothing.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gapseal/gapseal/testdata"
)

const (
	image        = "registry.example.com/acme/app:v1"
	keylessImage = "registry.example.com/acme/keyless:v1"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo GAPSEAL_BINARY")
		os.Exit(2)
	}
	d, err := newDemo(os.Args[1])
	if err == nil {
		err = d.run()
		os.RemoveAll(d.dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	fmt.Printf("demo: %d passed, %d failed\n", d.passed, d.failed)
	if d.failed > 0 {
		os.Exit(1)
	}
}

type demo struct {
	gapseal, dir, proxy string
	passed, failed      int
}

func newDemo(gapseal string) (*demo, error) {
	binary, err := filepath.Abs(gapseal)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gapseal-demo-")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"cosign.pub", "other.pub", "rekor.pub", "trusted_root.json"} {
		raw, err := testdata.FS.ReadFile("keys/" + name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			return nil, err
		}
	}
	proxy, err := serve()
	return &demo{gapseal: binary, dir: dir, proxy: proxy}, err
}

func (d *demo) run() error {
	d.title("A registry serves a signed image. Export writes it to a bundle with all its evidence.")
	code := d.show("export", image, "--key", "cosign.pub", "--rekor-key", "rekor.pub",
		"--allow-http-registry", "-o", "app.tar")
	if code != 0 {
		return fmt.Errorf("export exited with code %d", code)
	}
	d.title("On the receiving side, the bundle is verified without a network.")
	d.expect(d.show("verify", "app.tar", "--key", "cosign.pub", "--rekor-key", "rekor.pub") == 0, "verified")
	good, err := os.ReadFile(filepath.Join(d.dir, "app.tar"))
	if err != nil {
		return err
	}
	for _, f := range forgeries {
		if err := d.forgery(good, f); err != nil {
			return err
		}
	}
	if err := d.keyless(); err != nil {
		return err
	}
	return d.load()
}

// forgery shows that one forged bundle is rejected, and checks the reason.
func (d *demo) forgery(good []byte, f forgery) error {
	d.title(f.title)
	if err := os.WriteFile(filepath.Join(d.dir, f.file), f.forge(good), 0o644); err != nil {
		return err
	}
	return d.rejected([]string{"verify", f.file, "--key", f.key, "--rekor-key", "rekor.pub"}, f.class)
}

// rejected shows a rejection and checks the class of its first cause.
func (d *demo) rejected(args []string, want string) error {
	code := d.show(args...)
	class, err := d.firstClass(args)
	if err != nil {
		return err
	}
	d.expect(code == 1 && class == want, "rejected, class "+want)
	return nil
}

// show prints a command line, runs it with its output shown, and returns the exit
// code.
func (d *demo) show(args ...string) int {
	fmt.Printf("$ gapseal %s\n", strings.Join(args, " "))
	cmd := d.command(args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Println(err)
		return -1
	}
	return cmd.ProcessState.ExitCode()
}

func (d *demo) command(args ...string) *exec.Cmd {
	cmd := exec.Command(d.gapseal, args...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(),
		"http_proxy="+d.proxy, "HTTP_PROXY="+d.proxy, "no_proxy=", "NO_PROXY=", "DOCKER_CONFIG="+d.dir)
	return cmd
}

// firstClass returns the class of the first cause, from the JSON report.
func (d *demo) firstClass(args []string) (string, error) {
	out, _ := d.command(append(args, "--output", "json")...).Output() // show has already returned the exit code
	var rep struct{ Failures []struct{ Class string } }
	if err := json.Unmarshal(out, &rep); err != nil || len(rep.Failures) == 0 {
		return "", fmt.Errorf("the JSON report names no failure: %v", err)
	}
	return rep.Failures[0].Class, nil
}

func (d *demo) title(s string) { fmt.Printf("\n=== %s\n", s) }

func (d *demo) expect(ok bool, what string) {
	if ok {
		d.passed++
		fmt.Printf("--> as expected: %s\n", what)
		return
	}
	d.failed++
	fmt.Printf("--> WRONG, expected: %s\n", what)
}
