// Coming from Python: sockets as values, callbacks of descriptors, Unix sockets.
// Run: build/dev/examples/coming_from_python/sockets
#include <sys/socket.h>
#include <unistd.h>

#include <asyncio/asyncio.hpp>
#include <asyncio/socket.hpp>
#include <cctype>
#include <iostream>
#include <string>
#include <utility>

// [sockets]
asyncio::Coro<> main_task() {
  auto& loop = asyncio::get_running_loop();
  auto [ours, theirs] = asyncio::PlainSocket::socketpair(SOCK_STREAM);
  const int fd = ours.fileno();

  auto arrived = loop.create_future<std::string>();
  auto on_readable = [&, &from = ours] {
    loop.remove_reader(fd);
    arrived.set_result(from.recv(100));
  };
  loop.add_reader(fd, on_readable);
  co_await loop.sock_sendall(theirs, "ping");
  std::cout << co_await arrived << "\n";

  // A stream takes the socket over.
  auto [reader, writer] = co_await asyncio::open_connection(std::move(ours));
  co_await loop.sock_sendall(theirs, "a line\n");
  std::cout << co_await reader.readline();
  writer.close();
  std::cout << "'" << co_await loop.sock_recv(theirs, 100) << "'\n";
}
// [/sockets]

// [unix]
asyncio::Coro<> handle(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  std::string line = co_await reader.readline();
  for (char& c : line) c = static_cast<char>(std::toupper(c));
  writer.write(line);
  writer.close();
}

asyncio::Coro<> at_a_path(std::string path) {
  auto server = co_await asyncio::start_unix_server(handle, path);
  auto body = [&]() -> asyncio::Coro<> {
    auto [reader, writer] = co_await asyncio::open_unix_connection(path);
    writer.write("hello\n");
    std::cout << co_await reader.read();
    writer.close();
  };
  co_await asyncio::with(server, body);
}
// [/unix]

int main() {
  asyncio::run(main_task());
  std::string folder = "/tmp/sockets-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  asyncio::run(at_a_path(folder + "/socket"));
  // The server has taken its file away.
  return ::rmdir(folder.c_str()) == 0 ? 0 : 1;
}
