package tracer

import "time"

// Purpose is what a hook is for. Each purpose is served by the best variant that the kernel offers.
type Purpose string

// The purposes.
const (
	PurposeIngress      Purpose = "ingress"       // bytes that arrive at a socket
	PurposeEgress       Purpose = "egress"        // bytes that leave a socket
	PurposeSockets      Purpose = "sockets"       // birth, state and end of TCP sockets
	PurposeResetSent    Purpose = "reset_sent"    // resets that this machine sends
	PurposeResetReceive Purpose = "reset_receive" // resets that arrive
	PurposeRefused      Purpose = "refused"       // SYNs that this machine refuses, and where NAT had sent them
	PurposeDestroyed    Purpose = "destroyed"     // sockets that are gone, whatever became of them
	PurposeLibraries    Purpose = "libraries"     // what TLS libraries say of their failures
)

// Purposes lists them all.
var Purposes = []Purpose{
	PurposeIngress, PurposeEgress, PurposeSockets, PurposeResetSent, PurposeResetReceive, PurposeRefused, PurposeDestroyed, PurposeLibraries,
}

// Report is what this machine allows, as found by asking the kernel. [Probe] makes it; nothing stays attached.
type Report struct {
	Kernel   string `json:"kernel"`   // uname -r
	Arch     string `json:"arch"`     // GOARCH
	BTF      bool   `json:"btf"`      // /sys/kernel/btf/vmlinux is there and can be read
	Cgroup   string `json:"cgroup"`   // cgroup v2 directory that would be traced; "" if there is none
	Lockdown string `json:"lockdown"` // none, integrity, confidentiality; "unknown" if securityfs is not mounted
	User     int    `json:"user"`     // effective user id; 0 is root, and need not be
	// Missing are the required capabilities that the kernel does not grant, whoever refuses them.
	Missing     []string     `json:"missing_capabilities,omitempty"`
	Permissions []Permission `json:"permissions"`
	Settings    []Setting    `json:"settings"`
	Hooks       []HookReport `json:"hooks"`
	// Attached is how long loading and attaching everything took, which was tried; 0 if it was not, or failed.
	Attached time.Duration `json:"attached_ns,omitempty"`
	Problems []Problem     `json:"problems,omitempty"`
	// Libraries are the files with TLS libraries that running processes use, and what could not be found in them.
	Libraries []Target `json:"libraries,omitempty"`
}

// HookReport says how one purpose is served.
type HookReport struct {
	Purpose  Purpose         `json:"purpose"`
	Required bool            `json:"required"` // without it nothing can be traced
	Chosen   string          `json:"chosen,omitempty"`
	Variants []VariantReport `json:"variants"`       // best first
	Loss     string          `json:"loss,omitempty"` // what is not seen here: for want of any variant, or by the chosen one
}

// VariantReport says whether one variant of a hook can be used here.
type VariantReport struct {
	Name   string `json:"name"` // cgroup_skb, sock_ops, fentry, kprobe, tracepoint, ...
	Usable bool   `json:"usable"`
	Why    string `json:"why"` // one sentence
}

// Problem is something that is missing, and how to get it.
type Problem struct {
	What  string `json:"what"`
	Fix   string `json:"fix"`
	Fatal bool   `json:"fatal"` // nothing can be traced until it is fixed
}

// CanTrace says whether [Open] is expected to work.
func (r Report) CanTrace() bool {
	for _, p := range r.Problems {
		if p.Fatal {
			return false
		}
	}
	return true
}
