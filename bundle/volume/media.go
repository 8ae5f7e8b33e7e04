package volume

import (
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/quantity"
)

// fileSystem is what is left free on a disc, in bytes, for the file system and
// the indexes: the structures of ISO 9660 or UDF take less than 1 MiB, and so
// does an index of recovery blocks.
const fileSystem = 4 << 20

// Medium is a kind of medium that volumes can be cut for.
type Medium struct {
	Name     string
	Capacity int64  // in bytes
	Reserve  int64  // bytes of Capacity left to the file system and the indexes
	Why      string // the disc or file system that has this capacity
}

// Media lists the media that [ParseSize] knows by name. Where two kinds of disc
// are sold under one name, the capacity is that of the smaller. Capacities are
// those that drives report for blank discs, in sectors of 2048 bytes.
func Media() []Medium {
	return []Medium{
		{"fat32", 1<<32 - 1, 0, "the longest file that FAT32 holds"},
		{"cd", 360_000 * 2048, fileSystem, "CD-R of 80 minutes"},
		{"dvd", 2_295_104 * 2048, fileSystem, "DVD+R; DVD-R holds a little more"},
		{"dvd-dl", 4_171_712 * 2048, fileSystem, "DVD-R DL; DVD+R DL holds a little more"},
		{"bd", 11_826_176 * 2048, fileSystem, "BD-R or BD-RE formatted with spare areas"},
	}
}

// ParseSize reads the size of a volume in bytes: a size such as 650MiB or 4.7GB,
// or the name of a medium, in upper or lower case.
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

// SizeError reports that volumes of the requested size are too small
// for a bundle.
type SizeError struct {
	Each  int64  // bytes of a volume, as requested
	Least int64  // bytes of a volume that would be enough
	Why   string // the middle of the message
}

// Error says what is too small for what, and which size would do.
func (e *SizeError) Error() string {
	return fmt.Sprintf("volumes of %d bytes %s of at least %d", e.Each, e.Why, e.Least)
}

// Split returns the sizes of the volumes that hold a bundle of size bytes: each bytes
// for all but the last, which holds the remainder. The error is a
// [*SizeError] if there would be more than [MaxVolumes].
func Split(size, each int64) ([]int64, error) {
	least := (size + MaxVolumes - 1) / MaxVolumes
	if each < least || each < 1 {
		why := fmt.Sprintf("would be more than %d; a bundle of %d bytes needs volumes", MaxVolumes, size)
		return nil, &SizeError{Each: each, Least: least, Why: why}
	}
	var sizes []int64
	for ; size > each; size -= each {
		sizes = append(sizes, each)
	}
	return append(sizes, size), nil
}
