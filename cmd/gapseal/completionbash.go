package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// bashHead finds the word at the cursor and the one before: bash may or may not
// cut --flag=value at its sign.
const bashHead = `_gapseal() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} before= words=
  case "$cur" in
    =) prev=$prev cur= ;;
    --*=*) prev=${cur%%%%=*} before=$prev= cur=${cur#*=} ;;
    *) [ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]} ;;
  esac
  case "$COMP_CWORD:${COMP_WORDS[1]} $prev" in
    1:*) words='%s help' ;;
`

// bashTail leaves what no word fits to the completion of file names.
const bashTail = `  esac
  COMPREPLY=($(compgen -P "$before" -W "$words" -- "$cur"))
  case "${COMPREPLY[0]}" in
    *=) compopt -o nospace 2>/dev/null ;;
  esac
}
complete -o default -F _gapseal gapseal
`

func completeBash(w io.Writer) {
	fmt.Fprintf(w, bashHead, strings.Join(names(), " "))
	for _, sub := range sorted(subcommands()) {
		fmt.Fprintf(w, "    '2:%s '*) words='%s' ;;\n", sub[0], sub[1])
	}
	for _, c := range sorted(choices()) {
		short := ""
		if cmd, ok := strings.CutSuffix(c[0], " --output"); ok {
			short = "|*:'" + cmd + " -o'"
		}
		fmt.Fprintf(w, "    *:'%s'%s) words='%s' ;;\n", c[0], short, c[1])
	}
	fmt.Fprint(w, "    *) case \"${COMP_WORDS[1]} $cur\" in\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "      '%s -'*) words='%s' ;;\n", c.name, strings.Join(flagNames(c), " "))
	}
	fmt.Fprint(w, "    esac ;;\n"+bashTail)
}

// sorted returns the keys of a map in order, each with its value.
func sorted(m map[string]string) (list [][2]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, [2]string{k, m[k]})
	}
	return list
}
