// Coming from Python: transports, protocols, datagrams.
// Run: build/dev/examples/coming_from_python/protocols
#include <asyncio/asyncio.hpp>
#include <cstdio>

namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// [protocols]
class Shout : public asyncio::Protocol {
 public:
  void connection_made(asyncio::Transport made) override { transport = made; }
  void data_received(std::string_view data) override { transport.write(upper(data)); }
  bool eof_received() override {
    transport.close();
    return false;
  }

  asyncio::Transport transport;
};

class Client : public asyncio::Protocol {
 public:
  explicit Client(asyncio::Future<bool> of) : done(std::move(of)) {}
  void connection_made(asyncio::Transport transport) override {
    transport.write("hello");
    transport.write_eof();
  }
  void data_received(std::string_view data) override { std::puts(std::string(data).c_str()); }
  void connection_lost(std::exception_ptr error) override { done.set_result(error == nullptr); }

  asyncio::Future<bool> done;
};

class Clock : public asyncio::DatagramProtocol {
 public:
  void connection_made(asyncio::DatagramTransport made) override { transport = made; }
  void datagram_received(std::string_view, const asyncio::SocketAddress& from) override {
    transport.sendto("noon", from);
  }

  asyncio::DatagramTransport transport;
};

class Asker : public asyncio::DatagramProtocol {
 public:
  explicit Asker(asyncio::Future<std::string> of) : answer(std::move(of)) {}
  void datagram_received(std::string_view data, const asyncio::SocketAddress&) override {
    answer.set_result(std::string(data));
  }

  asyncio::Future<std::string> answer;
};

asyncio::Coro<> main_task() {
  auto& loop = asyncio::get_running_loop();
  auto make_shout = [] { return std::make_shared<Shout>(); };
  auto server = co_await loop.create_server(make_shout, "127.0.0.1", 0);
  int port = server.sockets()[0].port();
  auto done = loop.create_future<bool>();
  auto make_client = [done] { return std::make_shared<Client>(done); };
  co_await loop.create_connection(make_client, "127.0.0.1", port);
  bool in_order = co_await done;
  std::printf("in order: %s\n", in_order ? "True" : "False");
  server.close();

  auto make_clock = [] { return std::make_shared<Clock>(); };
  asyncio::DatagramOptions at_any_port{.local_addr = {"127.0.0.1", 0}};
  auto [clock, clock_protocol] = co_await loop.create_datagram_endpoint(make_clock, at_any_port);
  auto answer = loop.create_future<std::string>();
  auto make_asker = [answer] { return std::make_shared<Asker>(answer); };
  asyncio::DatagramOptions to_clock{.remote_addr = {"127.0.0.1", clock.sockname().port()}};
  auto [asker, asker_protocol] = co_await loop.create_datagram_endpoint(make_asker, to_clock);
  asker.sendto("what time is it?");
  std::string time = co_await answer;
  std::printf("it is %s\n", time.c_str());
  asker.close();
  clock.close();
}
// [/protocols]

}  // namespace

int main() { asyncio::run(main_task()); }
