#!/bin/sh
# Keeps of a TLS library's headers and sources what the tables are made of, so that they can be made again without the library:
# the #define lines of error numbers but for those that only name a lib or are the older of two names, and the cases of X509_verify_cert_error_string.
#
#	extract.sh 'openssl 1.1.1w-0+deb11u1' include/openssl/*.h crypto/x509/x509_txt.c > openssl-1.1.1.txt
#
# The headers are those of Debian's libssl-dev, android-libboringssl-dev and libgnutls28-dev, the sources those of openssl and
# android-platform-external-boringssl. The first argument says which; sources may be left out.
set -eu
export LC_ALL=C
echo "// $1"
shift
grep -hE '^#[[:space:]]*define[[:space:]]+(SSL_R|X509_V_ERR|ERR_R|ERR_RFLAGS?|GNUTLS_E)_[A-Z0-9_]+[[:space:]]+[^[:space:]\\]' "$@" | 
	grep -vE '[[:space:]](ERR_R_[A-Z0-9_]+_LIB|GNUTLS_E_INCOMPATIBLE_GCRYPT_LIBRARY)[[:space:]]' | sed -E 's/[[:space:]]+/ /g; s/^# define/#define/'
# The bits of a verification's result are an enumeration in GnuTLS.
sed -nE 's/^[[:space:]]*(GNUTLS_CERT_[A-Z_]+) = (1 << [0-9]+),?$/#define \1 (\2)/p' "$@"
for file in "$@"; do
	case $file in
	*x509_txt.*) grep -hE '^[[:space:]]*(case X509_V_|return ?\(?"|"|default:|return)' "$file" | sed -E 's/[[:space:]]+/ /g; s/^ //' ;;
	esac
done
