package oci

// Limits are the budgets within which untrusted content is read. Sizes are in
// bytes. A field that is zero stands for its value in [DefaultLimits]; see
// [Limits.WithDefaults].
type Limits struct {
	Entries    int64 // entries in the tar
	Index      int64 // index.json
	Inventory  int64 // the inventory blob
	Metadata   int64 // all metadata together, held in memory
	Manifest   int64 // one manifest or index
	Config     int64 // one image config
	Payload    int64 // one signature payload
	Images     int64 // images in one bundle
	Signatures int64 // signatures of one image
	Depth      int64 // nesting of indexes, and of referrers of referrers
	Total      int64 // the bundle as a whole
	Unpacked   int64 // one layer, unpacked
	Ratio      int64 // unpacked size over packed size of a layer
}

const (
	mib = 1 << 20
	gib = 1 << 30
)

// MaxJudgedEvidence is the size up to which a blob of evidence is metadata and is
// judged, in bytes. A larger one is carried and hashed as content. It is part of
// the bundle format, since the place of a blob in the file follows from it.
const MaxJudgedEvidence = 16 * mib

// DefaultLimits returns the documented budgets.
func DefaultLimits() Limits {
	return Limits{
		Entries: 100_000, Index: 4 * mib, Inventory: 16 * mib, Metadata: 48 * mib,
		Manifest: 4 * mib, Config: 4 * mib, Payload: 1 * mib,
		Images: 10_000, Signatures: 1_000, Depth: 4,
		Total: 16 << 40, Unpacked: 64 * gib, Ratio: 1_000,
	}
}

// WithDefaults returns l with each field that is zero set to its default.
func (l Limits) WithDefaults() Limits {
	own, defaults := l.Budgets(), DefaultLimits()
	for i, b := range defaults.Budgets() {
		if *own[i].Value == 0 {
			*own[i].Value = *b.Value
		}
	}
	return l
}

// Budget is one limit with its name in flags, policies and documents.
type Budget struct {
	Name  string
	Value *int64
	Bytes bool // whether it is a size in bytes
}

// Budgets lists all limits of l by name.
func (l *Limits) Budgets() []Budget {
	return []Budget{
		{"entries", &l.Entries, false},
		{"index", &l.Index, true},
		{"inventory", &l.Inventory, true},
		{"metadata", &l.Metadata, true},
		{"manifest", &l.Manifest, true},
		{"config", &l.Config, true},
		{"payload", &l.Payload, true},
		{"images", &l.Images, false},
		{"signatures", &l.Signatures, false},
		{"depth", &l.Depth, false},
		{"total", &l.Total, true},
		{"unpacked", &l.Unpacked, true},
		{"ratio", &l.Ratio, false},
	}
}
