package verdict

import "testing"

func TestUnofferedVersion(t *testing.T) {
	refused := "failed protocol_version server_hello client server derived"
	judgeRows(t, []row{
		{"the client says close_notify", "TLS 1.2", flight12 + "C:alert(1,0) C:RST", versions("TLS 1.3"), refused},
		{"the server answers with an error of its own", "TLS 1.2", flight12 + "C:alert(1,0) S:alert(2,80) S:FIN", versions("TLS 1.3"), refused},
		{"the client says why", "TLS 1.2", flight12 + "C:alert(2,70) C:FIN", versions("TLS 1.3"), "failed protocol_version server_hello client server exact"},
		{"the version was offered", "TLS 1.2", flight12 + "C:alert(1,0) C:FIN", versions("TLS 1.3", "TLS 1.2"), "failed closed_by_client server_certificate client client exact"},
		{"a newest version instead of a list", "TLS 1.1", flight12 + "C:alert(1,0) C:FIN", versions("TLS 1.2"), "failed closed_by_client server_certificate client client exact"},
		{"the server gives up first", "TLS 1.2", flight12 + "S:alert(2,80) S:FIN", versions("TLS 1.3"), "failed internal_error server_certificate server server exact"},
		{"the client does not mind", "TLS 1.2", flight12 + keys12 + done12 + "C:alert(1,0) C:FIN", versions("TLS 1.3"), succeededRow},
	})
}
