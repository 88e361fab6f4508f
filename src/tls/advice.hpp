// From what OpenSSL says to what a person can do about it.
#pragma once

#include <string>
#include <string_view>

#include "tls/openssl.hpp"

namespace asyncio::tls {

/// The likely cause of a failed handshake or connection, and the next step; empty when there is
/// nothing to add. `first` is what the peer began with.
std::string advise(const Failure& failure, std::string_view first, bool server_side);

/// Whether a client that begins so speaks plain HTTP: a method's capital letters, or some of them.
bool looks_like_http(std::string_view first) noexcept;

/// Of a certificate that does not verify: what is wrong with this one, in figures and names.
/// `message` is OpenSSL's text, or Python's where that has a better one.
struct CertificateFault {
  std::string message;
  std::string advice;
};
CertificateFault explain(int verify_code, X509* certificate, std::string_view expected_name,
                         bool is_address, bool server_side);

}  // namespace asyncio::tls
