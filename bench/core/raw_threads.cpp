#include "bench/core/raw_threads.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <thread>

namespace bench {
namespace {

class Doorbell {
 public:
  Doorbell()
      : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLET;  // each ring once, so that nothing need be read
    epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &interest);
  }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell() {
    close(epoll_);
    close(event_);
  }

  void ring() const { eventfd_write(event_, 1); }
  void wait() const {
    epoll_event event{};
    while (epoll_wait(epoll_, &event, 1, -1) != 1) {
    }
  }

 private:
  int event_;
  int epoll_;
};

}  // namespace

WallAndCpu raw_round_trips(std::size_t n) {
  const Doorbell here;
  const Doorbell there;
  std::thread other([&] {
    for (std::size_t i = 0; i < n + 1; ++i) {
      there.wait();
      here.ring();
    }
  });
  there.ring();  // the thread has started when it answers
  here.wait();
  const Stopwatch watch;
  for (std::size_t i = 0; i < n; ++i) {
    there.ring();
    here.wait();
  }
  const WallAndCpu time = watch.read();
  other.join();
  return time;
}

}  // namespace bench
