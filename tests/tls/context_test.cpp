// SSLContext: what can be set, what is refused at once, and what connections then agree on.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using test::Authority;
using test::authority_options;
using test::Certificate;
using test::client_context;
using test::echo_lines;
using test::server_context;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// What `call` throws as E, in words.
template <class E, class F>
std::string message_of(F call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// --- settings -----------------------------------------------------------------------------------

class ssl_context : public test::QuietTest {};

// Fault X2
TEST_F(ssl_context, a_clients_is_strict_from_the_start) {
  const ssl::SSLContext context = ssl::create_default_context();
  EXPECT_EQ(context.protocol(), ssl::PROTOCOL_TLS_CLIENT);
  EXPECT_TRUE(context.check_hostname());
  EXPECT_EQ(context.verify_mode(), ssl::CERT_REQUIRED);
  EXPECT_EQ(context.minimum_version(), ssl::TLSVersion::TLSv1_2);
  EXPECT_EQ(context.maximum_version(), ssl::TLSVersion::MAXIMUM_SUPPORTED);
  EXPECT_TRUE((context.verify_flags() & ssl::VERIFY_X509_STRICT) != 0);
  EXPECT_FALSE((context.options() & ssl::OP_IGNORE_UNEXPECTED_EOF) != 0);
  for (const std::string& cipher : context.get_ciphers()) {
    EXPECT_THAT(cipher, AllOf(Not(HasSubstr("RC4")), Not(HasSubstr("DES")), Not(HasSubstr("NULL")),
                              Not(HasSubstr("EXP"))));
  }
}

TEST_F(ssl_context, a_servers_asks_clients_for_nothing) {
  const ssl::SSLContext context = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
  EXPECT_EQ(context.protocol(), ssl::PROTOCOL_TLS_SERVER);
  EXPECT_FALSE(context.check_hostname());
  EXPECT_EQ(context.verify_mode(), ssl::CERT_NONE);
}

TEST_F(ssl_context, believing_anybody_takes_two_steps_or_one_with_a_telling_name) {
  ssl::SSLContext context = ssl::create_default_context();
  EXPECT_EQ(message_of<ValueError>([&] { context.set_verify_mode(ssl::CERT_NONE); }),
            "Cannot set verify_mode to CERT_NONE when check_hostname is enabled.");
  context.set_check_hostname(false);
  context.set_verify_mode(ssl::CERT_NONE);
  EXPECT_EQ(context.verify_mode(), ssl::CERT_NONE);
  context.set_check_hostname(true);
  EXPECT_EQ(context.verify_mode(), ssl::CERT_REQUIRED) << "a name without a certificate is nothing";
  EXPECT_EQ(ssl::create_unverified_context().verify_mode(), ssl::CERT_NONE);
}

TEST_F(ssl_context, a_copy_is_a_handle_to_the_same_settings) {
  ssl::SSLContext context = ssl::create_default_context();
  ssl::SSLContext copy = context;
  copy.set_maximum_version(ssl::TLSVersion::TLSv1_2);
  EXPECT_EQ(context.maximum_version(), ssl::TLSVersion::TLSv1_2);
  EXPECT_EQ(context.settings_id(), copy.settings_id());
}

TEST_F(ssl_context, every_change_gets_an_identity_of_its_own) {
  ssl::SSLContext context = ssl::create_default_context();
  ssl::SSLContext other = ssl::create_default_context();
  EXPECT_NE(context.settings_id(), other.settings_id());
  const std::uint64_t before = context.settings_id();
  EXPECT_EQ(context.settings_id(), before);
  context.set_check_hostname(false);
  EXPECT_NE(context.settings_id(), before);
}

TEST_F(ssl_context, settings_that_nothing_satisfies_are_refused) {
  ssl::SSLContext context = ssl::create_default_context();
  EXPECT_THAT(message_of<ssl::SSLError>([&] { context.set_ciphers("nonsense"); }),
              HasSubstr("No cipher can be selected."));
  EXPECT_THAT(message_of<ssl::SSLError>([&] { context.set_ciphersuites("nonsense"); }),
              HasSubstr("No cipher suite can be selected."));
  EXPECT_THROW(context.set_alpn_protocols({""}), ValueError);
  EXPECT_THROW(context.set_alpn_protocols({std::string(256, 'x')}), ValueError);
  EXPECT_THROW(context.load_verify_locations(ssl::VerifyLocations{}), ValueError);
  context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_THAT(context.get_ciphers(), Contains("ECDHE-ECDSA-AES128-GCM-SHA256"));
}

TEST_F(ssl_context, names_that_no_certificate_can_have_are_refused) {
  const ssl::SSLContext context = ssl::create_default_context();
  const auto connect_to = [&](std::string_view name) {
    return message_of<ValueError>([&] {
      static_cast<void>(context.factory()->make_layer({.server_hostname = name, .peer = "test"}));
    });
  };
  EXPECT_THAT(connect_to(std::string_view("good.test\0.bad.test", 19)), HasSubstr("ASCII"));
  EXPECT_THAT(connect_to("bücher.test"), HasSubstr("xn--"));
  EXPECT_THAT(connect_to(std::string(300, 'n')), HasSubstr("longer than 253 bytes"));
  EXPECT_THAT(connect_to(".test"), HasSubstr("leading dot"));
  EXPECT_THAT(connect_to(""), HasSubstr("check_hostname requires server_hostname"));
}

// --- certificates -------------------------------------------------------------------------------

class certificate_files : public ssl_context {
 protected:
  certificate_files() { std::filesystem::create_directories(folder_); }
  ~certificate_files() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& contents) {
    const std::string path = folder_ / name;
    std::ofstream(path) << contents;
    return path;
  }
  std::string loading(const std::string& certfile, const std::string& keyfile = {},
                      const ssl::LoadCertOptions& options = {}) {
    return message_of<OSError>([&] { context.load_cert_chain(certfile, keyfile, options); });
  }

  ssl::SSLContext context = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
  const Certificate& good = Authority::get().server;

 private:
  std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("asyncio_tls_" + std::to_string(::getpid()));
};

TEST_F(certificate_files, are_loaded_from_one_file_or_two) {
  context.load_cert_chain(file("cert.pem", good.pem()), file("key.pem", good.key_pem()));
  context.load_cert_chain(file("both.pem", good.key_pem() + good.pem()));
  context.load_cert_chain(file("cert.pem", good.pem()), file("locked.pem", good.key_pem("open")),
                          {.password = "open"});
}

// Fault X10
TEST_F(certificate_files, what_is_wrong_with_one_is_said_when_it_is_loaded) {
  const std::string cert = file("cert.pem", good.pem());
  const std::string key = file("key.pem", good.key_pem());
  const Certificate other({});
  EXPECT_THAT(loading("/nonexistent/cert.pem"),
              HasSubstr("load_cert_chain /nonexistent/cert.pem: no such file"));
  EXPECT_THAT(loading(cert, "/nonexistent/key.pem"), HasSubstr("/nonexistent/key.pem"));
  EXPECT_THAT(loading(cert), AllOf(HasSubstr("cert.pem"), HasSubstr("no private key in it")));
  EXPECT_THAT(loading(key), AllOf(HasSubstr("key.pem"), HasSubstr("no certificate in it")));
  EXPECT_THAT(loading(cert, file("other.pem", other.key_pem())),
              AllOf(HasSubstr("other.pem"), HasSubstr("not that of the first certificate")));
  const std::string locked = file("locked.pem", good.key_pem("open"));
  EXPECT_THAT(loading(cert, locked), HasSubstr("is encrypted: give the password"));
  EXPECT_THAT(loading(cert, locked, {.password = "guess"}), HasSubstr("password is not that"));
  const Certificate expired({.valid_from_days = -9, .valid_until_days = -1});
  const std::string stale = file("stale.pem", expired.pem() + expired.key_pem());
  EXPECT_THAT(loading(stale), AllOf(HasSubstr("stale.pem"), HasSubstr("was valid until ")));
  EXPECT_EQ(loading(stale, {}, {.allow_expired = true}), "nothing was thrown");
  std::string broken = good.pem();
  broken.replace(100, 4, "!!!!");
  EXPECT_THAT(loading(file("broken.pem", broken), key), HasSubstr("broken.pem"));
  const Certificate weak({.rsa_bits = 1024});
  EXPECT_THAT(loading(file("weak.pem", weak.pem() + weak.key_pem())), HasSubstr("key too small"));
}

TEST_F(certificate_files, a_store_is_filled_from_files_and_from_memory) {
  ssl::SSLContext client(ssl::PROTOCOL_TLS_CLIENT);
  EXPECT_EQ(client.cert_store_stats().x509, 0U);
  client.load_verify_locations(file("root.pem", Authority::get().root.pem()));
  EXPECT_EQ(client.cert_store_stats().x509_ca, 1U);
  client.load_verify_locations({.cadata = Certificate(authority_options("another")).pem()});
  EXPECT_EQ(client.cert_store_stats().x509_ca, 2U);
  client.load_verify_locations({.cadata = Authority::get().root.revoke({})});
  EXPECT_EQ(client.cert_store_stats().crl, 1U);
  EXPECT_THAT(message_of<ssl::SSLError>(
                  [&] { client.load_verify_locations(file("empty.pem", "nothing")); }),
              AllOf(HasSubstr("empty.pem"), HasSubstr("no certificate")));
  EXPECT_THROW(client.load_verify_locations("/nonexistent/root.pem"), FileNotFoundError);
}

TEST_F(certificate_files, the_environment_says_where_the_systems_store_is) {
  const std::string root = file("root.pem", Authority::get().root.pem());
  ::setenv("SSL_CERT_FILE", root.c_str(), 1);
  ssl::SSLContext client(ssl::PROTOCOL_TLS_CLIENT);
  client.load_default_certs();
  ::unsetenv("SSL_CERT_FILE");
  EXPECT_EQ(client.cert_store_stats().x509_ca, 1U);
}

// --- what is agreed on --------------------------------------------------------------------------

class tls_agreement : public test::TlsTest {
 protected:
  // What the client sees of a connection: asks one question, too, so that tickets have come.
  struct Seen {
    std::string version;
    std::string alpn;
    std::string subject;
    std::string error;
    bool reused = false;
  };

  Coro<Seen> meet(int port, const ssl::SSLContext& context, std::string name = "example.test") {
    Seen seen;
    ConnectOptions options = secure(context, name);
    auto result = co_await try_(open_connection("127.0.0.1", port, options));
    if (!result.ok()) {
      seen.error = base::describe(result.exception());
      co_return seen;
    }
    StreamPair streams = std::move(result).value();
    StreamWriter& writer = streams.second;
    const SSLObject& tls = *writer.ssl_object();
    seen.version = tls.version();
    seen.alpn = tls.selected_alpn_protocol();
    seen.reused = tls.session_reused();
    if (auto peer = writer.peercert()) seen.subject = peer->subject.at(0).second;
    writer.write("question\n");
    auto answer = co_await try_(streams.first.readline());
    if (!answer.ok()) seen.error = base::describe(answer.exception());
    writer.close();
    auto closed = co_await try_(writer.wait_closed());
    co_return seen;
  }

  // Several such, one after another, with a server of `context`.
  std::vector<Seen> meet_all(const ssl::SSLContext& context,
                             std::vector<std::pair<const ssl::SSLContext*, std::string>> clients) {
    std::vector<Seen> all;
    auto main = [&]() -> Coro<> {
      Server server = co_await start_server(echo_lines, "127.0.0.1", 0, serving(context));
      for (const auto& [client, name] : clients) {
        Seen seen = co_await meet(port_of(server), *client, name);
        all.push_back(seen);
      }
      co_await sleep(std::chrono::seconds(1));  // the server hears of it a little later
    };
    run(main());
    return all;
  }
  Seen meet_one(const ssl::SSLContext& server, const ssl::SSLContext& client) {
    return meet_all(server, {{&client, "example.test"}}).at(0);
  }
};

TEST_F(tls_agreement, the_newest_common_version_is_taken_and_older_ones_refused) {
  const ssl::SSLContext server = server_context();
  ssl::SSLContext old_client = client_context();
  old_client.set_maximum_version(ssl::TLSVersion::TLSv1_2);
  EXPECT_EQ(meet_one(server, client_context()).version, "TLSv1.3");
  EXPECT_EQ(meet_one(server, old_client).version, "TLSv1.2");
  ssl::SSLContext new_server = server_context();
  new_server.set_minimum_version(ssl::TLSVersion::TLSv1_3);
  EXPECT_THAT(meet_one(new_server, old_client).error,
              AllOf(HasSubstr("TLSV1_ALERT_PROTOCOL_VERSION"), HasSubstr("maximum_version")));
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("UNSUPPORTED_PROTOCOL")));
}

// Fault X11
TEST_F(tls_agreement, no_common_protocol_inside_is_no_error) {
  ssl::SSLContext server = server_context();
  ssl::SSLContext client = client_context();
  server.set_alpn_protocols({"h2"});
  client.set_alpn_protocols({"http/1.1"});
  EXPECT_EQ(meet_one(server, client).alpn, "");
  client.set_alpn_protocols({"http/1.1", "h2"});
  EXPECT_EQ(meet_one(server, client).alpn, "h2");
  EXPECT_EQ(meet_one(server_context(), client).alpn, "");
  server.set_alpn_protocols({"http/1.1", "h2"});
  client.set_alpn_protocols({"h2", "http/1.1"});
  EXPECT_EQ(meet_one(server, client).alpn, "http/1.1") << "the server's order counts";
}

TEST_F(tls_agreement, a_server_without_a_certificate_says_so) {
  const ssl::SSLContext bare(ssl::PROTOCOL_TLS_SERVER);
  EXPECT_THAT(meet_one(bare, client_context()).error, HasSubstr("HANDSHAKE_FAILURE"));
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("load_cert_chain()")));
}

// Fault X11
TEST_F(tls_agreement, a_server_shows_the_certificate_of_the_name_it_is_asked_for) {
  const Certificate shop({.common_name = "shop", .alternative_names = "DNS:shop.test"},
                         &Authority::get().root);
  const ssl::SSLContext shop_context = server_context(shop);
  ssl::SSLContext server = server_context();
  std::vector<std::string> asked;
  server.set_sni_callback([&](std::string_view name) -> const ssl::SSLContext* {
    asked.emplace_back(name);
    if (name == "refused.test") throw ValueError("unknown");
    return name == "shop.test" ? &shop_context : nullptr;
  });
  const ssl::SSLContext client = client_context();
  const auto seen = meet_all(server, {{&client, "shop.test"},
                                      {&client, "example.test"},
                                      {&client, "127.0.0.1"},
                                      {&client, "unknown.test"},
                                      {&client, "refused.test"}});
  EXPECT_EQ(seen[0].subject, "shop");
  EXPECT_EQ(seen[1].subject, "example.test");
  EXPECT_EQ(seen[2].subject, "example.test") << "an address is not asked for by name";
  EXPECT_THAT(seen[3].error, HasSubstr("Hostname mismatch"));
  EXPECT_THAT(seen[4].error, HasSubstr("UNRECOGNIZED_NAME"));
  EXPECT_THAT(asked, ElementsAre("shop.test", "example.test", "", "unknown.test", "refused.test"));
  EXPECT_EQ(take_logs().size(), 1U) << "the second within one second is only counted";
}

// --- sessions -----------------------------------------------------------------------------------

class tls_sessions : public tls_agreement {};

TEST_F(tls_sessions, meeting_the_same_server_again_goes_on_with_the_session) {
  for (const auto version : {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3}) {
    const ssl::SSLContext server = server_context();
    ssl::SSLContext client = client_context();
    client.set_maximum_version(version);
    const auto seen = meet_all(server, {{&client, "example.test"},
                                        {&client, "example.test"},
                                        {&client, "example.test"},
                                        {&client, "localhost"}});
    EXPECT_FALSE(seen[0].reused);
    EXPECT_TRUE(seen[1].reused);
    EXPECT_TRUE(seen[2].reused);
    EXPECT_EQ(seen[2].subject, "example.test") << "who it is, is known from the session";
    EXPECT_FALSE(seen[3].reused) << "another name is another server";
  }
}

// Fault X12
TEST_F(tls_sessions, one_made_under_other_settings_is_never_resumed) {
  const ssl::SSLContext server = server_context(Certificate({.alternative_names = "DNS:x.test"}));
  ssl::SSLContext client = ssl::create_unverified_context();
  EXPECT_FALSE(meet_one(server, client).reused);
  client.set_check_hostname(true);
  EXPECT_THAT(meet_one(server, client).error, HasSubstr("CERTIFICATE_VERIFY_FAILED"));
  EXPECT_EQ(take_logs().size(), 1U);

  ssl::SSLContext trusting = client_context();
  const ssl::SSLContext known = server_context();
  EXPECT_EQ(meet_one(known, trusting).error, "");
  trusting.load_cert_chain_pem(Authority::get().client.pem(), Authority::get().client.key_pem());
  EXPECT_FALSE(meet_one(known, trusting).reused) << "as somebody else";
}

// A ticket must not carry a client past what another context demands.
// Fault X12
TEST_F(tls_sessions, one_of_a_lenient_host_does_not_open_a_strict_one) {
  for (const auto version : {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3}) {
    ssl::SSLContext strict = server_context();
    strict.load_verify_locations({.cadata = Authority::get().root.pem()});
    strict.set_verify_mode(ssl::CERT_REQUIRED);
    ssl::SSLContext server = server_context();
    bool is_strict = false;
    server.set_sni_callback(
        [&](std::string_view) -> const ssl::SSLContext* { return is_strict ? &strict : nullptr; });
    ssl::SSLContext client = client_context();
    client.set_maximum_version(version);
    auto main = [&]() -> Coro<> {
      Server serving_both = co_await start_server(echo_lines, "127.0.0.1", 0, serving(server));
      const int port = port_of(serving_both);
      Seen first = co_await meet(port, client);
      EXPECT_EQ(first.error, "");
      is_strict = true;
      Seen second = co_await meet(port, client);
      EXPECT_FALSE(second.reused);
      EXPECT_THAT(second.error, HasSubstr("ALERT"));
    };
    run(main());
    EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("shown no certificate")));
  }
}

TEST_F(tls_sessions, a_server_that_gives_no_tickets_is_met_anew) {
  ssl::SSLContext server = server_context();
  server.set_options(server.options() | ssl::OP_NO_TICKET);
  const ssl::SSLContext client = client_context();
  ssl::SSLContext forgetful = client_context();
  const auto seen = meet_all(server, {{&client, "example.test"}, {&forgetful, "example.test"}});
  EXPECT_EQ(seen[0].error, "");
  EXPECT_FALSE(seen[1].reused) << "another context, another memory";
}

}  // namespace
}  // namespace asyncio
