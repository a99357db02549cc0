# Traces handshakes in a guest. Leaves in $RESULT:
#   events.json    what tlstrace says, one event a line
#   traffic.json   what was done, one connection a line
#   watch.log      what tlstrace had to say besides
#   doctor.json    what tlstrace says of the kernel
#   bare.json      what it says where no cgroup v2 is mounted, and bare-events.json what it traces there, if it does

set -u

# Ports are given, not found: no later connection can be taken for an earlier one.
traffic_port=20000
openssl_port=21000
bare_port=22000

listening() { # PORT: somebody listens there. A connection to find out would be traced, too.
	grep -q "$(printf ':%04X 0*:0000 0A' "$1")" /proc/net/tcp /proc/net/tcp6
}

await() { # SECONDS COMMAND...: until the command succeeds
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $deadline ] || { echo "gave up waiting for: $*"; return 1; }
		sleep 0.1
	done
}

handshake() { # SCENARIO TLS CERTIFICATE "SERVER OPTIONS" "CLIENT OPTIONS" [what the client types]
	port=$((openssl_port = openssl_port + 1))
	openssl s_server -accept "127.0.0.1:$port" -naccept 1 -quiet -tls1_"$2" \
		-cert "$TMPDIR/pki/$3.pem" -key "$TMPDIR/pki/$3.key" -CAfile $TMPDIR/pki/ca.pem $4 </dev/null >/dev/null 2>$TMPDIR/server.log &
	server=$!
	await 10 listening $port || { cat $TMPDIR/server.log; return 1; }
	${6:-true} | openssl s_client -connect "127.0.0.1:$port" -servername localhost -verify_hostname localhost \
		-CAfile $TMPDIR/pki/ca.pem -verify_return_error -tls1_"$2" $5 >$TMPDIR/client.log 2>&1
	failed=$?
	wait $server
	echo "{\"scenario\":\"$1\",\"tls\":\"1.$2\",\"server\":\"127.0.0.1:$port\",\"client_error\":\"${failed#0}\"}" >>$RESULT/traffic.json
}

# The goodbye comes late enough to find the server done with its tickets.
goodbye() { sleep 0.5; echo Q; }

openssl_handshakes() {
	handshake openssl-expired 2 expired "" ""
	handshake openssl-client-cert-missing 2 server "-Verify 1 -verify_return_error" "-ign_eof"
	handshake openssl-healthy 3 server "" "" goodbye
	handshake openssl-expired 3 expired "" ""
	handshake openssl-unknown-ca 3 unknown-ca "" ""
	handshake openssl-wrong-name 3 wrong-name "" ""
	# A TLS 1.3 client is done before it is refused: it has to stay to hear of it.
	handshake openssl-client-cert-missing 3 server "-Verify 1 -verify_return_error" "-ign_eof"
}

# watch FLAGS...: starts to trace, as $watch. It fails if that cannot be done, and leaves why in $log.
watch() {
	rm -f "$TMPDIR/ready"
	tlstrace watch --all -o json --ready-file "$TMPDIR/ready" "$@" >"$events" 2>"$log" &
	watch=$!
	await 90 ready_or_gone
	test -e "$TMPDIR/ready" || { cat "$log"; return 1; }
}

ready_or_gone() { test -e "$TMPDIR/ready" || ! kill -0 $watch 2>/dev/null; }

# end_watch ends it once the last event is told, which is when both of its ends are in.
end_watch() {
	sleep 2
	kill -TERM $watch
	wait $watch
	code=$?
	cat "$log"
	return $code
}

everything() {
	openssl version
	traffic pki "$TMPDIR/pki" || return 1
	tlstrace doctor -o json >"$RESULT/doctor.json" || return 1
	events=$RESULT/events.json log=$RESULT/watch.log
	watch ${CGROUP:+--cgroup $CGROUP} || return 1
	traffic -port $traffic_port run all >"$RESULT/traffic.json" || return 1
	openssl_handshakes
	end_watch || return 1
	unshare -m sh "$0" bare
}

# bare is a machine without a mount of cgroup v2, as those are that know cgroup v1 only.
bare() {
	while read -r _ at type _; do
		[ "$type" != cgroup2 ] || umount "$at" || return 1
	done </proc/mounts
	tlstrace doctor -o json >"$RESULT/bare.json" && echo "doctor: can trace without a mount of cgroup v2"
	events=$RESULT/bare-events.json log=$TMPDIR/bare.log
	watch || return 0 # the doctor says why
	traffic -tls 1.3 -port $bare_port run expired || return 1
	end_watch
}

${1:-everything}
