package library

// goErrorTypes are the hashes that the compiler gives the types of errors, in the order of [goErrorNames], by the releases that share
// them. Tests take them from programs that each release built.
var goErrorTypes = [][]uint32{
	{0x119d3977, 0x79367b1e, 0x15d64430, 0xf4c505b0, 0x78617f77, 0xe1440d20, 0x2383cce1, 0x70cc2da0}, // Go 1.22 and 1.23
	{0x7082ca36, 0x796fca16, 0x37fd670c, 0x622dd153, 0x3a54eb26, 0x2c587719, 0x6f7a90ff, 0x4ab76c4d}, // Go 1.24
	{0xee62c677, 0x86c9841e, 0xea29bb30, 0x0b3afab0, 0x879e8077, 0x1ebbf220, 0xdc7c33e1, 0x8f33d2a0}, // Go 1.25 and 1.26
}

// goErrorNames are the types that crypto/x509 makes errors of, and the one of errors.New.
var goErrorNames = []string{
	"x509.UnknownAuthorityError", "x509.SystemRootsError", "x509.HostnameError", GoCertificateInvalid, "x509.InsecureAlgorithmError",
	"x509.ConstraintViolationError", "x509.UnhandledCriticalExtension", GoErrorString,
}

// Types whose errors are told apart by more than the type.
const (
	GoCertificateInvalid = "x509.CertificateInvalidError"
	GoErrorString        = "errors.errorString"
)

// GoErrorType names the type of an error by the hash in its itab, "" for one that is not known. The hash is that of the type's full name,
// of 32 bits, and the compiler's own: another type would have to collide to be taken for one of these.
func GoErrorType(hash uint32) string {
	for _, release := range goErrorTypes {
		for i, h := range release {
			if h == hash {
				return goErrorNames[i]
			}
		}
	}
	return ""
}
