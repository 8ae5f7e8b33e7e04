package volume

import (
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/quantity"
)

// fileSystem is what a disc keeps for the file system and the indexes: the
// descriptors, path tables and lead of ISO 9660 or UDF take under 1 MiB, and an
// index of recovery blocks under 1 MiB.
const fileSystem = 4 << 20

// Medium is a medium that volumes can be cut for.
type Medium struct {
	Name     string
	Capacity int64  // in bytes
	Reserve  int64  // of it, for the file system and the indexes
	Why      string // it has this capacity
}

// Media lists the media that have a name. Of two kinds sold under one name, the
// smaller counts. Capacities are those that drives report for blank discs, in
// sectors of 2048 bytes.
func Media() []Medium {
	return []Medium{
		{"fat32", 1<<32 - 1, 0, "the longest file that FAT32 holds"},
		{"cd", 360_000 * 2048, fileSystem, "CD-R of 80 minutes"},
		{"dvd", 2_295_104 * 2048, fileSystem, "DVD+R; DVD-R holds a little more"},
		{"dvd-dl", 4_171_712 * 2048, fileSystem, "DVD-R DL; DVD+R DL holds a little more"},
		{"bd", 11_826_176 * 2048, fileSystem, "BD-R or BD-RE formatted with spare areas"},
	}
}

// ParseSize reads the size of a volume, in bytes with an optional unit, or the
// name of a medium.
func ParseSize(s string) (int64, error) {
	for _, m := range Media() {
		if m.Name == strings.ToLower(s) {
			return m.Capacity - m.Reserve, nil
		}
	}
	n, err := quantity.Bytes(s)
	if err != nil {
		return 0, fmt.Errorf("%w, or one of %s", err, names())
	}
	return n, nil
}

func names() string {
	var list []string
	for _, m := range Media() {
		list = append(list, m.Name)
	}
	return strings.Join(list, ", ")
}

// Split returns the sizes of the volumes of a bundle of size bytes: all of each
// bytes but the last, which has the rest.
func Split(size, each int64) ([]int64, error) {
	least := (size + MaxVolumes - 1) / MaxVolumes
	if each < least || each < 1 {
		return nil, fmt.Errorf("volumes of %d bytes would be more than %d; a bundle of %d bytes needs volumes of at least %d", each, MaxVolumes, size, least)
	}
	var sizes []int64
	for ; size > each; size -= each {
		sizes = append(sizes, each)
	}
	return append(sizes, size), nil
}
