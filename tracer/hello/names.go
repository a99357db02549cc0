package hello

import (
	"fmt"
	"strconv"
)

//go:generate go run ./internal/iana -out names_iana.go internal/iana/values.txt internal/iana/corrections.txt

// VersionName spells a protocol version: "TLS 1.3". An unknown one stays a number: "0x7f1c".
func VersionName(n uint16) string {
	switch n {
	case versionTLS13:
		return "TLS 1.3"
	case versionTLS12:
		return "TLS 1.2"
	case versionTLS11:
		return "TLS 1.1"
	case versionTLS10:
		return "TLS 1.0"
	case versionSSL30:
		return "SSL 3.0"
	}
	return number(n)
}

// CipherName spells a cipher suite as IANA registers it: "TLS_AES_128_GCM_SHA256". An unknown one stays a number: "0x1a2b".
func CipherName(n uint16) string {
	return nameOr(cipherName(n), n)
}

// GroupName spells a supported group as IANA registers it: "x25519", "X25519MLKEM768". An unknown one stays a number: "0x1a2b".
func GroupName(n uint16) string {
	return nameOr(groupName(n), n)
}

// AlertName spells the description of an alert as IANA registers it: "unknown_ca". One that is not registered is "alert(99)".
func AlertName(code uint8) string {
	if name := alertName(code); name != "" {
		return name
	}
	return fmt.Sprintf("alert(%d)", code)
}

// AlertLevel spells the level of an alert: "warning", "fatal", or the number.
func AlertLevel(level uint8) string {
	return nameOrDecimal(alertLevel(level), level)
}

// HandshakeName spells the type of a handshake message as the RFC that defines it: "client_hello". An unknown one stays a number: "99".
func HandshakeName(kind uint8) string {
	return nameOrDecimal(handshakeName(kind), kind)
}

// RecordName spells the content type of a record: "handshake", "alert". An unknown one stays a number: "99".
func RecordName(kind uint8) string {
	return nameOrDecimal(recordName(kind), kind)
}

func nameOr(name string, n uint16) string {
	if name != "" {
		return name
	}
	return number(n)
}

func nameOrDecimal(name string, n uint8) string {
	if name != "" {
		return name
	}
	return strconv.Itoa(int(n))
}

func number(n uint16) string {
	return fmt.Sprintf("0x%04x", n)
}
