// Names from the hosts file and from name servers: what the C library does with "hosts: files dns"
// in nsswitch.conf, without a thread.
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "net/address_order.hpp"
#include "net/cares/ares_channel.hpp"
#include "net/name_service.hpp"
#include "net/resolver_files.hpp"

namespace asyncio::detail {
namespace {

// Questions that share the sockets of one channel; the next ones have ports of their own.
constexpr std::size_t kQuestionsPerChannel = 64;
// Questions under way; the rest queue. Their datagrams fit into one socket's buffer of the usual
// 208 KB, ours or the server's: one that is lost there costs seconds.
constexpr std::size_t kMostQuestions = 128;
constexpr int kMostRecords = 64;
constexpr std::uint16_t kDnsPort = 53;

struct Line;

// --- what the servers say -----------------------------------------------------------------------

template <class Address>
SocketAddress to_address(const Address& from) noexcept {
  SocketAddress out;
  std::memcpy(out.data(), &from, sizeof from);
  out.set_size(sizeof from);
  return out;
}

struct Records {
  std::vector<SocketAddress> addresses;
  int least_ttl = std::numeric_limits<int>::max();

  int add(int type, const unsigned char* message, int size) {
    return type == ns_t_a ? add_v4(message, size) : add_v6(message, size);
  }

 private:
  int add_v4(const unsigned char* message, int size) {
    std::array<ares_addrttl, kMostRecords> found{};
    int count = kMostRecords;
    const int status = ::ares_parse_a_reply(message, size, nullptr, found.data(), &count);
    if (status != ARES_SUCCESS) return status;
    for (int i = 0; i < count; ++i) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr = found[static_cast<std::size_t>(i)].ipaddr;
      add(to_address(address), found[static_cast<std::size_t>(i)].ttl);
    }
    return count > 0 ? ARES_SUCCESS : ARES_ENODATA;
  }

  int add_v6(const unsigned char* message, int size) {
    std::array<ares_addr6ttl, kMostRecords> found{};
    int count = kMostRecords;
    const int status = ::ares_parse_aaaa_reply(message, size, nullptr, found.data(), &count);
    if (status != ARES_SUCCESS) return status;
    for (int i = 0; i < count; ++i) {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      const ares_addr6ttl& record = found[static_cast<std::size_t>(i)];
      std::memcpy(&address.sin6_addr, &record.ip6addr, sizeof address.sin6_addr);
      add(to_address(address), record.ttl);
    }
    return count > 0 ? ARES_SUCCESS : ARES_ENODATA;
  }

  void add(const SocketAddress& address, int ttl) {
    addresses.push_back(address);
    least_ttl = std::min(least_ttl, std::max(ttl, 0));
  }
};

// The worse news of two: that nobody could be asked is more than that somebody knows nothing.
int worse(int one, int other) noexcept {
  const auto rank = [](int status) {
    switch (status) {
      case ARES_SUCCESS:
        return 0;
      case ARES_ENOTFOUND:
        return 1;
      case ARES_ENODATA:
        return 2;
      case ARES_ESERVFAIL:
        return 3;
      default:
        return 4;
    }
  };
  return rank(other) > rank(one) ? other : one;
}

FoundName failure_of(int status, const NameQuestion& question, const std::string& servers) {
  const auto found = [](int error, std::string next) {
    FoundName out;
    out.error = error;
    out.reason = ::gai_strerror(error) + (next.empty() ? next : ": " + next);
    return out;
  };
  switch (status) {
    case ARES_ENOTFOUND:
      return found(EAI_NONAME, "there is no such host; check its spelling");
    case ARES_ENODATA: {
      const char* kind = question.family == AF_INET6  ? "IPv6 address"
                         : question.family == AF_INET ? "IPv4 address"
                                                      : "address";
      return found(EAI_NODATA, std::string("the name exists, but it has no ") + kind);
    }
    case ARES_ESERVFAIL:
      return found(EAI_AGAIN, "the name server could not find out (SERVFAIL); try again later");
    case ARES_ETIMEOUT:
      return found(EAI_AGAIN, "no resolver: no answer from " + servers +
                                  "; check the network and /etc/resolv.conf");
    case ARES_ECONNREFUSED:
      return found(EAI_AGAIN, "no resolver: nothing answers at " + servers +
                                  "; check the network and /etc/resolv.conf");
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      return found(EAI_FAIL,
                   "the name server refuses the question; ask another one than " + servers);
    case ARES_ENOMEM:
      return found(EAI_MEMORY, "");
    default:
      return found(EAI_FAIL, std::string("the answer of ") + servers + " makes no sense (" +
                                 ::ares_strerror(status) + ")");
  }
}

// --- one question -------------------------------------------------------------------------------

// Owns itself until the last answer has come, whether or not anybody still wants to know.
class Question {
 public:
  Question(LookUp& look_up, Line& line, std::vector<std::string> names, Scheduler& scheduler);
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  /// Afterwards it may be gone.
  void ask_next();
  void forget() noexcept { look_up_ = nullptr; }
  [[nodiscard]] Line& line() const noexcept { return *line_; }
  ~Question();

 private:
  struct Half {
    Question* question;
    int type;
  };

  static void on_answer(void* argument, int status, int timeouts, unsigned char* message,
                        int size) noexcept;
  void take(int type, int status, const unsigned char* message, int size) noexcept;
  void conclude();
  [[nodiscard]] bool is_final(int status) const noexcept;
  void end() noexcept;

  LookUp* look_up_;  // null: abandoned
  Line* line_;
  Scheduler* scheduler_;
  int family_;
  std::vector<std::string> names_;
  std::size_t next_ = 0;
  std::array<Half, 2> halves_;
  int pending_ = 0;
  Records records_;
  int status_ = ARES_SUCCESS;  // the worst of this name
  int worst_ = ARES_ENOTFOUND;
};

// A channel and who uses it.
struct Line {
  Line(Scheduler& scheduler, const AresConfig& config, AresOwner& owner)
      : servers(config.servers), channel(scheduler, config, owner) {}

  std::string servers;
  std::size_t running = 0;
  std::size_t wanted = 0;
  bool outdated = false;  // the files have changed: no more questions
  AresChannel channel;    // last, because its end ends questions
};

Question::Question(LookUp& look_up, Line& line, std::vector<std::string> names,
                   Scheduler& scheduler)
    : look_up_(&look_up),
      line_(&line),
      scheduler_(&scheduler),
      family_(look_up.question().family),
      names_(std::move(names)),
      halves_{Half{this, ns_t_a}, Half{this, ns_t_aaaa}} {
  ++line.running;
  ++line.wanted;
}

Question::~Question() {
  --line_->running;
  if (look_up_ != nullptr) --line_->wanted;
}

// An answer may come at once, and the last of them may be the end of this.
void Question::ask_next() {
  const std::string name = names_[next_++];
  AresChannel& channel = line_->channel;
  const bool v4 = family_ != AF_INET6;
  const bool v6 = family_ != AF_INET;
  status_ = ARES_SUCCESS;
  pending_ = static_cast<int>(v4) + static_cast<int>(v6);
  if (v4) channel.query(name, ns_t_a, &on_answer, &halves_[0]);
  if (v6) channel.query(name, ns_t_aaaa, &on_answer, &halves_[1]);
}

void Question::on_answer(void* argument, int status, int /*timeouts*/, unsigned char* message,
                         int size) noexcept {
  const Half half = *static_cast<Half*>(argument);
  half.question->take(half.type, status, message, size);
}

void Question::take(int type, int status, const unsigned char* message, int size) noexcept {
  try {
    if (status == ARES_SUCCESS) status = records_.add(type, message, size);
  } catch (const std::bad_alloc&) {
    status = ARES_ENOMEM;
  }
  const int refusal = line_->channel.last_refusal();
  if (status == ARES_ECONNREFUSED && refusal != ARES_SUCCESS) status = refusal;
  status_ = worse(status_, status);
  if (--pending_ > 0) return;
  try {
    conclude();
  } catch (const std::bad_alloc&) {
    records_.addresses.clear();
    worst_ = ARES_ENOMEM;
    end();
  }
}

// Whether the search goes no further: some other name would be asked of the same silent server.
bool Question::is_final(int status) const noexcept {
  return status != ARES_ENOTFOUND && status != ARES_ENODATA && status != ARES_ESERVFAIL;
}

void Question::conclude() {
  if (look_up_ == nullptr) {
    delete this;
    return;
  }
  worst_ = worse(worst_, status_);
  if (records_.addresses.empty() && !is_final(status_) && next_ < names_.size()) {
    ask_next();
    return;
  }
  order_addresses(scheduler_->backend(), records_.addresses);
  end();
}

void Question::end() noexcept {
  LookUp& look_up = *look_up_;
  FoundName found;
  if (!records_.addresses.empty()) {
    found.ttl = std::chrono::seconds(records_.least_ttl);
    // Half an answer is good for now.
    if (is_final(status_) && status_ != ARES_SUCCESS) found.ttl = std::nullopt;
    found.addresses = std::move(records_.addresses);
  } else {
    found = failure_of(worst_, look_up.question(), line_->servers);
  }
  look_up.ticket = nullptr;
  delete this;
  look_up.finish(std::move(found));
}

// --- the source ---------------------------------------------------------------------------------

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

// "10.0.0.1:5353", "fd00::1" or "[fd00::1]:5353".
bool parse_server(std::string_view text, SocketAddress& out) {
  if (text.find('%') != text.npos) return false;  // not for c-ares
  std::string_view host = text;
  std::string_view port;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return false;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
  }
  int number = kDnsPort;
  if (!port.empty()) {
    const char* end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data() + 1, end, number);
    if (port.front() != ':' || error != std::errc() || stop != end) return false;
  }
  return number > 0 && number < 65536 &&
         SocketAddress::parse(host, static_cast<std::uint16_t>(number), out);
}

// "10.0.0.1, [fd00::1]:5353" in the form that c-ares reads.
std::string check_servers(std::string_view list) {
  std::string out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view server = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (server.starts_with(' ')) server.remove_prefix(1);
    while (server.ends_with(' ')) server.remove_suffix(1);
    SocketAddress address;
    if (!parse_server(server, address)) {
      throw ValueError("nameservers: not an address: '" + std::string(server) + "'");
    }
    if (!out.empty()) out += ',';
    out += address.to_string();
  }
  return out;
}

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

// c-ares cannot reach link-local servers ("fe80::1%eth0"): they are left out, unless there is no
// other. Then it says so, and threads take over.
std::string servers_text(std::vector<std::string> servers) {
  const auto is_local = [](const std::string& server) { return server.find('%') != server.npos; };
  if (!std::all_of(servers.begin(), servers.end(), is_local)) std::erase_if(servers, is_local);
  std::string out;
  for (const std::string& server : servers) {
    SocketAddress address;
    SocketAddress::parse(server, kDnsPort, address);
    if (!out.empty()) out += ',';
    out += address.to_string();
  }
  return out;
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
  std::string_view host = question.host;
  std::vector<SocketAddress> out;
  if (!host.empty()) out = hosts_.find(host, question.family);
  if (!out.empty()) return out;
  if (host.ends_with('.')) host.remove_suffix(1);
  // RFC 6761: this name is nobody else's to answer.
  const bool is_local = host.empty() || host == "localhost" || host.ends_with(".localhost");
  if (!is_local) return out;
  for (const char* text :
       {question.passive ? "0.0.0.0" : "127.0.0.1", question.passive ? "::" : "::1"}) {
    SocketAddress address;
    SocketAddress::parse(text, 0, address);
    const bool wanted = question.family == 0 || question.family == address.family();
    if (wanted) out.push_back(address);
  }
  if (!question.passive) order_addresses(scheduler_->backend(), out);
  return out;
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
