package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// maxMerges is how often a fallback index is written at most, if others write it at the
// same time.
const maxMerges = 5

// AddReferrers adds descriptors to the list of referrers of subject that is kept in the
// fallback tag sha256-<hex> (OCI distribution specification, "Referrers Tag
// Schema"). What the list holds stays, with members that are not known here. If all is
// listed already, nothing is written.
//
// A registry cannot lock a tag. So AddReferrers reads the list back, and writes it again, a
// bounded number of times, if an entry is missing that it added or had read before.
//
// A tag that holds anything but such a list is not overwritten: the error
// matches [oci.ErrNoList].
func (t *Target) AddReferrers(ctx context.Context, repo string, subject oci.Digest, add []oci.Descriptor) error {
	tag := "sha256-" + subject.Hex()
	what := "add to the referrers list " + join(repo, tag)
	if _, err := oci.ParseDigest(string(subject)); err != nil {
		return explainPush(what, repo, err)
	}
	var known entries
	for _, d := range add {
		raw, err := json.Marshal(d)
		if err != nil {
			return explainPush(what, repo, err)
		}
		known = append(known, listed{d.Digest, raw})
	}
	lock := t.lockOf(repo + ":" + tag)
	lock.Lock()
	defer lock.Unlock()
	return explainPush(what, repo, t.addReferrers(ctx, repo, subject, known))
}

func (t *Target) lockOf(place string) *sync.Mutex {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tags[place] == nil {
		t.tags[place] = &sync.Mutex{}
	}
	return t.tags[place]
}

// addReferrers reads the list and writes it until it holds all of known, to which it adds
// each entry that it reads.
func (t *Target) addReferrers(ctx context.Context, repo string, subject oci.Digest, known entries) error {
	tag := "sha256-" + subject.Hex()
	for n := 0; ; n++ {
		list, err := t.readFallback(ctx, repo, tag, subject)
		if err != nil {
			return err
		}
		missing := known.without(list.entries)
		if len(missing) == 0 {
			return nil
		}
		if n == maxMerges {
			return fmt.Errorf("the registry does not keep the list: it was written %d times, and when it was read "+
				"back %d entries were missing, among them %s", n, len(missing), missing[0].digest)
		}
		if n > 1 {
			if err := t.source.pace.pause(ctx, n-1); err != nil {
				return err
			}
		}
		known = append(known, list.entries.without(known)...)
		list.entries = append(list.entries, missing...)
		if err := t.writeFallback(ctx, repo, tag, list); err != nil {
			return err
		}
	}
}

func (t *Target) writeFallback(ctx context.Context, repo, tag string, list *fallbackList) error {
	raw := list.encode()
	if limit := t.source.maxManifest; int64(len(raw)) > limit {
		return fmt.Errorf("%w: the list of referrers would have %d bytes; the limit is %d",
			check.ErrTooLarge, len(raw), limit)
	}
	return t.putManifest(ctx, repo, tag, oci.TypeIndex, raw)
}

func (t *Target) readFallback(ctx context.Context, repo, tag string, subject oci.Digest) (*fallbackList, error) {
	raw, _, err := t.source.manifest(ctx, repo, tag)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return &fallbackList{}, nil
	case err != nil:
		return nil, err
	case oci.FromBytes(raw) == subject:
		return nil, fmt.Errorf("%w: the tag holds the subject itself; it is not overwritten", oci.ErrNoList)
	}
	if _, err := parseReferrers(raw); errors.Is(err, errNoIndex) {
		return nil, fmt.Errorf("the tag holds something else than a list, and is not overwritten: %w", err)
	} else if errors.Is(err, check.ErrTooLarge) {
		return nil, err
	}
	return parseFallback(raw)
}

// listed is one descriptor of a list, as it is spelled there.
type listed struct {
	digest oci.Digest
	raw    json.RawMessage
}

type entries []listed

// without returns the entries whose digests are not among others.
func (e entries) without(others entries) (rest entries) {
	there := map[oci.Digest]bool{}
	for _, o := range others {
		there[o.digest] = true
	}
	for _, one := range e {
		if !there[one.digest] {
			rest = append(rest, one)
			there[one.digest] = true
		}
	}
	return rest
}

// fallbackList is the index of a fallback tag, with all its members.
type fallbackList struct {
	members map[string]json.RawMessage
	entries entries
}

// parseFallback reads a document that parseReferrers has accepted.
func parseFallback(raw []byte) (*fallbackList, error) {
	list := &fallbackList{}
	if err := json.Unmarshal(raw, &list.members); err != nil {
		return nil, fmt.Errorf("%w: %w", oci.ErrNoList, err)
	}
	var all []json.RawMessage
	if err := json.Unmarshal(list.members["manifests"], &all); err != nil && list.members["manifests"] != nil {
		return nil, fmt.Errorf("%w: %w", oci.ErrNoList, err)
	}
	for _, one := range all {
		var d struct {
			Digest oci.Digest `json:"digest"`
		}
		if err := json.Unmarshal(one, &d); err != nil {
			return nil, fmt.Errorf("%w: %w", oci.ErrNoList, err)
		}
		list.entries = append(list.entries, listed{d.Digest, one})
	}
	return list, nil
}

// encode writes the list. Entries and unknown members stay as they are spelled.
func (l *fallbackList) encode() []byte {
	members := map[string]json.RawMessage{
		"schemaVersion": json.RawMessage("2"), "mediaType": json.RawMessage(`"` + oci.TypeIndex + `"`)}
	order := []string{"schemaVersion", "mediaType"}
	for name, value := range l.members {
		if members[name] == nil {
			order = append(order, name)
		}
		members[name] = value
	}
	var manifests bytes.Buffer
	for i, e := range l.entries {
		if i > 0 {
			manifests.WriteByte(',')
		}
		manifests.Write(e.raw)
	}
	members["manifests"] = slices.Concat([]byte("["), manifests.Bytes(), []byte("]"))
	if l.members["manifests"] == nil {
		order = append(order, "manifests")
	}
	slices.Sort(order[2:])
	var b bytes.Buffer
	for i, name := range order {
		b.WriteByte("{,"[min(i, 1)])
		key, _ := json.Marshal(name) // a string that was read from JSON
		b.Write(key)
		b.WriteByte(':')
		b.Write(members[name])
	}
	b.WriteByte('}')
	return b.Bytes()
}
