package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/proxylog"
	"github.com/tlstrace/tlstrace/tracer/library"
	"github.com/tlstrace/tlstrace/tracer/library/names"
)

// Bounds of reading one log, in bytes.
const (
	podLogTail = 64 << 10 // of a log that was not followed until now, and of a line: CRI runtimes split lines at 16 KiB
	podLogStep = 1 << 20  // at a time; of a log that grows faster the end is read
)

// podLog is the log of one proxy, from where reading begins: the newest NAMESPACE_POD_UID/istio-proxy/N.log. It is used by one goroutine.
type podLog struct {
	logs   *proxyLogs
	pod    podName
	file   *os.File // nil until there is one
	newer  *os.File // what has taken its place, until turn
	reader *proxylog.Reader
	offset int64 // of the next byte to read
	left   int64 // bytes that may be read in this step
	torn   bool  // offset is in the middle of a line
}

func newPodLog(logs *proxyLogs, pod podName) *podLog { return &podLog{logs: logs, pod: pod} }

// look finds out whether there is another file to read, after a restart of the container or a rotation. What hinders it is told once.
func (l *podLog) look() bool {
	file, err := newestLog(l.logs.dir, l.pod)
	if err != nil {
		l.trouble(err)
		return false
	}
	if l.file != nil && sameFile(l.file, file) {
		file.Close() // it was not even read
		return false
	}
	l.newer = file
	return true
}

// turn goes on to the file that look has found.
func (l *podLog) turn() {
	l.close()
	l.file, l.newer = l.newer, nil
	l.restart(0)
}

// read hands out the failures in what was written since, as far as that is not more than most.
func (l *podLog) read(most int64, tell func(event.Event)) {
	if l.file == nil {
		return
	}
	if err := l.catchUp(most); err != nil {
		l.trouble(err)
		return
	}
	for {
		e, err := l.reader.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				l.trouble(err)
				l.close()
			}
			return
		}
		tell(e)
	}
}

// catchUp skips what is too much to be read, and begins again in a file that was truncated.
func (l *podLog) catchUp(most int64) error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.left = podLogStep
	switch size := info.Size(); {
	case size < l.offset:
		l.restart(0)
	case size-l.offset > most:
		if most > podLogTail { // or nobody wanted what was before
			l.logs.counts.skipped.Add(uint64(size - podLogTail - l.offset))
		}
		l.restart(size - podLogTail)
	}
	return nil
}

// restart goes on at another place. What was read of a line that was split belongs to none there.
func (l *podLog) restart(offset int64) {
	l.offset, l.torn = offset, offset > 0
	l.reader = proxylog.NewReader(lineTail{l}, proxylog.Options{Reason: func(reason int) string {
		return names.Reason(library.BoringSSL, reason)
	}})
}

// close lets the file go.
func (l *podLog) close() {
	if l.file != nil {
		l.file.Close() // it was only read
	}
	l.file, l.reader = nil, nil
}

// trouble counts what hinders reading, and tells each kind once. A pod without a log is none to tell: it may be Linkerd's.
func (l *podLog) trouble(err error) {
	l.logs.counts.unreadable.Add(1)
	switch {
	case errors.Is(err, errNoPodLog):
	case errors.Is(err, errNoDirectory):
		l.logs.unread.Do(func() { l.logs.log.Warn("--proxy-logs: told once", "error", err.Error()) })
	default:
		l.logs.refused.Do(func() {
			l.logs.log.Warn("--proxy-logs: the log of a proxy cannot be read; told once", "pod", l.pod.String(), "error", err.Error())
		})
	}
}

// lineTail reads whole lines, up to the last that has an end. A line that is longer than [podLogTail] is skipped. At the end of the
// file, and of the step, it returns io.EOF; more may come later.
type lineTail struct{ *podLog }

// Read returns what has come.
func (l lineTail) Read(p []byte) (int, error) {
	p = p[:min(len(p), podLogTail)]
	for l.left > 0 {
		n, err := l.file.ReadAt(p, l.offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		ended := bytes.LastIndexByte(p[:n], '\n') + 1
		switch {
		case l.torn && n > 0:
			l.mend(p[:n])
		case ended > 0:
			l.advance(ended, &l.logs.counts.read)
			return ended, nil
		case n < len(p):
			return 0, io.EOF // the line will be ended later
		default:
			l.torn = true
			l.advance(n, &l.logs.counts.skipped)
		}
	}
	return 0, io.EOF
}

// mend passes over the rest of a line.
func (l lineTail) mend(got []byte) {
	rest := bytes.IndexByte(got, '\n') + 1
	l.torn = rest == 0
	if l.torn {
		rest = len(got)
	}
	l.advance(rest, &l.logs.counts.skipped)
}

func (l lineTail) advance(n int, count *atomic.Uint64) {
	l.offset += int64(n)
	l.left -= int64(n)
	count.Add(uint64(n))
}
