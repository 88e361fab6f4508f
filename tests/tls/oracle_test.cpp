// Held against programs that others wrote: OpenSSL's s_client and s_server, over real sockets. What
// is missing on a machine is skipped.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "asyncio/threads/to_thread.hpp"
#include "support/socket_test.hpp"
#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using test::Authority;
using ::testing::HasSubstr;
using ::testing::Not;

// One line, then the end.
Coro<> answer_once(StreamReader reader, StreamWriter writer) {
  std::string line = co_await reader.readline();
  writer.write("answer to " + line);
  writer.close();
}

class tls_oracle : public test::SocketTest {
 protected:
  tls_oracle() {
    let_blocks_migrate();
    std::filesystem::create_directories(folder_);
    root = file("root.pem", Authority::get().root.pem());
    cert = file("cert.pem", Authority::get().server.pem() + Authority::get().server.key_pem());
    client = file("client.pem", Authority::get().client.pem() + Authority::get().client.key_pem());
  }
  ~tls_oracle() override { std::filesystem::remove_all(folder_); }

  void SetUp() override {
    SocketTest::SetUp();
    if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl here";
  }

  std::string file(const std::string& name, const std::string& contents) {
    const std::string path = folder_ / name;
    std::ofstream(path) << contents;
    return path;
  }

  // All that a command prints.
  static std::string output_of(const std::string& command) {
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string all;
    char buffer[4096];
    while (std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
      all.append(buffer, count);
    }
    ::pclose(pipe);
    return all;
  }

  // What s_client prints when it asks one question of a server of `context`.
  Coro<std::string> ask(ssl::SSLContext context, std::string options) {
    Server server = co_await start_server(answer_once, "127.0.0.1", 0, {.ssl = &context});
    const std::string command =
        "printf 'question\\n' | timeout 20 openssl s_client -connect 127.0.0.1:" +
        std::to_string(server.sockets().at(0).port()) + " -CAfile " + root + " -ign_eof " +
        options + " 2>&1";
    auto asking = to_thread(&tls_oracle::output_of, command);
    std::string printed = co_await std::move(asking);
    co_return printed;
  }

  std::string root;
  std::string cert;
  std::string client;

 private:
  std::filesystem::path folder_ = std::filesystem::path(::testing::TempDir()) /
                                  ("asyncio_tls_oracle_" + std::to_string(::getpid()));
};

TEST_F(tls_oracle, s_client_verifies_our_server_in_both_versions) {
  ssl::SSLContext context = test::server_context();
  context.set_alpn_protocols({"http/1.1"});
  const std::string checks =
      "-verify_return_error -verify_hostname example.test -servername example.test -alpn http/1.1 ";
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string printed = run(ask(context, checks + version));
    EXPECT_THAT(printed, HasSubstr("answer to question"));
    EXPECT_THAT(printed, HasSubstr("Verify return code: 0 (ok)"));
    EXPECT_THAT(printed, HasSubstr("ALPN protocol: http/1.1"));
  }
}

TEST_F(tls_oracle, s_client_hears_our_alert_when_it_shows_no_certificate) {
  ssl::SSLContext context = test::server_context();
  context.load_verify_locations(root);
  context.set_verify_mode(ssl::CERT_REQUIRED);
  const std::string refused = run(ask(context, ""));
  EXPECT_THAT(refused, HasSubstr("alert certificate required"));
  EXPECT_THAT(refused, Not(HasSubstr("answer to")));
  EXPECT_EQ(take_logs().size(), 1U);
  EXPECT_THAT(run(ask(context, "-cert " + client + " -key " + client)),
              HasSubstr("answer to question"));
}

TEST_F(tls_oracle, our_client_speaks_to_s_server) {
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    auto main = [&]() -> Coro<std::string> {
      Server probe = co_await start_server(answer_once, "127.0.0.1", 0);
      const int port = probe.sockets().at(0).port();
      probe.close();
      co_await probe.wait_closed();
      const std::string command =
          "timeout 20 openssl s_server -accept 127.0.0.1:" + std::to_string(port) +
          " -naccept 1 -rev -cert " + cert + " " + version + " 2>/dev/null";
      FILE* server = ::popen(command.c_str(), "r");
      char line[512];
      while (std::fgets(line, sizeof line, server) != nullptr) {
        if (std::string(line).starts_with("ACCEPT")) break;
      }
      const ssl::SSLContext context = test::client_context();
      auto [reader, writer] = co_await open_connection(
          "127.0.0.1", port, {.ssl = &context, .server_hostname = "example.test"});
      writer.write("abc\n");
      std::string answer = co_await reader.readline();
      writer.close();
      auto closed = co_await try_(writer.wait_closed());
      EXPECT_TRUE(closed.ok());
      ::pclose(server);
      co_return answer;
    };
    EXPECT_EQ(run(main()), "cba\n");
  }
}

}  // namespace
}  // namespace asyncio
