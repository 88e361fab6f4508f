// The matrix of good and bad certificates: each with the verdict it must get. Faults X1, X2, X14.
#include <gmock/gmock.h>

#include <functional>

#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using test::Authority;
using test::authority_options;
using test::Certificate;
using test::CertificateOptions;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kGood = 0;  // X509_V_OK

// A server's certificate, in front of a client that asks for `name`.
struct Case {
  const char* title;
  const char* name;
  int verdict;        // OpenSSL's X509_V_ERR_..., or kGood
  const char* words;  // of the error, as a person must be able to read it
  std::function<void(ssl::SSLContext& server, ssl::SSLContext& client)> prepare;
};

// No weak key is refused by the server already.
void show(ssl::SSLContext& server, const Certificate& certificate, const std::string& chain = {}) {
  server.set_ciphers("ALL:@SECLEVEL=0");
  server.load_cert_chain_pem(certificate.pem() + chain, certificate.key_pem(),
                             {.allow_expired = true});
}

// A certificate of the authority's, for example.test unless `options` says otherwise.
Case issued(const char* title, const char* name, int verdict, const char* words,
            CertificateOptions options) {
  return {title, name, verdict, words, [options](ssl::SSLContext& server, ssl::SSLContext&) {
            show(server, Certificate(options, &Authority::get().root));
          }};
}

// Through a certificate between it and the root, which is shown or not.
Case between(const char* title, int verdict, const char* words, CertificateOptions middle_options,
             bool shown = true) {
  return {title, "example.test", verdict, words, [=](ssl::SSLContext& server, ssl::SSLContext&) {
            const Certificate middle(middle_options, &Authority::get().root);
            const Certificate leaf({.alternative_names = "DNS:example.test"}, &middle);
            show(server, leaf, shown ? middle.pem() : "");
          }};
}

CertificateOptions middle(const std::string& name_constraints = {}) {
  CertificateOptions options = authority_options("between");
  options.name_constraints = name_constraints;
  return options;
}

std::vector<Case> name_cases() {
  const char* mismatch = "certificate is not valid for '";
  return {
      issued("good", "example.test", kGood, "", {.alternative_names = "DNS:example.test"}),
      issued("second name", "b.test", kGood, "", {.alternative_names = "DNS:a.test,DNS:b.test"}),
      issued("in capitals", "EXAMPLE.Test", kGood, "", {.alternative_names = "DNS:example.test"}),
      issued("root's dot asked for", "example.test.", kGood, "",
             {.alternative_names = "DNS:example.test"}),
      issued("wrong host", "example.test", 62, "it is for DNS:other.test",
             {.alternative_names = "DNS:other.test"}),
      issued("common name only", "example.test", 62, "a common name does not count",
             {.common_name = "example.test"}),
      issued("root's dot in the certificate", "example.test", 62, mismatch,
             {.alternative_names = "DNS:example.test."}),
      issued("wildcard", "a.example.test", kGood, "", {.alternative_names = "DNS:*.example.test"}),
      issued("wildcard too deep", "a.b.example.test", 62, mismatch,
             {.alternative_names = "DNS:*.example.test"}),
      issued("wildcard for nothing", "example.test", 62, mismatch,
             {.alternative_names = "DNS:*.example.test"}),
      issued("wildcard inside a word", "www.example.test", 62, mismatch,
             {.alternative_names = "DNS:w*.example.test"}),
      issued("wildcard of a whole domain", "example.test", 62, mismatch,
             {.alternative_names = "DNS:*.test,DNS:*"}),
      issued("address", "127.0.0.1", kGood, "", {.alternative_names = "IP:127.0.0.1"}),
      issued("address of IPv6", "[::1]", kGood, "", {.alternative_names = "IP:::1"}),
      issued("wrong address", "127.0.0.1", 64, "it is for IP Address:127.0.0.2",
             {.alternative_names = "IP:127.0.0.2"}),
      issued("address as a name", "127.0.0.1", 64, "IP address mismatch",
             {.alternative_names = "DNS:127.0.0.1"}),
      issued("address as a common name", "127.0.0.1", 64, "IP address mismatch",
             {.common_name = "127.0.0.1"}),
      issued("name where there is an address", "example.test", 62, mismatch,
             {.alternative_names = "IP:127.0.0.1"}),
  };
}

std::vector<Case> trust_cases() {
  const std::string san = "DNS:example.test";
  return {
      issued("expired", "example.test", 10, "it was valid until ",
             {.alternative_names = san, .valid_from_days = -30, .valid_until_days = -1}),
      issued("not yet valid", "example.test", 9, "is the clock of this machine right?",
             {.alternative_names = san, .valid_from_days = 2}),
      issued("for a client", "example.test", 26, "not meant for a server",
             {.alternative_names = san, .usage = "clientAuth"}),
      issued("short key", "example.test", 66, "key too weak",
             {.alternative_names = san, .rsa_bits = 1024}),
      issued("weak signature", "example.test", 68, "digest algorithm too weak",
             {.alternative_names = san, .digest = "SHA1"}),
      {"self-signed", "example.test", 18, "load_verify_locations",
       [=](ssl::SSLContext& server, ssl::SSLContext&) {
         show(server, Certificate({.alternative_names = san}));
       }},
      {"self-signed and trusted", "example.test", kGood, "",
       [=](ssl::SSLContext& server, ssl::SSLContext& client) {
         const Certificate own({.alternative_names = san});
         show(server, own);
         client.load_verify_locations({.cadata = own.pem()});
       }},
      {"unknown authority", "example.test", 20, "load_verify_locations",
       [=](ssl::SSLContext& server, ssl::SSLContext&) {
         const Certificate stranger(authority_options("stranger"));
         show(server, Certificate({.alternative_names = san}, &stranger));
       }},
      {"unknown authority, shown", "example.test", 19, "nobody we trust",
       [=](ssl::SSLContext& server, ssl::SSLContext&) {
         const Certificate stranger(authority_options("stranger"));
         show(server, Certificate({.alternative_names = san}, &stranger), stranger.pem());
       }},
      {"authority of the same name with another key", "example.test", 20, "certificate",
       [=](ssl::SSLContext& server, ssl::SSLContext&) {
         const Certificate imitation(authority_options("test root"));
         show(server, Certificate({.alternative_names = san}, &imitation));
       }},
  };
}

std::vector<Case> chain_cases() {
  CertificateOptions no_authority = middle();
  no_authority.constraints = "critical,CA:FALSE";
  no_authority.key_usage = "digitalSignature";
  CertificateOptions expired = middle();
  expired.valid_from_days = -30;
  expired.valid_until_days = -1;
  const Case too_long{"longer than the path allows", "example.test", 25,
                      "path length constraint exceeded",
                      [](ssl::SSLContext& server, ssl::SSLContext&) {
                        CertificateOptions options = middle();
                        options.constraints = "critical,CA:TRUE,pathlen:0";
                        const Certificate first(options, &Authority::get().root);
                        // Of another name: one that signs for its own name does not count.
                        const Certificate second(authority_options("second"), &first);
                        const Certificate leaf({.alternative_names = "DNS:example.test"}, &second);
                        show(server, leaf, second.pem() + first.pem());
                      }};
  return {
      between("one between", kGood, "", middle()),
      between("one between, not shown", 20, "does not send those in between", middle(), false),
      between("one between that is no authority", 79, "invalid CA certificate", no_authority),
      between("one between that has expired", 10, "it was valid until ", expired),
      between("within its name constraints", kGood, "", middle("permitted;DNS:example.test")),
      between("outside its name constraints", 47, "permitted subtree violation",
              middle("permitted;DNS:other.test")),
      between("inside what it excludes", 48, "excluded subtree violation",
              middle("excluded;DNS:example.test")),
      too_long,
  };
}

std::vector<Case> revocation_cases() {
  const auto with_list = [](bool revoked, bool loaded) {
    return [=](ssl::SSLContext& server, ssl::SSLContext& client) {
      const Certificate leaf({.alternative_names = "DNS:example.test"}, &Authority::get().root);
      show(server, leaf);
      client.set_verify_flags(client.verify_flags() | ssl::VERIFY_CRL_CHECK_LEAF);
      if (!loaded) return;
      std::vector<Certificate> list;
      if (revoked) list.push_back(leaf);
      client.load_verify_locations({.cadata = Authority::get().root.revoke(list)});
    };
  };
  return {
      {"not on the list of revoked ones", "example.test", kGood, "", with_list(false, true)},
      {"revoked", "example.test", 23, "certificate revoked", with_list(true, true)},
      {"no list to look at", "example.test", 3, "none is loaded", with_list(false, false)},
  };
}

class certificate_matrix : public test::TlsTest {
 protected:
  // What the client says: "" when it has taken the certificate.
  struct Verdict {
    int code = kGood;
    std::string text;
    bool served = false;
  };

  Verdict judge(const Case& one, ssl::TLSVersion version) {
    ssl::SSLContext ours = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
    ssl::SSLContext theirs = test::client_context();
    one.prepare(ours, theirs);
    theirs.set_maximum_version(version);
    Verdict verdict;
    auto main = [&]() -> Coro<> {
      auto serve = [&](StreamReader, StreamWriter) { verdict.served = true; };
      Server server = co_await start_server(serve, "127.0.0.1", 0, serving(ours));
      auto connecting = open_connection("127.0.0.1", port_of(server), secure(theirs, one.name));
      auto result = co_await try_(std::move(connecting));
      if (!result.ok()) {
        try {
          std::rethrow_exception(result.exception());
        } catch (const ssl::SSLCertVerificationError& error) {
          verdict.code = error.verify_code();
          verdict.text = error.what();
        } catch (const std::exception& error) {
          verdict.code = -1;
          verdict.text = error.what();
        }
      }
      // The server hears of it by the alert.
      co_await sleep(std::chrono::seconds(1));
    };
    run(main());
    return verdict;
  }

  void check(const std::vector<Case>& cases) {
    for (const Case& one : cases) {
      for (const auto version : {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3}) {
        SCOPED_TRACE(one.title);
        const Verdict verdict = judge(one, version);
        EXPECT_EQ(verdict.code, one.verdict) << verdict.text;
        if (one.verdict == kGood) {
          EXPECT_TRUE(verdict.served);
          EXPECT_THAT(take_logs(), IsEmpty());
        } else {
          EXPECT_FALSE(verdict.served) << "a client that refuses must not reach the callback";
          EXPECT_THAT(verdict.text, HasSubstr("certificate verify failed: "));
          EXPECT_THAT(verdict.text, HasSubstr(one.words));
          EXPECT_EQ(take_logs().size(), 1U) << "the server says so once";
        }
      }
    }
  }
};

// Fault X1
TEST_F(certificate_matrix, names_and_addresses_are_not_mixed_up) { check(name_cases()); }

// Fault X1
TEST_F(certificate_matrix, who_is_not_trusted_is_refused) { check(trust_cases()); }

// Fault X1
TEST_F(certificate_matrix, chains_are_followed_by_the_rules) { check(chain_cases()); }

// Fault X1
TEST_F(certificate_matrix, revoked_ones_are_refused_when_asked_to_look) {
  check(revocation_cases());
}

// Fault X2
TEST_F(certificate_matrix, everybody_is_believed_only_when_asked_for_by_name) {
  const Case stranger{"", "example.test", kGood, "", [](ssl::SSLContext& server, ssl::SSLContext&) {
                        show(server, Certificate({.alternative_names = "DNS:other.test"}));
                      }};
  Case verified = stranger;
  EXPECT_NE(judge(verified, ssl::TLSVersion::TLSv1_3).code, kGood);
  EXPECT_EQ(take_logs().size(), 1U);
  Case unverified = stranger;
  unverified.prepare = [&](ssl::SSLContext& server, ssl::SSLContext& client) {
    stranger.prepare(server, client);
    client = ssl::create_unverified_context();
  };
  EXPECT_TRUE(judge(unverified, ssl::TLSVersion::TLSv1_3).served);
}

// --- clients ------------------------------------------------------------------------------------

class client_certificate : public test::TlsTest {
 protected:
  // Whether a client that shows `certificate` (null: none) can ask a question; else what it hears.
  std::string ask_with(const Certificate* certificate, ssl::SSLContext ours,
                       ssl::TLSVersion version) {
    ssl::SSLContext theirs = test::client_context();
    theirs.set_maximum_version(version);
    if (certificate != nullptr) {
      theirs.load_cert_chain_pem(certificate->pem(), certificate->key_pem(),
                                 {.allow_expired = true});
    }
    std::string heard;
    auto ask = [&](int port) -> Coro<std::string> {
      auto [reader, writer] = co_await open_connection("127.0.0.1", port, secure(theirs));
      writer.write("question\n");
      co_return co_await reader.readline();
    };
    auto main = [&]() -> Coro<> {
      Server server = co_await start_server(test::echo_lines, "127.0.0.1", 0, serving(ours));
      Coro<std::string> asking = ask(port_of(server));
      Result<std::string> answer = co_await try_(std::move(asking));
      if (answer.ok()) {
        heard = answer.value();
      } else {
        try {
          std::rethrow_exception(answer.exception());
        } catch (const std::exception& error) {
          heard = error.what();
        }
      }
      co_await sleep(std::chrono::seconds(1));
    };
    run(main());
    return heard;
  }

  // A server's that demands certificates of the authority's.
  static ssl::SSLContext demanding(ssl::VerifyMode mode = ssl::CERT_REQUIRED) {
    ssl::SSLContext context = test::server_context();
    context.load_verify_locations({.cadata = Authority::get().root.pem()});
    context.set_verify_mode(mode);
    return context;
  }
};

constexpr auto kVersions = {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3};

// Fault X14
TEST_F(client_certificate, a_good_one_is_let_in_and_can_be_asked_for) {
  for (const auto version : kVersions) {
    EXPECT_EQ(ask_with(&Authority::get().client, demanding(), version), "question\n");
  }
  std::string name;
  auto main = [&]() -> Coro<> {
    const ssl::SSLContext ours = demanding();
    ssl::SSLContext theirs = test::client_context();
    theirs.load_cert_chain_pem(Authority::get().client.pem(), Authority::get().client.key_pem());
    auto serve = [&](StreamReader, StreamWriter writer) {
      name = writer.peercert().value().subject.at(0).second;
    };
    Server server = co_await start_server(serve, "127.0.0.1", 0, serving(ours));
    auto streams = co_await open_connection("127.0.0.1", port_of(server), secure(theirs));
    co_await streams.first.read();
  };
  run(main());
  EXPECT_EQ(name, "a client");
}

// Fault X14
TEST_F(client_certificate, bad_ones_get_an_alert_and_others_are_served) {
  const Certificate stranger(authority_options("stranger"));
  const Certificate unknown({.common_name = "unknown", .usage = "clientAuth"}, &stranger);
  const Certificate expired({.usage = "clientAuth", .valid_from_days = -9, .valid_until_days = -1},
                            &Authority::get().root);
  struct {
    const Certificate* certificate;
    const char* alert;
    const char* log;
  } const cases[] = {
      {nullptr, "ALERT", "the client has shown no certificate"},
      {&unknown, "UNKNOWN_CA", "unable to get local issuer certificate"},
      {&expired, "CERTIFICATE_EXPIRED", "certificate has expired"},
      {&Authority::get().server, "ALERT", "not meant for a client"},
  };
  for (const auto& one : cases) {
    for (const auto version : kVersions) {
      EXPECT_THAT(ask_with(one.certificate, demanding(), version), HasSubstr(one.alert));
      const std::vector<std::string> logs = take_logs();
      ASSERT_EQ(logs.size(), 1U);
      EXPECT_THAT(logs[0], HasSubstr(one.log));
    }
  }
  EXPECT_EQ(ask_with(&Authority::get().client, demanding(), ssl::TLSVersion::TLSv1_3),
            "question\n");
}

// Fault X14
TEST_F(client_certificate, a_revoked_one_is_refused) {
  ssl::SSLContext ours = demanding();
  ours.set_verify_flags(ours.verify_flags() | ssl::VERIFY_CRL_CHECK_LEAF);
  ours.load_verify_locations({.cadata = Authority::get().root.revoke(
                                  std::vector<Certificate>(1, Authority::get().client))});
  EXPECT_THAT(ask_with(&Authority::get().client, ours, ssl::TLSVersion::TLSv1_3),
              HasSubstr("CERTIFICATE_REVOKED"));
  EXPECT_THAT(take_logs(), ::testing::ElementsAre(HasSubstr("certificate revoked")));
}

TEST_F(client_certificate, an_optional_one_may_be_missing_but_not_bad) {
  const Certificate stranger(authority_options("stranger"));
  const Certificate unknown({.usage = "clientAuth"}, &stranger);
  const auto newest = ssl::TLSVersion::TLSv1_3;
  EXPECT_EQ(ask_with(nullptr, demanding(ssl::CERT_OPTIONAL), newest), "question\n");
  EXPECT_THAT(ask_with(&unknown, demanding(ssl::CERT_OPTIONAL), newest), HasSubstr("UNKNOWN_CA"));
  EXPECT_EQ(take_logs().size(), 1U);
}

}  // namespace
}  // namespace asyncio
