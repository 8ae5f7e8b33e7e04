package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/verify/trust"
)

// Bounds for trying keys that are not pinned, and logs that an entry does not name. Only
// the wording of a message depends on them, so trying them must stay cheap, however many
// keys a bundle holds.
const (
	maxUnknownKeys     = 16   // keys of the bundle that are tried on one signature
	maxUnknownKeyTries = 2000 // tries in all, of keys and of logs each
	maxUnknownKeyRSA   = 4096 // bits of a key that is tried
)

// maxFailedTries bounds how often a signature is tried in vain under a pinned key
// that nothing names, in units of what a try under a P-256 key costs. A key that a log
// entry or certificate names, or that made the last good signature, is tried always.
const maxFailedTries = 20_000

// maxTried is how many results of trying a key are remembered: one image may have many
// names, and its signatures are the same under each.
const maxTried = 50_000

// tried is a signature of a message under a key, as a digest.
type tried [sha256.Size]byte

// sortKeys divides the keys of the bundle by whether they are pinned.
func (d *demands) sortKeys(keys []*bundleKey) {
	d.known = map[string]*trust.Key{}
	for _, name := range d.Fingerprints {
		d.known[name] = nil
	}
	for _, k := range d.Keys {
		d.known[k.Fingerprint()] = k
	}
	for _, k := range keys {
		name := k.Fingerprint()
		switch known, pinned := d.known[name]; {
		case pinned && known == nil:
			d.known[name] = k.Key
			d.carried = append(d.carried, k.Key)
		case !pinned && len(d.others) < maxUnknownKeys:
			d.others = append(d.others, k.Key)
		}
	}
}

// wanted shows the pinned keys in a message, no more than a person reads.
func (d *demands) wanted() string {
	if d.shown == "" {
		const most = 10
		list := slices.Clone(d.Fingerprints)
		for _, k := range d.Keys {
			list = append(list, k.Fingerprint()+"\n"+k.PEM())
		}
		if more := len(list) - most; more > 0 {
			list = append(list[:most], fmt.Sprintf("and %d more", more))
		}
		d.shown = strings.Join(list, "\n")
	}
	return d.shown
}

// candidates lists the keys that could have made the signature. Likely are those
// pinned ones that came with the signature, and the one that made the signature
// before.
func (j *judgement) candidates() (likely, pinned, others []*trust.Key) {
	others = slices.Clone(j.d.others)
	for _, pub := range j.presented() {
		key, err := trust.NewKey(pub)
		if err != nil {
			continue
		}
		known, isPinned := j.d.known[key.Fingerprint()]
		switch {
		case !isPinned:
			others = append(others, key)
		case known != nil:
			likely = append(likely, known)
		default:
			likely = append(likely, key) // only its fingerprint is pinned
		}
	}
	if j.d.last != nil {
		likely = append(likely, j.d.last)
	}
	return likely, slices.Concat(j.d.Keys, j.d.carried), others
}

// affordable returns the pinned keys that are still to be tried, as far as the budget
// for tries in vain allows.
func (j *judgement) affordable(likely, pinned []*trust.Key) (list []*trust.Key) {
	j.untried = 0
	for _, k := range pinned {
		switch cost := tryCost(k, len(j.sig.Message)); {
		case slices.Contains(likely, k):
		case j.s.failedTries+cost > maxFailedTries:
			j.untried++
		default:
			j.s.failedTries += cost
			list = append(list, k)
		}
	}
	return list
}

// tryCost is what a try costs, in units of one under a P-256 key.
func tryCost(k *trust.Key, message int) int {
	cost := 1 + message>>16
	switch pub := k.Public.(type) {
	case *ecdsa.PublicKey:
		if bits := pub.Curve.Params().BitSize; bits > 256 {
			cost += bits / 32
		}
	case *rsa.PublicKey:
		cost += (pub.N.BitLen() / 4096) * (pub.N.BitLen() / 4096)
	}
	return cost
}

// curious returns the keys that are tried although they are not pinned.
func (j *judgement) curious(keys []*trust.Key) (tried []*trust.Key) {
	for _, k := range keys {
		if j.s.unknownKeyTries >= maxUnknownKeyTries {
			break
		}
		if pub, ok := k.Public.(*rsa.PublicKey); ok && pub.N.BitLen() > maxUnknownKeyRSA {
			continue
		}
		j.s.unknownKeyTries++
		tried = append(tried, k)
	}
	return tried
}

// presented lists the keys that the certificate and the log entries of the
// signature present.
func (j *judgement) presented() (keys []crypto.PublicKey) {
	if j.leaf != nil {
		keys = append(keys, j.leaf.PublicKey)
	}
	for _, l := range j.entries {
		if l.body == nil {
			continue
		}
		if pub, err := l.body.Key(); err == nil {
			keys = append(keys, pub)
		}
	}
	return keys
}

// firstThatVerifies returns the key that made the signature. If none did, key is nil,
// and bad is set if the reason is how the signature is encoded.
func (j *judgement) firstThatVerifies(keys []*trust.Key) (key *trust.Key, bad *trust.EncodingError) {
	for _, k := range keys {
		err := j.try(k)
		if err == nil {
			return k, nil
		}
		errors.As(err, &bad)
	}
	return nil, bad
}

// try verifies the signature under a key, unless that was done before.
func (j *judgement) try(k *trust.Key) error {
	if j.message == nil {
		sum := sha256.Sum256(j.sig.Message)
		j.message = &sum
	}
	h := sha256.New()
	for _, part := range [][]byte{j.message[:], k.DER, j.sig.Signature} {
		sum := sha256.Sum256(part) // so that it is clear where a part ends
		h.Write(sum[:])
	}
	id := tried(h.Sum(nil))
	err, ok := j.s.tried[id]
	if !ok {
		err = k.Verify(j.sig.Message, j.sig.Signature)
		if len(j.s.tried) >= maxTried {
			clear(j.s.tried)
		}
		j.s.tried[id] = err
	}
	return err
}
