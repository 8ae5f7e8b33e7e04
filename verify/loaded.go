package verify

// Loaded says what was loaded where. Package verify/load adds it to the report of a
// bundle.
type Loaded struct {
	Destination string `json:"destination"`
	// Complete says that every image arrived, and was found to be right when it was read
	// back. Images that are skipped do not count, and neither does a dry run.
	Complete bool `json:"complete"`
	// Unfinished says why the list is not the last word: [LoadBegun] or [LoadInterrupted];
	// none once loading has ended.
	Unfinished Text          `json:"unfinished"`
	Images     []LoadedImage `json:"images"` // none if the bundle was rejected
	// Unreferenced are blobs that the destination got, or may have got, before the bundle was
	// rejected.
	// Nothing there names them.
	Unreferenced []LoadedBlob `json:"unreferenced"`
}

// Values of [Loaded.Unfinished].
const (
	LoadBegun       Text = "begun"       // written before the first manifest was stored
	LoadInterrupted Text = "interrupted" // the images say how far each came
)

// LoadedImage is one image at its destination.
type LoadedImage struct {
	Reference   string     `json:"reference"` // as the bundle lists it
	Digest      string     `json:"digest"`
	Destination string     `json:"destination"` // repository written in full, or a path
	Tag         Text       `json:"tag"`         // none for an image that is named by its digest alone
	Before      string     `json:"before"`      // what the name stood for before: absent, same, or other sha256:…
	Evidence    int        `json:"evidence"`    // pieces of evidence that were loaded with it
	Platforms   []string   `json:"platforms"`   // that a runtime, a folder or an archive got
	LeftOut     []string   `json:"leftOut"`     // platforms of the bundle that it did not get
	Blobs       BlobCounts `json:"blobs"`
	ReadBack    bool       `json:"readBack"` // everything was fetched again and compared
	Skipped     Text       `json:"skipped"`  // why it is not for this destination, such as a chart for a runtime
	Error       Text       `json:"error"`    // why it was not loaded
	Notes       []string   `json:"notes"`
}

// BlobCounts says how the blobs of an image came to a destination.
type BlobCounts struct {
	Sent    int   `json:"sent"`
	Present int   `json:"present"` // were there before
	Mounted int   `json:"mounted"` // taken from another repository of the destination
	Bytes   int64 `json:"bytes"`   // of the blobs that were sent
}

// LoadedBlob is one blob in a repository.
type LoadedBlob struct {
	Repository string `json:"repository"`
	Digest     string `json:"digest"`
	Size       int64  `json:"size"` // in bytes
}
