package main

import (
	"regexp"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// Advice is about checks that exist, and names flags that exist.
func TestAdvice(t *testing.T) {
	for id, text := range advice {
		if _, ok := check.Lookup(id); !ok {
			t.Errorf("there is no check %s", id)
		}
		for _, name := range regexp.MustCompile(`--[a-z-]+`).FindAllString(text, -1) {
			if !flagOfSomeCommand(name[2:]) && name != "--recursive" {
				t.Errorf("%s: there is no flag %s", id, name)
			}
		}
	}
}

func flagOfSomeCommand(name string) bool {
	for _, c := range commands() {
		if fs, _ := c.flags(); fs.Lookup(name) != nil {
			return true
		}
	}
	return false
}
