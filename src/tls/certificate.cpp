#include "tls/certificate.hpp"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include <new>

#include "asyncio/loop/socket_address.hpp"

namespace asyncio::tls {

namespace {

using Names = SSLCertificate::Names;

Bio memory() {
  Bio bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::bad_alloc();
  return bio;
}

std::string contents(BIO& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string text_of(const ASN1_STRING* value) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return {};
  const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> owner(
      bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

Names attributes(const X509_NAME* name) {
  Names out;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
    const char* long_name = OBJ_nid2ln(OBJ_obj2nid(type));
    out.emplace_back(long_name, text_of(X509_NAME_ENTRY_get_data(entry)));
  }
  return out;
}

std::string address_text(const ASN1_OCTET_STRING* bytes) {
  std::string out;
  const unsigned char* data = ASN1_STRING_get0_data(bytes);
  const int size = ASN1_STRING_length(bytes);
  if (size == 4) {
    for (int i = 0; i < 4; ++i) out += (i > 0 ? "." : "") + std::to_string(data[i]);
  } else if (size == 16) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    for (int i = 0; i < 16; i += 2) {  // as Python writes it: nothing shortened but leading zeros
      const int group = data[i] * 256 + data[i + 1];
      if (i > 0) out += ':';
      bool begun = false;
      for (int shift = 12; shift >= 0; shift -= 4) {
        const int digit = (group >> shift) & 15;
        begun = begun || digit != 0 || shift == 0;
        if (begun) out += kDigits[digit];
      }
    }
  } else {
    out = "<invalid>";
  }
  return out;
}

Names alternative_names(X509& certificate) {
  Names out;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  if (names == nullptr) return out;
  const std::unique_ptr<GENERAL_NAMES, FreeWith<&GENERAL_NAMES_free>> owner(names);
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) out.emplace_back("DNS", text_of(name->d.dNSName));
    if (name->type == GEN_EMAIL) out.emplace_back("email", text_of(name->d.rfc822Name));
    if (name->type == GEN_URI) {
      out.emplace_back("URI", text_of(name->d.uniformResourceIdentifier));
    }
    if (name->type == GEN_IPADD) out.emplace_back("IP Address", address_text(name->d.iPAddress));
    if (name->type == GEN_DIRNAME) {
      out.emplace_back("DirName", name_text(name->d.directoryName));
    }
  }
  return out;
}

std::string serial_text(X509& certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(&certificate);
  const std::unique_ptr<BIGNUM, FreeWith<&BN_free>> number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number) return {};
  const std::unique_ptr<char, decltype([](char* p) { OPENSSL_free(p); })> digits(
      BN_bn2hex(number.get()));
  return digits ? digits.get() : std::string();
}

}  // namespace

std::string time_text(const ASN1_TIME* time) {
  const Bio bio = memory();
  ASN1_TIME_print(bio.get(), time);
  return contents(*bio);
}

std::string name_text(const X509_NAME* name) {
  const Bio bio = memory();
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  return contents(*bio);
}

std::string names_text(X509& certificate) {
  std::string text;
  for (const auto& [kind, value] : alternative_names(certificate)) {
    text.append(text.empty() ? "" : ", ").append(kind).append(":").append(value);
  }
  return text;
}

std::string bytes_of(X509& certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(&certificate, &bytes);
  if (size < 0) throw std::bad_alloc();
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

SSLCertificate describe(X509& certificate) {
  SSLCertificate out;
  out.subject = attributes(X509_get_subject_name(&certificate));
  out.issuer = attributes(X509_get_issuer_name(&certificate));
  out.subject_alt_name = alternative_names(certificate);
  out.serial_number = serial_text(certificate);
  out.not_before = time_text(X509_get0_notBefore(&certificate));
  out.not_after = time_text(X509_get0_notAfter(&certificate));
  out.version = static_cast<int>(X509_get_version(&certificate)) + 1;
  return out;
}

}  // namespace asyncio::tls
