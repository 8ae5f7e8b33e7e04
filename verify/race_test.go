//go:build race

package verify_test

// stride is the step in which TestEveryByte, TestEveryLength and TestEveryField
// go through their changes: 1 tries all. The race detector makes a verification
// five to ten times as slow, so it gets a sample, and make test runs these tests
// a second time without it. Not a multiple of three, so that each mask has its
// turn.
const stride = 25
