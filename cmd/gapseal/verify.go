package main

import (
	"context"
	"io"

	"github.com/gapseal/gapseal/internal/progress"
	"github.com/gapseal/gapseal/verify"
)

func (v *verifyRun) run(ctx context.Context, args []string, std stdio) error {
	if len(args) != 1 {
		return usagef("verify takes one bundle, found %d; gapseal verify --help shows how", len(args))
	}
	if v.volume != "" {
		if name := v.beside("volume"); name != "" {
			return usagef("--volume holds one volume against its index and judges nothing: leave out --%s", name)
		}
		return verifyVolume(ctx, v.volume, args[0], std)
	}
	if err := v.checkOutputs(args[0]); err != nil {
		return err
	}
	if err := v.transfer.reachable(args[0], v.volumes, std); err != nil {
		return err
	}
	o, err := v.prepare(args[0], std)
	if err != nil {
		return err
	}
	defer v.abort()
	if err := v.create(ctx, std); err != nil {
		return err
	}
	v.tell(std.err)
	rep, err := v.judge(ctx, args[0], o, std)
	if rep == nil {
		return err
	}
	if werr := v.deliver(ctx, rep, o, std); werr != nil {
		return werr
	}
	if err != nil {
		return told{err}
	}
	return nil
}

// judge opens the bundle and has it verified.
func (v *verifyRun) judge(ctx context.Context, path string, o verify.Options, std stdio) (*verify.Report, error) {
	src, err := openBundle(path, std, v.volumes...)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	v.fileDigest = v.fileDigest || v.reportFiles.wants("sha256")
	if v.fileDigest || v.reportFiles.wants("vsa") {
		src.tee()
	}
	r, err := src.open(o.Limits)
	if err != nil {
		return nil, err
	}
	var bar *progress.Bar
	o.Progress = func(n int64) { bar.Add(n) }
	o.OnMetadata = func(early verify.Report) {
		if src.stream {
			announce(std.err, early)
		}
		bar = progress.New(std.err, "verifying", src.size)
	}
	rep, err := verify.Bundle(ctx, r, o)
	bar.Done(false) // the report says how much it was
	if rep == nil {
		return nil, err
	}
	if ferr := v.describe(rep, src); ferr != nil {
		return nil, ferr
	}
	return rep, err
}

// describe puts into the report what the file or the volumes are as such.
func (v *verifyRun) describe(rep *verify.Report, src *bundleSource) (err error) {
	if v.fileDigest || v.reportFiles.wants("vsa") && rep.Bundle.Identity == "" {
		d, err := src.digest()
		if err != nil {
			return err
		}
		rep.Bundle.FileDigest = verify.Text(d)
	}
	rep.Bundle.Volumes, err = src.volumeFiles(v.reportFiles.wants("sha256"))
	return err
}

// announce tells, before a long pipe has been read, that it need not be.
func announce(w io.Writer, early verify.Report) {
	if early.Verdict == verify.Rejected {
		say(w, "rejected by its metadata (%s); reading on for the full report", early.Failures[0].ID)
	}
}
