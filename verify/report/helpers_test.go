package report

import "strings"

func splitLines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

func spaces(n int) string { return strings.Repeat(" ", n) }

func letters(s string) string { return strings.ReplaceAll(s, " ", "") }
