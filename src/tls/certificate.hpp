// What a certificate says, as plain data.
#pragma once

#include <string>

#include "asyncio/streams/ssl_object.hpp"
#include "tls/openssl.hpp"

namespace asyncio::tls {

/// Python: what SSLObject.getpeercert gives.
SSLCertificate describe(X509& certificate);
/// "DNS:example.com, IP Address:192.0.2.1"; empty when it names nobody.
std::string names_text(X509& certificate);
/// "Jan  5 09:34:43 2018 GMT".
std::string time_text(const ASN1_TIME* time);
/// DER.
std::string bytes_of(X509& certificate);
/// "CN = Example CA, O = Example".
std::string name_text(const X509_NAME* name);

}  // namespace asyncio::tls
