# Traces handshakes in a guest. Leaves in /result:
#   events.json    what tlstrace says, one event a line
#   traffic.json   what was done, one connection a line
#   watch.log      what tlstrace had to say besides

# Ports are given, not found: no later connection can be taken for an earlier one.
traffic_port=20000
openssl_port=21000

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
		-cert "/tmp/pki/$3.pem" -key "/tmp/pki/$3.key" -CAfile /tmp/pki/ca.pem $4 </dev/null >/dev/null 2>/tmp/server.log &
	server=$!
	await 10 listening $port || { cat /tmp/server.log; return 1; }
	${6:-true} | openssl s_client -connect "127.0.0.1:$port" -servername localhost -verify_hostname localhost \
		-CAfile /tmp/pki/ca.pem -verify_return_error -tls1_"$2" $5 >/tmp/client.log 2>&1
	failed=$?
	wait $server
	echo "{\"scenario\":\"$1\",\"tls\":\"1.$2\",\"server\":\"127.0.0.1:$port\",\"client_error\":\"${failed#0}\"}" >>/result/traffic.json
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

openssl version
traffic pki /tmp/pki || exit 1

tlstrace watch --all -o json --ready-file /tmp/ready >/result/events.json 2>/result/watch.log &
watch=$!
ready_or_gone() { test -e /tmp/ready || ! kill -0 $watch 2>/dev/null; }
await 90 ready_or_gone
test -e /tmp/ready || { cat /result/watch.log; exit 1; }

traffic -port $traffic_port run all >/result/traffic.json || exit 1
openssl_handshakes

# The last event is told once both of its ends are in.
sleep 2
kill -TERM $watch
wait $watch
code=$?
cat /result/watch.log
exit $code
