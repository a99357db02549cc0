package main

import (
	"errors"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

// errFindings ends a check that has already printed what it found.
var errFindings = errors.New("findings")

// errCannotTrace ends a command that has already printed why nothing can be traced here.
var errCannotTrace = errors.New("handshakes cannot be traced on this machine")

// cannotTrace lists the errors that mean "not on this machine, or not with these rights".
var cannotTrace = []error{
	errCannotTrace, tracer.ErrPermission, tracer.ErrNoBTF, tracer.ErrNoCgroup2, tracer.ErrNotSupported,
}

func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return exitFine
	case errors.Is(err, errFindings):
		return exitFindings
	case isCannotTrace(err), errors.Is(err, errCannotDrill):
		return exitNoTrace
	}
	return exitUsage
}

func isCannotTrace(err error) bool {
	for _, sentinel := range cannotTrace {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// toldAlready says that the user knows: a check has printed what it found, or nobody reads any more.
func toldAlready(err error) bool {
	return errors.Is(err, errFindings) || errors.Is(err, errCannotTrace) || errors.Is(err, syscall.EPIPE)
}

// explain turns an error into what a user is told: what went wrong, and what to do about it.
func (w *world) explain(err error, args []string) string {
	msg := strings.TrimSpace(err.Error())
	if !isCannotTrace(err) {
		return msg
	}
	report := w.probe(tracer.Options{NoLibraries: true})
	if len(report.Missing) > 0 {
		return ungranted(report) + "\n" + w.remedy(report, args)
	}
	return msg + "\ntlstrace doctor says what this kernel allows and how to get what is missing."
}

// ungranted says which capabilities tracing needs, and who does not grant them.
func ungranted(r tracer.Report) string {
	text := "tracing needs " + strings.Join(r.Missing, ", ") + " (capabilities(7)), which "
	if by := refuser(r); by != tracer.RefusedNotHeld {
		return text + "this process has, and " + string(by) + " refuses."
	}
	return text + "this process lacks."
}

// refuser is who refuses the first capability without which nothing is traced.
func refuser(r tracer.Report) tracer.Refuser {
	for _, p := range r.Permissions {
		if p.Required && !p.Granted {
			return p.RefusedBy
		}
	}
	return tracer.RefusedNotHeld
}

// remedy says what to type, or what to change. Root without the capabilities is in a container, where sudo is of no use.
func (w *world) remedy(r tracer.Report, args []string) string {
	switch {
	case refuser(r) != tracer.RefusedNotHeld:
		for _, p := range r.Permissions {
			if p.Required && !p.Granted {
				return "Try: " + p.Fix
			}
		}
	case w.euid == 0:
		return "This is root without them, as in a container: add them (--cap-add, securityContext.capabilities.add)."
	}
	return "Try: " + sink.Escape("sudo tlstrace "+strings.Join(args, " "), 200)
}

// flagError says which flag was wrong, and names the nearest one for a flag that does not exist.
func flagError(flags *pflag.FlagSet, path string, err error) error {
	return session.FlagError(flags, path, err)
}
