package report

import "strings"

func splitLines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }
