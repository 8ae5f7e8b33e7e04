package strict

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// UnmarshalProto decodes the JSON of a protobuf message (ProtoJSON) into m. It
// accepts the spellings that the mapping gives to one message: names in camelCase
// or as the message declares them, base64 as [Base64] does, integers as strings or
// as numbers, enumerations by name or number, and null for what is absent. It
// refuses unknown names, which could change the meaning of others; two spellings
// of one name; and a number beyond 2^53, which some readers round. lists bounds
// the elements of lists by the camelCase name of their member; others are not
// bounded. The error is that of [Walk], or that of package protojson.
func UnmarshalProto(raw []byte, depth int, lists map[string]int, m proto.Message) error {
	text, err := Respell(raw, depth, messageShape(m.ProtoReflect().Descriptor(), lists))
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal(text, m); err != nil {
		// protobuf puts a no-break space into some messages at random.
		return errors.New(strings.ReplaceAll(err.Error(), "\u00a0", " "))
	}
	return nil
}

// message is the shape of a protobuf message.
type message struct {
	object
	names map[string]string // alias to camelCase
}

func (m message) Name(alias string) string {
	if name, ok := m.names[alias]; ok {
		return name
	}
	return alias
}

func (m message) Member(name string) (Shape, error) { return m.object.Member(m.Name(name)) }

// messageShape returns the shape of a message that does not contain itself.
func messageShape(md protoreflect.MessageDescriptor, lists map[string]int) Shape {
	m := message{object{}, map[string]string{}}
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		shape := valueShape(fd, lists)
		if fd.IsList() {
			most, bounded := lists[fd.JSONName()]
			if !bounded {
				most = math.MaxInt
			}
			shape = List(shape, most)
		}
		m.object[fd.JSONName()] = shape
		if fd.TextName() != fd.JSONName() {
			m.names[fd.TextName()] = fd.JSONName()
		}
	}
	return m
}

func valueShape(fd protoreflect.FieldDescriptor, lists map[string]int) Shape {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		if fd.Message().FullName() == "google.protobuf.Timestamp" {
			return Text
		}
		return messageShape(fd.Message(), lists)
	case protoreflect.BytesKind:
		return Base64Text
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return integer{}
	case protoreflect.EnumKind:
		return nil // which protojson reads by name or number
	}
	return Text
}

// integer is an integer as a string or as a number that every reader holds.
type integer struct{}

const maxExact = 1 << 53 // the integers up to here are exact in an IEEE 754 double

func (integer) Value(tok jsontext.Token) error {
	text := tok.String()
	n, err := strconv.ParseInt(text, 10, 64)
	switch kind := tok.Kind(); {
	case kind == 'n':
		return nil
	case kind != '"' && kind != '0':
		return errors.New("want an integer")
	case err != nil || strconv.FormatInt(n, 10) != text:
		return fmt.Errorf("want a plain integer, found %.100q", text)
	case kind == '0' && (n > maxExact || n < -maxExact):
		return fmt.Errorf("want a number beyond 2^53 as a string, found %s", text)
	}
	return nil
}
