package rekor_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/rekor"
)

func FuzzVerifyCheckpoint(f *testing.F) {
	for _, p := range readProbes(f) {
		if p.Entry != nil && p.Entry.Proof != nil {
			f.Add(p.Entry.Proof.Checkpoint)
		}
	}
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	keys := []rekor.CheckpointKey{{Public: private.Public()}}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := rekor.VerifyCheckpoint(text, keys); err == nil {
			t.Error("signed by a key that signs nothing")
		} else {
			wantTyped(t, err)
		}
		// The log signs any text it is given. The first line is its name.
		note := signNote(private, text)
		c, err := rekor.VerifyCheckpoint(note, keys)
		if err != nil {
			wantTyped(t, err)
			return
		}
		if c.TreeSize < 0 || len(c.RootHash) != sha256.Size || c.Origin == "" || len(c.LogIDs) != 1 {
			t.Errorf("%+v", c)
		}
	})
}

// signNote returns the note of text, signed under the name in its first line.
func signNote(private ed25519.PrivateKey, text string) string {
	name, _, _ := bytes.Cut([]byte(text), []byte("\n"))
	id := sha256.Sum256(append(append(name, "\n\x01"...), private.Public().(ed25519.PublicKey)...))
	sig := append(id[:4], ed25519.Sign(private, []byte(text))...)
	return text + "\n— " + string(name) + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

func FuzzProofVerify(f *testing.F) {
	for _, p := range readProbes(f) {
		if p.Entry != nil && p.Entry.Proof != nil {
			q := p.Entry.Proof
			f.Add(p.Entry.Body, q.LogIndex, q.TreeSize, q.RootHash, bytes.Join(q.Hashes, nil), uint8(32))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, index, size int64, root, hashes []byte, width uint8) {
		p := &rekor.Proof{LogIndex: index, TreeSize: size, RootHash: root}
		for chunk := max(int(width), 1); len(hashes) > 0; hashes = hashes[min(chunk, len(hashes)):] {
			p.Hashes = append(p.Hashes, hashes[:min(chunk, len(hashes))])
		}
		err := p.Verify(body)
		if err != nil {
			wantTyped(t, err)
			return
		}
		if p.Verify(append(body, 0)) == nil {
			t.Error("the proof is good for another body as well")
		}
		if len(p.Hashes) > 0 {
			p.Hashes = p.Hashes[1:]
			wantTyped(t, p.Verify(body))
		}
	})
}

func FuzzBindEnvelope(f *testing.F) {
	for _, p := range readProbes(f) {
		if p.Envelope != nil {
			f.Add(p.Envelope.Raw, p.Envelope.PayloadType, p.Envelope.Payload, p.Envelope.Signature)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, payloadType string, payload, sig []byte) {
		sum := sha256.Sum256(raw)
		e := &rekor.Entry{Kind: "intoto", APIVersion: "0.0.1", EnvelopeHash: hex.EncodeToString(sum[:])}
		env := &dsse.Envelope{Raw: raw, PayloadType: payloadType, Payload: payload, Signature: sig}
		parts, signature := e.BindEnvelope(env), e.BindEnvelopeSignature(env)
		for _, err := range []error{parts, signature} {
			if err != nil {
				wantTyped(t, err)
			}
		}
		if parts == nil && signature == nil && !bytes.Contains(raw, []byte(`"signatures"`)) &&
			!bytes.Contains(raw, []byte(`\u`)) {
			t.Error("bound by a text without signatures")
		}
	})
}

func FuzzLogEntry(f *testing.F) {
	for _, p := range readProbes(f) {
		if e := p.Entry; e != nil {
			f.Add(e.LogIndex, e.LogID, e.Kind, e.Version, e.IntegratedTime, e.SET, e.Body, e.Proof != nil)
		}
	}
	logKey := publicKey(f, readProbes(f)["ok-entry-dsse"].LogKey)
	f.Fuzz(func(t *testing.T, index int64, id []byte, kind, version string, at int64, set, body []byte, proof bool) {
		e := &rekor.LogEntry{LogIndex: index, LogID: id, Kind: kind, Version: version, IntegratedTime: at, SET: set,
			Body: body}
		if proof {
			e.Proof = &rekor.Proof{LogIndex: index, TreeSize: index}
		}
		if _, err := e.ParseBody(); err != nil {
			wantTyped(t, err)
		}
		if err := e.Check(); err != nil {
			wantTyped(t, err)
			return
		}
		if v2 := version == "0.0.2" && kind != "intoto"; v2 && (kind == "dsse" || kind == "hashedrekord") && at != 0 {
			t.Errorf("a time in Rekor v2: %d", at)
		}
		b := e.Bundle()
		if b == nil {
			return
		}
		if err := b.CheckLogID(); err != nil || at < 1 {
			t.Errorf("a log id of the right length: %v, time %d", err, at)
		}
		wantCanonical(t, b)
		if err := rekor.VerifySET(b, logKey); err != nil {
			wantTyped(t, err)
		}
	})
}
