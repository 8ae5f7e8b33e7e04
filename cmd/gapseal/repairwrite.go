package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/internal/progress"
)

// rebuild writes the bad files and indexes into dir and returns their names.
func (r *repairing) rebuild(ctx context.Context, bad []*recovery.File, dir string, w *os.File) ([]string, error) {
	made, err := makeDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w; name a folder that can be written with -o DIR", err)
	}
	s := &files{base: r.base.In(dir)}
	err = r.fill(ctx, s, bad, dir, w)
	if err == nil {
		err = s.commit()
	}
	s.abort()
	if err != nil && made {
		_ = os.Remove(dir)
	}
	return s.to, err
}

// makeDir makes the folder, and reports whether it was not there before.
func makeDir(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o777)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func (r *repairing) fill(ctx context.Context, s *files, bad []*recovery.File, dir string, w *os.File) error {
	out := map[*recovery.File]recovery.Output{}
	for _, f := range bad {
		path := filepath.Join(dir, filepath.Base(f.Name))
		if err := absent(path); err != nil {
			return err
		}
		file, err := s.create(path, f.Full())
		if err != nil {
			return err
		}
		out[f] = file
	}
	bar := progress.New(w, "rebuilding", r.set.Work(bad))
	err := r.set.Rebuild(ctx, out, bar.Add)
	bar.Done(false)
	if err != nil {
		return err
	}
	if err := r.compare(ctx, bad); err != nil {
		return err
	}
	return r.indexes(s, dir)
}

// absent refuses a file that is there already: nothing is written over.
func absent(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return usagef("%s is there already, and repair writes over nothing; name another folder with -o", name)
	}
	return nil
}

// remedy is what the table of checks says to do.
func remedy(id check.ID) string {
	q, _ := check.Lookup(id)
	if q.Remedy == "" {
		return ""
	}
	return strings.ToUpper(q.Remedy[:1]) + q.Remedy[1:]
}
