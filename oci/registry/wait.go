package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"
)

// pace says how often a request is tried, and how long each wait may be. The limits
// bound silences, not the time that the transfer of a blob takes. A document is small,
// so its transfer as a whole is bounded.
type pace struct {
	tries    int           // requests made for one answer, the first included
	first    time.Duration // pause before the second; each later one is twice as long
	maxPause time.Duration // the longest Retry-After that is waited for
	patience time.Duration // after this, a request that failed is not tried again

	connect   time.Duration // until a host accepts a connection, name lookup included
	tunnel    time.Duration // until a proxy has connected to the host
	handshake time.Duration // until TLS is agreed on
	answer    time.Duration // until the headers of an answer; long, since a caching proxy may fetch first
	silence   time.Duration // until the next enough bytes of a body
	document  time.Duration // until a whole document has come, further tries included

	notice, remind time.Duration // a wait is reported after notice, and then at every remind
}

var defaultPace = pace{
	tries: 5, first: 500 * time.Millisecond, maxPause: time.Minute, patience: 3 * time.Minute,
	connect: 30 * time.Second, tunnel: 30 * time.Second, handshake: 15 * time.Second,
	answer: 2 * time.Minute, silence: 2 * time.Minute, document: 10 * time.Minute,
	notice: 10 * time.Second, remind: time.Minute,
}

// enough is the number of bytes of a body that count as progress. A server that sends
// a byte now and then counts as silent.
const enough = 64 << 10

// silentError reports that a peer was silent for longer than its limit. It counts as
// a timeout: the request may be tried again.
type silentError struct {
	what string // what was waited for, such as "an answer of registry.example"
	time time.Duration
}

func (e *silentError) Error() string { return fmt.Sprintf("waited %s for %s", e.time, e.what) }

// Timeout makes silentError a timeout, as [net.Error] defines it.
func (e *silentError) Timeout() bool { return true }

// Temporary completes [net.Error].
func (e *silentError) Temporary() bool { return true }

// vigil watches one exchange. It ends an exchange that makes no progress, since a
// connection can die without either end learning of it, and reports a wait that grows
// long.
type vigil struct {
	pace   pace
	report func(what string, silence time.Duration)
	end    context.CancelCauseFunc

	mu        sync.Mutex
	connected bool
	what      string        // what is waited for in this step
	patience  time.Duration // how long
	due       time.Duration // when the wait is reported next
	spent     time.Duration // in this step, before since
	since     time.Time
	waiting   bool
	answered  bool // the headers of the answer came
	over      bool // whatever happens from now on does not matter

	limit, notice *time.Timer
}

func newVigil(p pace, report func(string, time.Duration), end context.CancelCauseFunc) *vigil {
	v := &vigil{pace: p, report: report, end: end}
	v.limit = time.AfterFunc(time.Hour, v.expire)
	v.notice = time.AfterFunc(time.Hour, v.remind)
	v.rest()
	return v
}

// await begins to wait for the next step of the exchange.
func (v *vigil) await(what string, limit time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.begin(what, limit)
}

// begin requires that v is locked.
func (v *vigil) begin(what string, limit time.Duration) {
	v.what = what
	v.patience = limit
	v.due = v.pace.notice
	v.spent = 0
	v.start()
}

// start requires that v is locked.
func (v *vigil) start() {
	if v.over {
		return
	}
	v.since = time.Now()
	v.waiting = true
	v.limit.Reset(v.patience - v.spent)
	v.notice.Reset(v.due - v.spent)
}

// resume continues the wait in the current step, after rest.
func (v *vigil) resume() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.start()
}

// silence returns how long this step has been waited for. It requires that v is
// locked and waiting.
func (v *vigil) silence() time.Duration { return v.spent + time.Since(v.since) }

// connecting waits for a step of making a connection. Such steps are ignored once
// there is a connection: a transport may finish making one that is no longer needed.
func (v *vigil) connecting(what string, limit time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.connected {
		v.begin(what, limit)
	}
}

// rest stops waiting: it is not the peer's turn.
func (v *vigil) rest() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stop()
}

// finish ends the exchange. A transport may still make a connection for it.
func (v *vigil) finish(cause error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stop()
	v.over = true
	v.end(cause)
}

// stop requires that v is locked.
func (v *vigil) stop() {
	if v.waiting {
		v.spent = v.silence()
	}
	v.waiting = false
	v.limit.Stop()
	v.notice.Stop()
}

func (v *vigil) expire() {
	v.mu.Lock()
	expired := v.waiting && v.silence() >= v.patience // not a timer that was about to be stopped
	cause := &silentError{v.what, v.patience}
	v.mu.Unlock()
	if expired {
		v.finish(cause)
	}
}

func (v *vigil) remind() {
	v.mu.Lock()
	what, silence := v.what, v.silence()
	due := v.waiting && silence >= v.due
	if due {
		v.due = silence + v.pace.remind
		v.notice.Reset(v.pace.remind)
	}
	v.mu.Unlock()
	if due && v.report != nil {
		v.report(what, silence)
	}
}

// trace follows the steps of an exchange with host, through proxy unless it is nil.
func (v *vigil) trace(host string, proxy *url.URL) *httptrace.ClientTrace {
	answer := "an answer of " + host
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.connected = false
			v.begin("a connection to "+connectsTo(host, proxy), v.pace.connect)
		},
		ConnectDone: func(_, _ string, err error) {
			if err == nil && proxy != nil {
				v.connecting(fmt.Sprintf("the proxy %s to connect to %s", shownProxy(proxy), host), v.pace.tunnel)
			}
		},
		TLSHandshakeStart: func() { v.connecting("the TLS handshake with "+host, v.pace.handshake) },
		GotConn: func(httptrace.GotConnInfo) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.connected = true
			v.begin(answer, v.pace.answer)
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { v.sending(func() { v.begin(answer, v.pace.answer) }) },
	}
}

// sending calls f unless the answer came: a server may answer before it has read what
// it was sent.
func (v *vigil) sending(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.answered {
		f()
	}
}

// answer ends the wait for an answer.
func (v *vigil) answer() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stop()
	v.answered = true
}

// outgoing is the body of a request, and watches how it is sent: a transport that reads
// more has sent what it read before. The time that the body's own Read takes does not
// count.
type outgoing struct {
	io.ReadCloser
	vigil *vigil
	what  string
	run   int // bytes that were taken in this step
}

// watchBody returns a copy of req that watches how its body is sent.
func watchBody(req *http.Request, v *vigil) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	what := req.URL.Host + " to take what is sent"
	watch := func(body io.ReadCloser) io.ReadCloser { return &outgoing{body, v, what, enough} }
	out := req.WithContext(req.Context())
	out.Body = watch(req.Body)
	if req.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return watch(body), nil
		}
	}
	return out
}

// Read implements [io.Reader].
func (o *outgoing) Read(p []byte) (int, error) {
	o.vigil.sending(o.vigil.stop)
	n, err := o.ReadCloser.Read(p)
	o.vigil.sending(func() {
		if o.run >= enough {
			o.run = 0
			o.vigil.begin(o.what, o.vigil.pace.silence)
		} else {
			o.vigil.start()
		}
	})
	o.run += n
	return n, err
}

func connectsTo(host string, proxy *url.URL) string {
	if proxy == nil {
		return host
	}
	return "the proxy " + shownProxy(proxy)
}

// watched is a body whose reads are watched. The time that the reader takes between
// reads does not count.
type watched struct {
	io.ReadCloser
	ctx   context.Context
	vigil *vigil
	what  string
	run   int // bytes that came in this step; enough before the first
}

// watchedTrip sends req, and watches the exchange until the body of the answer is
// closed.
func watchedTrip(rt http.RoundTripper, req *http.Request, proxy *url.URL, p pace,
	report func(string, time.Duration)) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	v := newVigil(p, report, cancel)
	req = req.WithContext(httptrace.WithClientTrace(ctx, v.trace(req.URL.Host, proxy)))
	resp, err := rt.RoundTrip(watchBody(req, v))
	v.answer()
	if err != nil {
		err = causeOf(ctx, err)
		v.finish(nil)
		return nil, err
	}
	what := fmt.Sprintf("the rest of an answer of %s", req.URL.Host)
	resp.Body = &watched{ReadCloser: resp.Body, ctx: ctx, vigil: v, what: what, run: enough}
	return resp, nil
}

// causeOf returns why ctx ended, if that is what made an operation fail with err.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// Read implements [io.Reader].
func (w *watched) Read(p []byte) (int, error) {
	if w.run >= enough {
		w.run = 0
		w.vigil.await(w.what, w.vigil.pace.silence)
	} else {
		w.vigil.resume()
	}
	n, err := w.ReadCloser.Read(p)
	w.vigil.rest()
	w.run += n
	if err != nil && err != io.EOF {
		err = causeOf(w.ctx, err)
	}
	return n, err
}

// Close implements [io.Closer].
func (w *watched) Close() error {
	defer w.vigil.finish(nil)
	return w.ReadCloser.Close()
}
