package term

import (
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Bar is one line of progress. A nil Bar shows nothing, and all methods may be
// called on it.
type Bar struct {
	box  *mpb.Progress
	bar  *mpb.Bar
	once sync.Once
}

// New starts a line on w that shows the label, the bytes done of total, the rate and
// the remaining time. If the total is not known (0 or less), it shows only the bytes
// and the rate. New returns nil where a moving line cannot be shown: if w is not a
// terminal, or TERM says that it is dumb. The line has no colours, so NO_COLOR does
// not matter. Until [Bar.Done] nothing else may write to w.
func New(w *os.File, label string, total int64) *Bar {
	if w == nil || !term.IsTerminal(int(w.Fd())) || isDumb(os.Getenv("TERM")) {
		return nil
	}
	return start(w, label, total)
}

// isDumb reports whether TERM names a dumb terminal. A missing TERM counts as one,
// except on Windows, where consoles do not set it.
func isDumb(term string) bool {
	return term == "dumb" || term == "" && runtime.GOOS != "windows"
}

func start(w *os.File, label string, total int64) *Bar {
	box := mpb.New(mpb.WithOutput(w))
	rate := decor.AverageSpeed(decor.SizeB1024(0), "% .1f", decor.WC{W: len("1000.0 MiB/s") + 1})
	name := decor.Name(Escape(label) + "  ")
	if total <= 0 {
		bar := box.New(0, mpb.NopStyle(), mpb.PrependDecorators(name, decor.CurrentKibiByte("% .1f"), rate))
		return &Bar{box: box, bar: bar}
	}
	// The bar is made with total 0: mpb ends a bar that reaches the total it was made
	// with, and only Done may end this one.
	bar := box.New(0, mpb.BarStyle(),
		mpb.PrependDecorators(name, decor.CountersKibiByte("% .1f / % .1f")),
		mpb.AppendDecorators(rate, decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	bar.SetTotal(total, false)
	return &Bar{box: box, bar: bar}
}

// Add counts n more bytes. It is safe for concurrent use, does not wait for the
// terminal, and does nothing after Done.
func (b *Bar) Add(n int64) {
	if b != nil {
		b.bar.IncrInt64(n)
	}
}

// Above returns where lines are written that are to stand above the moving line: w
// itself if there is none. It must not be used after Done.
func (b *Bar) Above(w io.Writer) io.Writer {
	if b == nil {
		return w
	}
	return b.box
}

// Done ends the line and returns when others may write to the terminal. After a
// success (ok) the last state of the line stays, otherwise the line is cleared.
// Further calls do nothing.
func (b *Bar) Done(ok bool) {
	if b == nil {
		return
	}
	b.once.Do(func() {
		if ok {
			b.bar.SetTotal(-1, true) // the bytes done are the total
		} else {
			b.bar.Abort(true)
		}
		b.box.Wait()
	})
}
