package sink

import (
	"net/netip"
	"strconv"

	"github.com/tlstrace/tlstrace/event"
)

// end is one end of a connection in words that are safe to show.
type end struct {
	pod     string // namespace/pod
	process string // comm[pid]
	comm    string
	addr    string // bracketed if it is IPv6
	port    string
	service string // namespace/service: the name behind a service address
}

func (s Screen) end(p *event.Endpoint) end {
	e := end{addr: spellAddr(p.Addr)}
	if p.Port != 0 {
		e.port = strconv.Itoa(int(p.Port))
	}
	if p.Process != nil {
		e.comm = s.safe(p.Process.Comm)
		e.process = e.comm
		if p.Process.PID != 0 {
			e.process += "[" + strconv.Itoa(p.Process.PID) + "]"
		}
	}
	if p.K8s != nil {
		e.pod = s.safe(qualify(p.K8s.Namespace, p.K8s.Pod))
		e.service = s.safe(qualify(p.K8s.Namespace, p.K8s.Service))
	}
	return e
}

// qualify joins a namespace and a name; without a name there is nothing to say.
func qualify(namespace, name string) string {
	if name == "" || namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// spellAddr leaves the zone of a link-local address out: it is the node's own, and free text.
func spellAddr(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return ""
	case a.Is6():
		return "[" + a.String() + "]"
	}
	return a.String()
}

// name is what an SRE calls this end: the pod, else the service, else the process; "" if only its address is known.
func (e end) name() string {
	return firstOf(e.pod, e.service, e.process)
}

// socket is the address with its port.
func (e end) socket() string {
	switch {
	case e.port == "":
		return firstOf(e.addr, "?")
	case e.addr == "":
		return "?:" + e.port
	}
	return e.addr + ":" + e.port
}

// clientForms spells a client, longest first. Its port is ephemeral and goes first; the address goes next.
func (e end) clientForms() []string {
	if e.name() == "" {
		return []string{e.socket(), firstOf(e.addr, "?")}
	}
	forms := []string{e.name() + " " + e.socket()}
	if e.addr != "" {
		forms = append(forms, e.name()+" "+e.addr)
	}
	return append(forms, e.name(), e.short())
}

// serverForms spells a server, longest first. Its port says which service it is and stays to the end.
func (e end) serverForms() []string {
	if e.name() == "" {
		return []string{e.socket()}
	}
	return []string{e.name() + " " + e.socket(), e.name() + e.colonPort(), e.short() + e.colonPort()}
}

// colonPort is the port as it follows a name.
func (e end) colonPort() string {
	if e.port == "" {
		return ""
	}
	return ":" + e.port
}

// short is the name without its namespace or pid.
func (e end) short() string {
	name := e.name()
	if e.pod == "" && e.service == "" {
		return firstOf(e.comm, name)
	}
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[i+1:]
		}
	}
	return name
}

// fitClient is the longest form of a client that fits; if none does, its shortest is cut.
func (s Screen) fitClient(p *event.Endpoint, width int) string {
	forms := s.end(p).clientForms()
	if form, ok := firstFit(forms, width); ok {
		return form
	}
	return s.cut(forms[len(forms)-1], width)
}

// fitServer is [Screen.fitClient] for a server: the name is cut, its port is kept.
func (s Screen) fitServer(p *event.Endpoint, width int) string {
	e := s.end(p)
	forms := e.serverForms()
	if form, ok := firstFit(forms, width); ok {
		return form
	}
	host, port := firstOf(e.short(), e.addr), e.colonPort()
	if room := width - len(port); room >= 4 {
		return s.cut(host, room) + port
	}
	return s.cut(host+port, width)
}

func firstFit(forms []string, width int) (string, bool) {
	for _, f := range forms {
		if displayWidth(f) <= width {
			return f, true
		}
	}
	return "", false
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
