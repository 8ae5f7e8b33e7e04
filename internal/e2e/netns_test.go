package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// startInNamespace starts cmd in a new network namespace: directly as root if that is
// permitted, and otherwise with a user namespace.
func startInNamespace(cmd *exec.Cmd) error {
	direct := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	mapped := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER,
		Pdeathsig:   syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	attempt := *cmd
	attempt.SysProcAttr = direct
	if os.Geteuid() == 0 && attempt.Start() == nil {
		*cmd = attempt
		return nil
	}
	cmd.SysProcAttr = mapped
	return cmd.Start()
}

// raiseLoopback sets the interface lo of this namespace up (SIOCSIFFLAGS, netdevice(7)).
func raiseLoopback() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var request struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL,
		uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return fmt.Errorf("set the loopback interface up: %w", errno)
	}
	return nil
}

// isolate makes cmd run in a network namespace of its own, in which the only
// interface, lo, is down. It does nothing if namespaces are waived.
func isolate(cmd *exec.Cmd) {
	if !namespacesWaived() {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
	}
}

// surroundings is the network as a process sees it.
type surroundings struct {
	Up          []string // the interfaces that are up
	DialFailure string   // why the registry could not be reached; empty if it could
	Unreachable bool     // the error was ENETUNREACH
}

// probe prints its surroundings; the registry's address is the last argument.
func probe() int {
	var seen surroundings
	interfaces, err := net.Interfaces()
	if err != nil {
		return complain(err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 {
			seen.Up = append(seen.Up, i.Name)
		}
	}
	conn, err := net.DialTimeout("tcp", os.Args[len(os.Args)-1], 5*time.Second)
	if err != nil {
		seen.DialFailure, seen.Unreachable = err.Error(), errors.Is(err, syscall.ENETUNREACH)
	} else {
		conn.Close()
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		return complain(err)
	}
	return 0
}

// TestIsolation checks a precondition of the other tests: a process in the lab reaches
// the registry, and one in the namespace where gapseal verifies has no interface up.
func TestIsolation(t *testing.T) {
	if namespacesWaived() {
		t.Skipf("%s=1", noNetnsEnv)
	}
	if seen := look(t, false); seen.DialFailure != "" || len(seen.Up) != 1 || seen.Up[0] != "lo" {
		t.Errorf("in the lab: %+v; want lo alone, and the registry within reach", seen)
	}
	if seen := look(t, true); !seen.Unreachable || len(seen.Up) != 0 {
		t.Errorf("isolated: %+v; want no interface up, and the registry unreachable", seen)
	}
}

func look(t *testing.T, isolated bool) surroundings {
	t.Helper()
	cmd := command(t, "/proc/self/exe", stack.registry)
	cmd.Env = append(cmd.Env, roleEnv+"="+roleProbe)
	if isolated {
		isolate(cmd)
	}
	var seen surroundings
	if err := json.Unmarshal(wantExit(t, 0, cmd).stdout, &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}
