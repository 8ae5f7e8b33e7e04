package evidence

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
)

// decodeProto reads the JSON of a protobuf message into m. protojson accepts
// many spellings of one message (names in snake_case, numbers for enums and
// integers, four kinds of base64, null for what is absent), so that the text is
// read beside the message's descriptor first, and only the spelling that
// writers use is let through.
func decodeProto(what string, raw []byte, m proto.Message) *check.Fault {
	if f := tooLarge(what, raw); f != nil {
		return f
	}
	r := &protoText{Decoder: jsontext.NewDecoder(bytes.NewReader(raw)), what: what}
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		return r.fault("begins with a byte order mark")
	}
	if f := r.message(m.ProtoReflect().Descriptor()); f != nil {
		return f
	}
	if _, err := r.ReadToken(); err != io.EOF {
		return r.fault("carries data after the end of the document")
	}
	if !writtenProto(raw) {
		return r.fault("%s", notWritten)
	}
	if err := protojson.Unmarshal(raw, m); err != nil {
		return r.fault("%v", err)
	}
	return nil
}

// protoText reads along a descriptor. None of the messages it reads contains
// itself, which bounds the depth of what it accepts.
type protoText struct {
	*jsontext.Decoder
	what string
}

// listBudgets bounds every list of the messages that are read, by its JSON
// name: three bytes of text become a hundred in memory.
var listBudgets = map[string]struct {
	most int
	id   check.ID
}{
	"tlogEntries":       {rekor.MaxEntries, check.LimitEntry},
	"hashes":            {rekor.MaxProofHashes, check.LimitEntry},
	"rfc3161Timestamps": {MaxTimestamps, check.LimitEvidence},
	"certificates":      {MaxCertificates, check.LimitEvidence},
	"signatures":        {64, check.LimitEvidence}, // more than one is refused with its reason
}

func (r *protoText) fault(format string, args ...any) *check.Fault {
	at := string(r.StackPointer())
	id := check.SignatureEncoding
	if strings.Contains(at, "/tlogEntries/") {
		id = check.RekorEncoding
	}
	where := r.what
	if at != "" {
		where += " at " + at
	}
	return fault(id, "%.200s: "+format, append([]any{where}, args...)...)
}

// begin reads the token that opens an object or array.
func (r *protoText) begin(kind jsontext.Kind, want string) *check.Fault {
	tok, err := r.ReadToken()
	if err != nil {
		return r.fault("want strict JSON: %v", err)
	}
	if tok.Kind() != kind {
		return r.fault("want %s", want)
	}
	return nil
}

func (r *protoText) end() *check.Fault {
	if _, err := r.ReadToken(); err != nil {
		return r.fault("want strict JSON: %v", err)
	}
	return nil
}

func (r *protoText) message(md protoreflect.MessageDescriptor) *check.Fault {
	if f := r.begin('{', "an object"); f != nil {
		return f
	}
	for r.PeekKind() != '}' {
		tok, err := r.ReadToken()
		if err != nil {
			return r.fault("want strict JSON, each member once: %v", err)
		}
		name := tok.String()
		fd := md.Fields().ByJSONName(name)
		if fd == nil {
			return r.fault("unknown member %.100q, want the camelCase names of %s", name, md.FullName())
		}
		if f := r.field(fd); f != nil {
			return f
		}
	}
	return r.end()
}

func (r *protoText) field(fd protoreflect.FieldDescriptor) *check.Fault {
	if !fd.IsList() {
		return r.value(fd)
	}
	if f := r.begin('[', "an array"); f != nil {
		return f
	}
	budget := listBudgets[fd.JSONName()]
	for n := 0; r.PeekKind() != ']'; n++ {
		if n == budget.most {
			f := r.fault("more than %d members", budget.most)
			f.ID = budget.id
			return f
		}
		if f := r.value(fd); f != nil {
			return f
		}
	}
	return r.end()
}

func (r *protoText) value(fd protoreflect.FieldDescriptor) *check.Fault {
	if fd.Kind() == protoreflect.MessageKind {
		return r.message(fd.Message())
	}
	tok, err := r.ReadToken()
	if err != nil {
		return r.fault("want strict JSON: %v", err)
	}
	if tok.Kind() != '"' {
		return r.fault("want a string")
	}
	text := tok.String()
	switch fd.Kind() {
	case protoreflect.BytesKind:
		if _, err := DecodeBase64(text); err != nil {
			return r.fault("want standard base64 in its one spelling: %v", err)
		}
	case protoreflect.Int64Kind:
		if n, err := strconv.ParseInt(text, 10, 64); err != nil || strconv.FormatInt(n, 10) != text {
			return r.fault("want a plain integer in a string, found %.100q", text)
		}
	}
	return nil
}
