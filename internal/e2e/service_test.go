package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// service is a program that runs until the lab stops it.
type service struct {
	name  string
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

// serve starts a service, which logs to a file with its name.
func (l *lab) serve(name string, args ...string) (*service, error) {
	return l.serveTo(filepath.Join(l.dir, filepath.Base(name)+".log"), name, args...)
}

// serveTo starts a service, which logs to a file.
func (l *lab) serveTo(logPath, name string, args ...string) (*service, error) {
	s := &service{name: name, log: logPath, ended: make(chan struct{})}
	logFile, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	s.cmd = l.command(context.Background(), name, args...)
	s.cmd.Stdout, s.cmd.Stderr = logFile, logFile
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	l.services = append(l.services, s)
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// await calls ready repeatedly until it returns no error.
func (s *service) await(ready func() error) error {
	deadline := time.After(readyLimit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return s.failure("ended before it was ready", err)
		case <-deadline:
			return s.failure("did not answer in time", err)
		case <-time.After(pollPeriod):
		}
	}
}

func (s *service) failure(what string, err error) error {
	written, _ := os.ReadFile(s.log)
	return fmt.Errorf("%s %s: %w; it wrote:\n%s", s.name, what, err, written)
}

// stop ends the service and its child processes.
func (s *service) stop() {
	group := -s.cmd.Process.Pid
	syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopLimit):
	}
	syscall.Kill(group, syscall.SIGKILL)
	<-s.ended
}

// freePort returns an unused port of the loopback interface. In the namespace of the
// lab, no other program can take it.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

// answers requests url once, and requires status 200.
func answers(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
