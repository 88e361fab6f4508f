// A name server that answers every question some milliseconds after it came: bench_names_server
// MILLISECONDS. Any name has the address 10.0.0.1 and no IPv6 address. Prints `listening PORT`.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

struct Answer {
  Clock::time_point when;
  sockaddr_in to;
  std::string message;
};

// The question again, with the address behind it unless it asks for another kind.
std::string answer_to(std::string message) {
  constexpr std::size_t kHead = 12;
  constexpr char kTypeA = 1;
  std::size_t end = kHead;
  while (end < message.size() && message[end] != 0)
    end += 1U + static_cast<std::size_t>(message[end]);
  if (end + 5 > message.size()) return {};
  const bool has = message[end + 2] == kTypeA;
  message.resize(end + 5);
  message[2] = static_cast<char>(0x81);
  message[3] = static_cast<char>(0x80);
  message[7] = has ? 1 : 0;
  message[8] = message[9] = message[10] = message[11] = 0;
  if (has) {
    constexpr std::array<unsigned char, 16> kRecord = {0xc0, kHead, 0, 1, 0,  1, 0, 0,
                                                       0,    60,    0, 4, 10, 0, 0, 1};
    message.append(kRecord.begin(), kRecord.end());
  }
  return message;
}

}  // namespace

int main(int argc, char** argv) {
  const auto delay = std::chrono::milliseconds(argc > 1 ? std::atoi(argv[1]) : 20);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int buffer = 8 << 20;  // as far as the system allows
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof own;
  auto* generic = reinterpret_cast<sockaddr*>(&own);
  if (::bind(fd, generic, size) != 0 || ::getsockname(fd, generic, &size) != 0) return 1;
  std::printf("listening %d\n", ntohs(own.sin_port));
  std::fflush(stdout);

  std::deque<Answer> answers;
  for (;;) {
    int wait = -1;
    while (!answers.empty()) {
      Answer& first = answers.front();
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(first.when - Clock::now());
      wait = static_cast<int>(left.count());
      if (wait > 0) break;
      ::sendto(fd, first.message.data(), first.message.size(), 0,
               reinterpret_cast<const sockaddr*>(&first.to), sizeof first.to);
      answers.pop_front();
      wait = -1;
    }
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, wait) <= 0) continue;
    std::string message(512, '\0');
    Answer answer{Clock::now() + delay, {}, {}};
    socklen_t from = sizeof answer.to;
    const ssize_t count = ::recvfrom(fd, message.data(), message.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&answer.to), &from);
    if (count <= 0) continue;
    message.resize(static_cast<std::size_t>(count));
    answer.message = answer_to(std::move(message));
    if (!answer.message.empty()) answers.push_back(std::move(answer));
  }
}
