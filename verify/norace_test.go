//go:build !race

package verify_test

// stride: see race_test.go.
const stride = 1
