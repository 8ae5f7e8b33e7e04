package main

import "testing"

func TestClosest(t *testing.T) {
	for typed, want := range map[string]string{
		"verfy": "verify", "verifiy": "verify", "veriyf": "verify", "exprot": "export", "inspekt": "inspect", "recipt": "receipt", "regster": "register",
		"frob": "", "": "", "x": "", "verifyverifyverifyverifyverifyverify": "",
	} {
		if got := closest(typed, names()); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
