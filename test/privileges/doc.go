// Package privileges runs the real program with few privileges and under what confines it on hosts and in containers: other users, capabilities by
// the ambient set and by files, user and process namespaces, the seccomp and AppArmor profiles of container runtimes, kernel lockdown, limits,
// and the systemd unit. Each time doctor has to say what is found and lost, and a handshake that fails has to be told, as far as that goes.
//
// What comes out is the table of docs/privileges.md, which is compared, and written by
//
//	go test ./test/privileges -update
package privileges
