#include "tools/asyncio/fetch_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>
#include <vector>

#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

constexpr std::size_t kMostKinds = 20;  // that are listed

std::string text_or_null(const std::string& text) {
  return text.empty() ? "null" : json_string(text);
}

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6f", seconds);
  return text.data();
}

// Nothing is said twice: "HTTP 404 Not Found" needs no "HTTP 404" beside it.
bool says_reason(const DownloadResult& result) { return result.error.starts_with(result.reason); }

// A password in an address is not for everybody who reads a log.
std::string without_password(const std::string& url) {
  const std::size_t at = url.find('@');
  if (at == std::string::npos) return url;
  try {
    const http::Url parsed = http::Url::parse(url);
    return parsed.userinfo().empty() ? url : parsed.without_credentials();
  } catch (const http::InvalidURL&) {
    return "..." + url.substr(at);
  }
}

std::string example_of(const DownloadResult& result) {
  const std::string url = fit(escape_controls(without_password(result.url.substr(0, 2000))), 200);
  if (says_reason(result)) return url;
  return url + ": " + escape_controls(result.error.substr(0, 500));
}

}  // namespace

std::string json_line(const DownloadResult& result) {
  std::string line = "{\"url\": " + json_string(result.url);
  line += ", \"status\": " + (result.status == 0 ? "null" : std::to_string(result.status));
  line += ", \"bytes\": " + std::to_string(result.bytes);
  line += ", \"seconds\": " + seconds_text(result.seconds);
  line += ", \"attempts\": " + std::to_string(result.attempts);
  line += ", \"final_url\": " + text_or_null(result.final_url);
  line += ", \"file\": " + text_or_null(result.file);
  line += ", \"reason\": " + text_or_null(result.reason);
  line += ", \"error\": " + text_or_null(result.error);
  return line + "}\n";
}

void FetchReport::add(const DownloadResult& result) {
  attempted_ += result.attempts > 0 ? 1 : 0;
  unreachable_ += result.unreachable ? 1 : 0;
  if (result.reason.empty()) {
    ++fetched_;
    bytes_ += result.bytes;
    return;
  }
  ++failed_;
  Kind& kind = kinds_[result.reason];
  if (kind.count++ > 0) return;
  kind.title = escape_controls(says_reason(result) ? result.error : result.reason);
  kind.example = example_of(result);
}

std::string FetchReport::summary(const End& end, const Terminal& terminal) const {
  std::string head = format_count(fetched_);
  if (end.total != fetched_) head += " of " + format_count(end.total);
  head += " fetched, " + format_bytes(bytes_) + " in " + format_duration(end.seconds);
  if (end.seconds > 0 && bytes_ > 0) {
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_) / end.seconds);
    head += " (" + format_bytes(rate) + "/s)";
  }
  const Style style = failed_ == 0 && end.early.empty() ? Style::green : Style::bold;
  std::string text = styled(terminal, style, head) + "\n";
  if (!end.early.empty()) {
    const std::uint64_t left = end.total - fetched_ - failed_;
    text = styled(terminal, Style::yellow, end.early) + ": " + text;
    if (left > 0) text += "  " + format_count(left) + " not finished\n";
  }
  std::vector<const std::pair<const std::string, Kind>*> order;
  for (const auto& entry : kinds_) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* left, const auto* right) {
    return std::tie(right->second.count, left->first) < std::tie(left->second.count, right->first);
  });
  for (std::size_t i = 0; i < std::min(order.size(), kMostKinds); ++i) {
    const Kind& kind = order[i]->second;
    const std::string count = format_count(kind.count) + " failed";
    text += "  " + styled(terminal, Style::red, count) + ", " + kind.title +
            (kind.count > 1 ? ", for example " : ": ") + kind.example + "\n";
  }
  if (order.size() > kMostKinds) {
    text += "  and " + format_count(order.size() - kMostKinds) + " other kinds of failure\n";
  }
  return text;
}

}  // namespace asyncio::tool
