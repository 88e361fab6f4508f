// Protocols over TLS: connection_made() comes after the handshake, and what was decrypted arrives.
#include <gmock/gmock.h>

#include <array>

#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::client_context;
using test::describe;
using test::server_context;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Recorder : public Protocol {
 public:
  void connection_made(Transport made) override {
    transport = made;
    events.push_back("made " + (made.ssl_object() ? made.ssl_object()->version() : "in clear"));
  }
  void data_received(std::string_view data) override {
    events.push_back("data " + std::string(data));
  }
  bool eof_received() override {
    events.emplace_back("eof");
    return stays_open;
  }
  void connection_lost(std::exception_ptr error) override {
    events.push_back("lost" + (error ? " " + describe(error) : ""));
    lost.set_result();
  }

  Transport transport;
  std::vector<std::string> events;
  bool stays_open = false;
  Future<> lost = get_running_loop().create_future<>();
};

// Gets what comes four bytes at a time.
class Small : public BufferedProtocol {
 public:
  std::span<std::byte> get_buffer(std::ptrdiff_t) override { return buffer; }
  void buffer_updated(std::size_t count) override {
    received.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  void connection_lost(std::exception_ptr) override { lost.set_result(); }

  std::array<std::byte, 4> buffer{};
  std::string received;
  Future<> lost = get_running_loop().create_future<>();
};

class tls_transport : public test::TlsTest {
 protected:
  void TearDown() override {
    if (!loop().is_closed()) detail::cancel_and_join_all(scheduler());
    served.reset();
    TlsTest::TearDown();
  }
  Coro<Server> serve(ServerOptions options) {
    auto factory = [this] { return served = std::make_shared<Recorder>(); };
    return EventLoop::create_server(factory, "127.0.0.1", 8443, options);
  }
  // To that server, with a protocol of this kind.
  template <class P>
  static auto connect(ConnectOptions options) {
    auto factory = [] { return std::make_shared<P>(); };
    return EventLoop::create_connection(factory, "127.0.0.1", 8443, options);
  }

  const ssl::SSLContext server_side = server_context();
  const ssl::SSLContext client_side = client_context();
  std::shared_ptr<Recorder> served;
};

// Rule 2.59
TEST_F(tls_transport, protocols_are_made_after_the_handshake_and_get_what_was_decrypted) {
  run([&]() -> Coro<> {
    Server server = co_await serve(serving(server_side));
    auto [transport, mine] = co_await connect<Recorder>(secure(client_side));
    EXPECT_THAT(mine->events, ElementsAre("made TLSv1.3"));
    EXPECT_FALSE(transport.can_write_eof());
    transport.write("hello");
    co_await sleep(1s);
    EXPECT_THAT(served->events, ElementsAre("made TLSv1.3", "data hello"));
    served->transport.write("bye");
    served->transport.close();
    co_await mine->lost;
    co_await served->lost;
    EXPECT_THAT(mine->events, ElementsAre("made TLSv1.3", "data bye", "eof", "lost"));
    EXPECT_EQ(served->events.back(), "lost");
  }());
}

TEST_F(tls_transport, a_unix_socket_carries_it_as_well) {
  run([&]() -> Coro<> {
    auto make_served = [this] { return served = std::make_shared<Recorder>(); };
    Server server =
        co_await EventLoop::create_unix_server(make_served, "/run/tls", {.ssl = &server_side});
    auto factory = [] { return std::make_shared<Recorder>(); };
    const StreamOptions options{.ssl = &client_side, .server_hostname = "example.test"};
    auto [transport, mine] =
        co_await EventLoop::create_unix_connection(factory, "/run/tls", options);
    EXPECT_THAT(mine->events, ElementsAre("made TLSv1.3"));
    transport.write("hello");
    co_await sleep(1s);
    EXPECT_THAT(served->events, ElementsAre("made TLSv1.3", "data hello"));
    transport.close();
    co_await served->lost;
    co_await mine->lost;
  }());
}

TEST_F(tls_transport, a_half_open_connection_does_not_exist) {
  run([&]() -> Coro<> {
    Server server = co_await serve(serving(server_side));
    auto [transport, mine] = co_await connect<Recorder>(secure(client_side));
    co_await sleep(1s);
    served->stays_open = true;
    transport.close();
    co_await served->lost;
    co_await mine->lost;
  }());
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("has no effect when using ssl")));
}

TEST_F(tls_transport, a_buffered_protocol_gets_what_was_decrypted_in_its_own_buffer) {
  run([&]() -> Coro<> {
    Server server = co_await serve(serving(server_side));
    auto [transport, mine] = co_await connect<Small>(secure(client_side));
    co_await sleep(1s);
    served->transport.write("more than fits at once");
    served->transport.close();
    co_await mine->lost;
    EXPECT_EQ(mine->received, "more than fits at once");
  }());
}

TEST_F(tls_transport, a_certificate_that_is_refused_makes_no_protocol) {
  loop().set_exception_handler([](EventLoop&, const ExceptionContext&) {});
  run([&]() -> Coro<> {
    Server server = co_await serve(serving(server_side));
    int made = 0;
    auto factory = [&] {
      ++made;
      return std::make_shared<Recorder>();
    };
    auto outcome = co_await try_(EventLoop::create_connection(factory, "127.0.0.1", 8443,
                                                              secure(client_side, "other.test")));
    EXPECT_THAT(describe(outcome.exception()), HasSubstr("SSLCertVerificationError"));
    EXPECT_EQ(made, 0);
  }());
}

// CPython: test_sslproto::BaseStartTLS::test_start_tls_client_1
TEST_F(tls_transport, start_tls_goes_on_with_another_protocol_that_is_not_told_again) {
  run([&]() -> Coro<> {
    Server server = co_await serve({});
    auto [transport, first] = co_await connect<Recorder>({});
    co_await sleep(1s);
    auto upgrading = create_task(EventLoop::start_tls(served->transport, served, server_side));
    co_await sleep(0s);
    auto second = std::make_shared<Recorder>();
    const Transport secured = co_await EventLoop::start_tls(transport, second, client_side,
                                                            {.server_hostname = "example.test"});
    co_await upgrading;
    EXPECT_EQ(secured, transport);
    EXPECT_NE(secured.ssl_object(), nullptr);
    secured.write("hidden");
    co_await sleep(1s);
    EXPECT_THAT(served->events, ElementsAre("made in clear", "data hidden"));
    served->transport.write("as well");
    served->transport.close();
    co_await second->lost;
    EXPECT_THAT(first->events, ElementsAre("made in clear"));
    EXPECT_THAT(second->events, ElementsAre("data as well", "eof", "lost"));
    co_await served->lost;
  }());
}

}  // namespace
}  // namespace asyncio
