package tracer

// The objects are committed, so that building needs only Go. `make generate` rebuilds them with the pinned compiler.

//go:generate go tool bpf2go -cc clang-16 -strip llvm-strip-16 -target amd64,arm64 -type ending -type ring_kind -type role -type direction -type stream_state -type gap -type closer -type close_how -type preface -type counter -type stream_flag -type handshake_flag -type family -type handshake -type process -type hello -type hello_part -type stream -type record -type total -type total_key -type library_error -type reset_phase -type notice -type cgroup_notice -type fate -type limit -type limit_key bpf ../bpf/tlstrace.bpf.c -- -I.. -I../bpf -mcpu=v3 -Wall -Werror
