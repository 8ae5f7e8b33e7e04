package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// The test binary has three roles. Started by go test, it builds the tools, which is
// the only step that may need a network. It then starts itself inside a network
// namespace that has only a loopback interface; services and tests run there. As the
// probe, it reports what can be reached from where gapseal verifies.
const (
	roleEnv    = "GAPSEAL_E2E_ROLE"
	roleInside = "inside"
	roleProbe  = "probe"
)

// noNetnsEnv set to 1 runs the tests without namespaces, where these are not
// permitted.
const noNetnsEnv = "GAPSEAL_E2E_NO_NETNS"

// stack is the lab that the tests use.
var stack *lab

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	switch os.Getenv(roleEnv) {
	case roleProbe:
		return probe()
	case roleInside:
		return inside(m)
	}
	if err := buildTools(); err != nil {
		return complain(err)
	}
	if namespacesWaived() {
		fmt.Fprintf(os.Stderr, "e2e: WARNING: %s=1: nothing here proves that verifying needs no network\n", noNetnsEnv)
		return inside(m)
	}
	return enter()
}

// enter runs this binary again inside a new network namespace, and returns its exit
// code.
func enter() int {
	// The kernel kills the child when the thread that started it ends (Pdeathsig).
	runtime.LockOSThread()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), roleEnv+"="+roleInside)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := startInNamespace(cmd); err != nil {
		return complain(fmt.Errorf("this machine does not let the test make a network namespace, "+
			"and without one nothing proves that verifying needs no network: %w "+
			"(set %s=1 to run the rest)", err, noNetnsEnv))
	}
	if err := cmd.Wait(); cmd.ProcessState == nil {
		return complain(err)
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	return complain(fmt.Errorf("the test ended by %s", cmd.ProcessState))
}

func inside(m *testing.M) int {
	if !namespacesWaived() {
		if err := raiseLoopback(); err != nil {
			return complain(err)
		}
	}
	started, err := startLab()
	defer started.stop()
	if err != nil {
		return complain(err)
	}
	stack = started
	return m.Run()
}

func namespacesWaived() bool { return os.Getenv(noNetnsEnv) == "1" }

func complain(err error) int {
	fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
	return 1
}
