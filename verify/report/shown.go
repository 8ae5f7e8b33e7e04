package report

import "regexp"

// userInfo is what stands between the scheme of a URL and its host: a name and,
// often, a password.
var userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@`)

// withoutUser takes the user info out of every URL in a text.
func withoutUser(s string) string { return userInfo.ReplaceAllString(s, "$1") }

// shown makes text from outside fit to be read by a person, in any medium: URLs
// without user info, and what would not be seen as an escape. What the medium
// itself gives a meaning to is still to be escaped.
func shown(s string) string { return Terminal(withoutUser(s)) }
