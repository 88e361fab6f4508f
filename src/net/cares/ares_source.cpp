// Names from the hosts file and from name servers: what the C library does with "hosts: files dns"
// in nsswitch.conf, without a thread.
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "net/address_order.hpp"
#include "net/cares/ares_question.hpp"
#include "net/cares/ares_servers.hpp"
#include "net/local_names.hpp"
#include "net/name_service.hpp"
#include "net/resolver_files.hpp"

namespace asyncio::detail {
namespace {

// Questions that share the sockets of one channel; the next ones have ports of their own.
constexpr std::size_t kQuestionsPerChannel = 64;
// Questions under way; the rest queue. Their datagrams fit into one socket's buffer of the usual
// 208 KB, ours or the server's: one that is lost there costs seconds.
constexpr std::size_t kMostQuestions = 128;

class AsyncSource final : public NameSource, private AresOwner {
 public:
  AsyncSource(Scheduler& scheduler, const AsyncResolver& options);

  void begin(LookUp& look_up) override;
  void abandon(LookUp& look_up) noexcept override;
  void close() noexcept override { lines_.clear(); }
  void on_progress() noexcept override;

  /// Whether c-ares does what it is asked to.
  int try_it() { return line().channel.status(); }

 private:
  void refresh();
  void read_hosts();
  void read_resolv_conf();
  void start(LookUp& look_up);
  [[nodiscard]] std::size_t questions() const noexcept;
  bool answer_at_once(LookUp& look_up);
  static void finish_without_resolver(LookUp& look_up, const std::string& why);
  [[nodiscard]] std::vector<SocketAddress> local_addresses(const NameQuestion& question) const;
  Line& line();
  void drop_idle_lines() noexcept;

  Scheduler* scheduler_;
  std::string given_servers_;
  int given_timeout_ms_;
  int given_tries_;
  WatchedFile hosts_file_;
  WatchedFile resolv_conf_file_;
  Hosts hosts_;
  int hosts_error_ = 0;
  ResolvConf conf_;
  int conf_error_ = 0;
  AresConfig config_;
  std::vector<std::unique_ptr<Line>> lines_;
  base::List<LookUp> waiting_;
};

AsyncSource::AsyncSource(Scheduler& scheduler, const AsyncResolver& options)
    : scheduler_(&scheduler),
      given_servers_(check_servers(options.nameservers)),
      given_timeout_ms_(static_cast<int>(
          std::chrono::ceil<std::chrono::milliseconds>(options.timeout.value()).count())),
      given_tries_(options.tries),
      hosts_file_(options.hosts_file),
      resolv_conf_file_(options.resolv_conf) {
  refresh();
}

void AsyncSource::refresh() {
  if (hosts_file_.changed()) read_hosts();
  if (resolv_conf_file_.changed()) read_resolv_conf();
}

void AsyncSource::read_hosts() {
  std::string text;
  const int error = hosts_file_.read(text);
  const bool is_news = error != std::exchange(hosts_error_, error);
  if (!is_shortage(error)) hosts_ = Hosts::parse(text);  // else as it was
  if (error == 0 || error == ENOENT || !is_news) return;
  log(LogLevel::warning, hosts_file_.path() + " cannot be read (" + std::strerror(error) +
                             "): its names are asked of the name servers");
}

// Its own domain is searched when nothing else is said.
std::vector<std::string> domain_of_this_host() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  const std::string_view full = name.data();
  const std::size_t dot = full.find('.');
  if (dot == full.npos || dot + 1 == full.size()) return {};
  return {std::string(full.substr(dot + 1))};
}

void AsyncSource::read_resolv_conf() {
  std::string text;
  const int error = resolv_conf_file_.read(text);
  if (is_shortage(error) && !config_.servers.empty() && conf_error_ == 0) return;  // as it was
  conf_error_ = error;
  if (conf_error_ == ENOENT) conf_error_ = 0;  // as the C library: a server on this host
  conf_ = ResolvConf::parse(text);
  if (const char* search = std::getenv("LOCALDOMAIN")) {
    conf_.search = ResolvConf::parse(std::string("search ") + search).search;
  } else if (conf_.search.empty()) {
    conf_.search = domain_of_this_host();
  }
  if (const char* words = std::getenv("RES_OPTIONS")) conf_.parse_options(words);
  config_ = AresConfig{};
  config_.servers = given_servers_;
  if (given_servers_.empty()) {
    if (conf_.nameservers.empty()) conf_.nameservers.emplace_back("127.0.0.1");
    config_.servers = servers_text(conf_.nameservers);
  } else {
    conf_error_ = 0;  // it is not needed
  }
  config_.timeout_ms = given_timeout_ms_ > 0 ? given_timeout_ms_ : 1000 * conf_.timeout_s;
  config_.tries = given_tries_ > 0 ? given_tries_ : std::max(conf_.attempts, 1);
  config_.rotate = conf_.rotate;
  for (const auto& line : lines_) line->outdated = true;
}

void AsyncSource::begin(LookUp& look_up) {
  refresh();
  drop_idle_lines();
  if (answer_at_once(look_up)) return;
  if (questions() < kMostQuestions) {
    start(look_up);
  } else {
    waiting_.push_back(&look_up);
  }
}

std::size_t AsyncSource::questions() const noexcept {
  std::size_t count = 0;
  for (const auto& line : lines_) count += line->running;
  return count;
}

void AsyncSource::start(LookUp& look_up) {
  Line& with = line();
  if (const int status = with.channel.status(); status != ARES_SUCCESS) {
    return finish_without_resolver(look_up, ::ares_strerror(status));
  }
  auto question = std::make_unique<Question>(look_up, with, conf_.names_of(look_up.question().host),
                                             *scheduler_);
  look_up.ticket = question.get();
  try {
    question->ask_next();  // it fails before it asks, or not at all
  } catch (...) {
    look_up.ticket = nullptr;
    throw;
  }
  question.release();  // NOLINT(bugprone-unused-return-value): it owns itself now
}

void AsyncSource::on_progress() noexcept {
  while (!waiting_.empty() && questions() < kMostQuestions) {
    LookUp& next = *waiting_.pop_front();
    try {
      start(next);
    } catch (...) {
      FoundName found;
      found.failure = std::current_exception();
      next.finish(std::move(found));
    }
  }
}

bool AsyncSource::answer_at_once(LookUp& look_up) {
  FoundName found;
  found.ttl = Nanoseconds{0};  // no need to remember what is here
  found.addresses = local_addresses(look_up.question());
  if (!found.addresses.empty()) {
    look_up.finish(std::move(found));
    return true;
  }
  if (conf_error_ == 0) return false;
  finish_without_resolver(
      look_up, resolv_conf_file_.path() + " cannot be read: " + std::strerror(conf_error_));
  return true;
}

void AsyncSource::finish_without_resolver(LookUp& look_up, const std::string& why) {
  FoundName found;
  found.error = EAI_AGAIN;
  found.reason = "no resolver: " + why;
  look_up.finish(std::move(found));
}

std::vector<SocketAddress> AsyncSource::local_addresses(const NameQuestion& question) const {
  if (!question.host.empty()) {
    std::vector<SocketAddress> listed = hosts_.find(question.host, question.family);
    if (!listed.empty()) return listed;
  }
  std::vector<SocketAddress> own = addresses_of_this_host(question);
  if (!question.passive) order_addresses(scheduler_->backend(), own);
  return own;
}

void AsyncSource::abandon(LookUp& look_up) noexcept {
  look_up.unlink();
  if (look_up.ticket == nullptr) return;
  auto* question = static_cast<Question*>(std::exchange(look_up.ticket, nullptr));
  Line& line = question->line();
  question->forget();
  // c-ares ends all queries of a channel or none.
  if (--line.wanted > 0) return;
  line.channel.cancel();
  on_progress();
}

Line& AsyncSource::line() {
  for (const auto& line : lines_) {
    if (!line->outdated && line->running < kQuestionsPerChannel) return *line;
  }
  lines_.push_back(std::make_unique<Line>(*scheduler_, config_, static_cast<AresOwner&>(*this)));
  return *lines_.back();
}

// One is kept for the next question; it has no socket open.
void AsyncSource::drop_idle_lines() noexcept {
  bool kept = false;
  std::erase_if(lines_, [&](const auto& line) {
    if (line->running > 0) return false;
    return line->outdated || std::exchange(kept, true);
  });
}

}  // namespace

bool has_async_source() noexcept { return true; }

std::shared_ptr<NameSource> make_async_source(Scheduler& scheduler, const AsyncResolver& options,
                                              std::string& why) {
  auto source = std::make_shared<AsyncSource>(scheduler, options);
  const int status = source->try_it();
  if (status == ARES_SUCCESS) return source;
  why = ::ares_strerror(status);
  return nullptr;
}

}  // namespace asyncio::detail
