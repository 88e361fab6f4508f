// libcurl's multi interface on epoll, as its own example (docs/examples/ephiperfifo.c) does it,
// with a handle per request in flight that is used again. Bodies are collected, as in the other
// clients.
#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "bench/http/load.hpp"

namespace {

class Client {
  using Clock = std::chrono::steady_clock;

 public:
  explicit Client(const bench::Load& load) : transfers_(load.in_flight) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Client::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Client::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(load.in_flight));
    for (Transfer& transfer : transfers_) {
      transfer.easy = curl_easy_init();
      curl_easy_setopt(transfer.easy, CURLOPT_URL, load.url.c_str());
      curl_easy_setopt(transfer.easy, CURLOPT_WRITEFUNCTION, &Client::on_body);
      curl_easy_setopt(transfer.easy, CURLOPT_WRITEDATA, &transfer.body);
      curl_easy_setopt(transfer.easy, CURLOPT_FAILONERROR, 1L);
      curl_easy_setopt(transfer.easy, CURLOPT_NOSIGNAL, 1L);
      curl_easy_setopt(transfer.easy, CURLOPT_PRIVATE, &transfer);
      if (!load.close) continue;
      curl_easy_setopt(transfer.easy, CURLOPT_FORBID_REUSE, 1L);
      curl_easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, close_field_);
    }
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    for (const Transfer& transfer : transfers_) curl_easy_cleanup(transfer.easy);
    curl_multi_cleanup(multi_);
    curl_slist_free_all(close_field_);
    close(epoll_);
  }

  bench::Tally run(std::size_t requests) {
    tally_ = {};
    left_ = requests;
    for (Transfer& transfer : transfers_) start(transfer);
    while (running_ > 0) turn();
    return tally_;
  }

 private:
  struct Transfer {
    CURL* easy = nullptr;
    std::string body;
  };

  void start(Transfer& transfer) {
    if (left_ == 0) return;
    --left_;
    ++running_;
    transfer.body.clear();
    curl_multi_add_handle(multi_, transfer.easy);
  }

  void turn() {
    std::array<epoll_event, 128> events;
    const int count =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds_left());
    int unused = 0;
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      int flags = 0;
      if (event.events & EPOLLIN) flags |= CURL_CSELECT_IN;
      if (event.events & EPOLLOUT) flags |= CURL_CSELECT_OUT;
      if (event.events & (EPOLLERR | EPOLLHUP)) flags |= CURL_CSELECT_ERR;
      curl_multi_socket_action(multi_, event.data.fd, flags, &unused);
    }
    if (deadline_ <= Clock::now()) {
      deadline_ = Clock::time_point::max();
      curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &unused);
    }
    take_results();
  }

  [[nodiscard]] int milliseconds_left() const {
    if (deadline_ == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    return static_cast<int>(std::max(left.count(), 0L));
  }

  void take_results() {
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      if (message->data.result == CURLE_OK) {
        ++tally_.completed;
        tally_.bytes += transfer->body.size();
      } else if (tally_.failed++ == 0) {
        std::fprintf(stderr, "%s\n", curl_easy_strerror(message->data.result));
      }
      --running_;
      curl_multi_remove_handle(multi_, transfer->easy);
      start(*transfer);
    }
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    auto* client = static_cast<Client*>(self);
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(client->epoll_, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    if (what & CURL_POLL_IN) event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
    epoll_ctl(client->epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
    curl_multi_assign(client->multi_, socket, client);
    return 0;
  }
  static int on_timer(CURLM*, long timeout_ms, void* self) {
    static_cast<Client*>(self)->deadline_ =
        timeout_ms < 0 ? Clock::time_point::max()
                       : Clock::now() + std::chrono::milliseconds(timeout_ms);
    return 0;
  }
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* body) {
    static_cast<std::string*>(body)->append(data, size);
    return size;
  }

  curl_slist* close_field_ = curl_slist_append(nullptr, "Connection: close");
  CURLM* multi_ = curl_multi_init();
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  Clock::time_point deadline_ = Clock::time_point::max();
  std::vector<Transfer> transfers_;
  std::size_t left_ = 0;
  std::size_t running_ = 0;
  bench::Tally tally_;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Load load = bench::Load::parse(argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Client client(load);
  if (load.warm_up > 0) client.run(load.warm_up);
  const bench::Stopwatch watch;
  client.run(load.requests).print(watch);
}
