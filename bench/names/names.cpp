// Names that nobody has asked for yet, all at once: bench_names cares|THREADS PORT COUNT. What they
// cost, with the threads' time; the name server is another process, on 127.0.0.1:PORT.
#include <netinet/in.h>
#include <resolv.h>
#include <sys/resource.h>

#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The C library's resolver has its settings by thread, and no other way to give a port.
void ask_at(int port) {
  ::res_init();
  _res.nscount = 1;
  _res.nsaddr_list[0].sin_family = AF_INET;
  _res.nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  _res.nsaddr_list[0].sin_port = htons(static_cast<std::uint16_t>(port));
}

void set_resolver(asyncio::EventLoop& loop, std::string_view who, int port) {
  if (who == "cares") {
    const std::string server = "127.0.0.1:" + std::to_string(port);
    asyncio::AsyncResolver resolver;
    resolver.nameservers = server;
    loop.set_resolver(resolver);
    return;
  }
  asyncio::ThreadedResolver resolver;
  resolver.max_threads = static_cast<std::size_t>(std::atoi(std::string(who).c_str()));
  loop.set_resolver(resolver);
  asyncio::concurrent::ThreadPoolOptions options;
  options.max_workers = static_cast<int>(resolver.max_threads);
  loop.set_default_executor(
      std::make_shared<asyncio::concurrent::ThreadPoolExecutor>(options, [port] { ask_at(port); }));
}

asyncio::Coro<> main_task(std::string who, int port, int count) {
  set_resolver(asyncio::get_running_loop(), who, port);
  co_await asyncio::getaddrinfo("first.bench.test", 80);  // files read, threads made
  const double cpu = cpu_seconds();
  const auto start = asyncio::get_running_loop().time();
  std::vector<asyncio::Coro<std::vector<asyncio::SocketAddress>>> all;
  for (int i = 0; i < count; ++i) {
    all.push_back(asyncio::getaddrinfo("host" + std::to_string(i) + ".bench.test", 80));
  }
  const auto found = co_await asyncio::gather(std::move(all));
  const std::chrono::duration<double> wall = asyncio::get_running_loop().time() - start;
  for (const auto& addresses : found) {
    if (addresses.size() != 1 || addresses[0].host() != "10.0.0.1") std::abort();
  }
  std::printf("CPU per name\tus\t%f\n", (cpu_seconds() - cpu) * 1e6 / count);
  std::printf("wall\tms\t%f\n", wall.count() * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  asyncio::run(main_task(argv[1], std::atoi(argv[2]), std::atoi(argv[3])));
}
