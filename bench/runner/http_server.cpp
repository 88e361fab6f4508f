#include "bench/runner/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool answers(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

}  // namespace

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!bound) throw std::runtime_error("bench: no free port");
  return ntohs(address.sin_port);
}

void wait_until_answers(Background& server, int port, const std::string& name) {
  for (int i = 0; i < 500 && server.running(); ++i) {
    if (answers(port)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("bench: " + name + " does not start");
}

std::string find_nginx(Setting& setting, ItemReport& report) {
  const std::string nginx = find_program("nginx");
  if (nginx.empty()) {
    report.add_note("nginx is left out: install nginx-light");
  } else {
    const std::string version = ask_program({nginx, "-v"});
    setting.versions["nginx"] = version.substr(version.find('/') + 1);
  }
  return nginx;
}

HttpServer::HttpServer(const std::string& nginx) : port_(free_port()) {
  std::string name = (std::filesystem::temp_directory_path() / "asyncio-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("bench: no temporary folder");
  folder_ = name;
  std::ofstream(folder_ / "page") << std::string(kPageBytes, 'x');
  {
    // In one process, which the destructor can end; one process is also what one worker means.
    std::ofstream file(folder_ / "nginx.conf");
    file << "daemon off; master_process off;\n"
         << "pid " << name << "/pid; error_log " << name << "/error.log;\n"
         << "worker_rlimit_nofile 20000;\n"
         << "events { worker_connections 12000; multi_accept on; }\n"
         << "http {\n  default_type text/plain; access_log off; keepalive_requests 1000000000; "
            "sendfile on;\n"
         << "  tcp_nopush on; open_file_cache max=10; root " << name << ";\n"
         << "  client_body_temp_path " << name << "/body; proxy_temp_path " << name << "/proxy;\n"
         << "  fastcgi_temp_path " << name << "/fastcgi; uwsgi_temp_path " << name << "/uwsgi;\n"
         << "  scgi_temp_path " << name << "/scgi;\n  server {\n";
    for (int i = 1; i <= kAddresses; ++i) {
      file << "    listen 127.0.0." << i << ":" << port_ << " backlog=4096;\n";
    }
    file << "    location = / { return 200 \"Hello, World!\"; }\n  }\n}\n";
  }
  nginx_ = std::make_unique<Background>(
      std::vector<std::string>{nginx, "-p", name, "-e", name + "/error.log", "-c",
                               name + "/nginx.conf"},
      0);
  try {
    wait_until_answers(*nginx_, port_, "nginx with " + name + "/nginx.conf");
  } catch (...) {
    nginx_.reset();
    std::filesystem::remove_all(folder_);
    throw;
  }
}

HttpServer::~HttpServer() {
  nginx_.reset();
  std::filesystem::remove_all(folder_);
}

std::string HttpServer::address() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::string HttpServer::next_url() {
  next_address_ = next_address_ % kAddresses + 1;
  return "http://127.0.0." + std::to_string(next_address_) + ":" + std::to_string(port_) + "/page";
}

}  // namespace bench
