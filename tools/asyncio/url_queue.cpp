#include "tools/asyncio/url_queue.hpp"

#include <unordered_map>

#include "asyncio/http/errors.hpp"
#include "asyncio/http/url.hpp"

namespace asyncio::tool {
namespace {

std::string origin_of(const std::string& url) {
  try {
    return http::Url::parse(url).origin();
  } catch (const http::InvalidURL&) {
    return {};
  }
}

}  // namespace

UrlQueue::UrlQueue(const std::vector<std::string>& urls, unsigned per_host)
    : per_host_(per_host), left_(urls.size()), next_(urls.size(), kNone) {
  std::unordered_map<std::string, std::uint32_t> numbers;
  host_of_.reserve(urls.size());
  for (std::uint32_t i = 0; i < urls.size(); ++i) {
    // Without a limit all may go to one queue, and no address need be parsed here.
    const auto [at, added] =
        numbers.try_emplace(per_host_ == 0 ? std::string() : origin_of(urls[i]), hosts_.size());
    if (added) hosts_.emplace_back();
    Host& host = hosts_[at->second];
    host_of_.push_back(at->second);
    (host.next == kNone ? host.next : next_[host.last]) = i;
    host.last = i;
  }
  for (const Host& host : hosts_) offer(host);
}

// A host is offered at most once: whoever takes its offer offers it again while it has room.
void UrlQueue::offer(const Host& host) {
  if (host.next != kNone) offers_.push(host.next);
}

std::optional<std::size_t> UrlQueue::take() {
  if (offers_.empty()) return std::nullopt;
  const std::uint32_t index = offers_.top();
  offers_.pop();
  Host& host = hosts_[host_of_[index]];
  host.next = next_[index];
  ++host.busy;
  --left_;
  if (per_host_ == 0 || host.busy < per_host_) offer(host);
  return index;
}

void UrlQueue::give_back(std::size_t index) {
  Host& host = hosts_[host_of_[index]];
  const bool was_full = per_host_ != 0 && host.busy == per_host_;
  --host.busy;
  if (was_full) offer(host);
}

}  // namespace asyncio::tool
