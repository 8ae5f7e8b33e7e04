package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
)

// reportFormat is one form of --report.
type reportFormat struct {
	name  string
	write func(io.Writer, *verify.Report) error
}

var reportFormats = []reportFormat{
	{"text", report.Text}, {"json", report.JSON}, {"html", report.HTML}, {"junit", report.JUnit}, {"csv", report.CSV},
	{"sha256", report.SHA256}, {"sha256-files", report.SHA256Files}, {"vsa", report.VSA},
}

func reportFormatNames() string {
	var list []string
	for _, f := range reportFormats {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}

// reportFile is one --report, with the file that it goes to.
type reportFile struct {
	reportFormat
	path string
	file *atomicfile.File
}

type reportFiles []*reportFile

// parseReports reads --report FORMAT=FILE. No FILE may be one of the inputs, nor
// be named twice, be it by --output-file.
func parseReports(args, inputs []string, outputFile string) (reportFiles, error) {
	var list reportFiles
	for _, arg := range args {
		name, path, ok := strings.Cut(arg, "=")
		i := slices.IndexFunc(reportFormats, func(f reportFormat) bool { return f.name == name })
		switch {
		case !ok || path == "":
			return nil, usagef("--report %q: want FORMAT=FILE, such as html=report.html", arg)
		case i < 0:
			return nil, usagef("--report %q: there is no format %q; there are %s", arg, name, reportFormatNames())
		case path == "-":
			return nil, usagef("--report %s: a report goes to a file; standard output is that of --output", arg)
		}
		if err := keepApart(path, inputs); err != nil {
			return nil, err
		}
		if list.has(path) || samePath(path, outputFile) {
			return nil, usagef("--report %s: %s is named twice; each report needs a file of its own", arg, path)
		}
		list = append(list, &reportFile{reportFormat: reportFormats[i], path: path})
	}
	return list, nil
}

func (l reportFiles) has(path string) bool {
	return slices.ContainsFunc(l, func(r *reportFile) bool { return samePath(r.path, path) })
}

// wants reports whether one of the reports is in that format.
func (l reportFiles) wants(format string) bool {
	return slices.ContainsFunc(l, func(r *reportFile) bool { return r.name == format })
}

// create opens all files, before the work begins that a refusal would waste.
func (l reportFiles) create() error {
	for _, r := range l {
		f, err := atomicfile.Create(r.path)
		if err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.name, r.path, err)
		}
		r.file = f
	}
	return nil
}

// abort gives up what has not been committed.
func (l reportFiles) abort() {
	for _, r := range l {
		if r.file != nil {
			_ = r.file.Abort() // the partial file is cleared by the next run at the latest
		}
	}
}

// write writes every report, and only then gives each its name: a refused write
// leaves none of them.
func (l reportFiles) write(rep *verify.Report) error {
	for _, r := range l {
		b := bufio.NewWriter(r.file)
		err := r.reportFormat.write(b, rep)
		if err == nil {
			err = b.Flush()
		}
		if err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.name, r.path, err)
		}
	}
	for _, r := range l {
		if err := r.file.Commit(); err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.name, r.path, err)
		}
	}
	return nil
}
