#include "net/cares/ares_reply.hpp"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace asyncio::detail {
namespace {

constexpr int kMostRecords = 64;

template <class Address>
SocketAddress to_address(const Address& from) noexcept {
  SocketAddress out;
  std::memcpy(out.data(), &from, sizeof from);
  out.set_size(sizeof from);
  return out;
}

}  // namespace

// --- addresses ----------------------------------------------------------------------------------

int AddressRecords::add(int type, const unsigned char* message, int size) {
  return type == ns_t_a ? add_v4(message, size) : add_v6(message, size);
}

int AddressRecords::add_v4(const unsigned char* message, int size) {
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

int AddressRecords::add_v6(const unsigned char* message, int size) {
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

void AddressRecords::add(const SocketAddress& address, int ttl) {
  addresses_.push_back(address);
  least_ttl_ = std::min(least_ttl_, std::max(ttl, 0));
}

// --- that there are none ------------------------------------------------------------------------

namespace {

// Goes through a message from front to back; what is cut off reads as its end.
class MessageReader {
 public:
  MessageReader(const unsigned char* message, int size) noexcept
      : message_(message), at_(message), end_(message + size) {}

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  void skip(std::ptrdiff_t count) noexcept {
    failed_ = failed_ || count > end_ - at_;
    if (!failed_) at_ += count;
  }
  std::uint32_t number(int bytes) noexcept {
    const unsigned char* from = at_;
    skip(bytes);
    std::uint32_t value = 0;
    for (int i = 0; !failed_ && i < bytes; ++i) value = value << 8 | from[i];
    return value;
  }
  void skip_name() {
    char* name = nullptr;
    long length = 0;
    const auto size = static_cast<int>(end_ - message_);
    failed_ = failed_ || ::ares_expand_name(at_, message_, size, &name, &length) != ARES_SUCCESS;
    if (failed_) return;
    ::ares_free_string(name);
    skip(length);
  }

 private:
  const unsigned char* message_;
  const unsigned char* at_;
  const unsigned char* end_;
  bool failed_ = false;
};

}  // namespace

std::optional<std::chrono::seconds> negative_ttl_of(const unsigned char* message, int size) {
  MessageReader reader(message, size);
  reader.skip(4);  // id, flags
  const std::uint32_t questions = reader.number(2);
  const std::uint32_t answers = reader.number(2);
  const std::uint32_t authorities = reader.number(2);
  reader.skip(2);
  for (std::uint32_t i = 0; i < questions && !reader.failed(); ++i) {
    reader.skip_name();
    reader.skip(4);
  }
  for (std::uint32_t i = 0; i < answers + authorities && !reader.failed(); ++i) {
    reader.skip_name();
    const std::uint32_t type = reader.number(2);
    reader.skip(2);
    const std::uint32_t ttl = reader.number(4);
    const std::uint32_t length = reader.number(2);
    if (i < answers || type != ns_t_soa || length < 4) {
      reader.skip(length);
      continue;
    }
    reader.skip(static_cast<std::ptrdiff_t>(length) - 4);
    const std::uint32_t minimum = reader.number(4);
    // More than 31 bits mean none (RFC 2181, 8).
    const std::uint32_t least = std::min(ttl, minimum);
    if (!reader.failed()) return std::chrono::seconds(least >> 31 != 0 ? 0 : least);
  }
  return {};
}

// --- errors -------------------------------------------------------------------------------------

int worse_status(int one, int other) noexcept {
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

}  // namespace asyncio::detail
