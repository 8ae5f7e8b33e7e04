package strict

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
)

var fieldCache sync.Map // reflect.Type to map[string]reflect.Type

// member returns the type a member decodes into, nil if nothing reads it.
func member(t reflect.Type, name string) (reflect.Type, error) {
	if t = deref(t); t == nil {
		return nil, nil
	}
	if t.Kind() == reflect.Map {
		return t.Elem(), nil
	}
	if t.Kind() != reflect.Struct {
		return nil, nil
	}
	fields := fieldsOf(t)
	if ft, ok := fields[name]; ok {
		return ft, nil
	}
	for known := range fields {
		if strings.EqualFold(known, name) {
			return nil, fmt.Errorf("name %.100q is a case variant of %q", name, known)
		}
	}
	return nil, nil
}

func elemOf(t reflect.Type, k reflect.Kind) reflect.Type {
	if t = deref(t); t != nil && t.Kind() == k {
		return t.Elem()
	}
	return nil
}

func deref(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if m, ok := fieldCache.Load(t); ok {
		return m.(map[string]reflect.Type)
	}
	m := make(map[string]reflect.Type)
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			maps.Copy(m, fieldsOf(f.Type)) // its members stand in the outer object
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if name != "-" && f.IsExported() {
			m[name] = f.Type
		}
	}
	fieldCache.Store(t, m)
	return m
}
