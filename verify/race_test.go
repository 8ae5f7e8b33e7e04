//go:build race

package verify_test

// stride is the step in which TestEveryByte, TestEveryLength and TestEveryField go
// through their changes: 1 tries all. Under the race detector a verification is five
// to ten times as slow, so it gets a sample; make test runs these tests a second time
// without it. It is not a multiple of three, so that each mask is used.
const stride = 25
