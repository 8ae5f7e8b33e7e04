package main

// closest returns the word that a mistyped one is most likely meant to be, empty
// if none is near: a third of its letters may be wrong.
func closest(typed string, words []string) (best string) {
	if len(typed) > 32 {
		return ""
	}
	least := len(typed)/3 + 1
	for _, w := range words {
		if d := distance(typed, w); d <= least && (best == "" || d < distance(typed, best)) {
			best = w
		}
	}
	return best
}

// distance is the Levenshtein distance: how many letters are added, left out or
// exchanged between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
