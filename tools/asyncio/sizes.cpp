#include "tools/asyncio/sizes.hpp"

#include <algorithm>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

constexpr std::size_t kLargestSize = 10'000'000;
constexpr std::size_t kMostSizes = 1000;

void append_range(std::vector<std::size_t>& sizes, std::string_view text) {
  std::size_t first = text.find(':');
  std::size_t second = text.find(':', first + 1);
  std::size_t start = parse_count(text.substr(0, first), 1, kLargestSize);
  std::size_t stop = parse_count(text.substr(first + 1, second - first - 1), 1, kLargestSize);
  std::size_t step =
      second == std::string_view::npos ? 1 : parse_count(text.substr(second + 1), 1, kLargestSize);
  if (start >= stop) {
    throw UsageError("the range " + quote(text) + " is empty: start:stop:step ends before stop");
  }
  if ((stop - start - 1) / step >= kMostSizes) {
    throw UsageError("the range " + quote(text) + " has more than " + format_count(kMostSizes) +
                     " sizes");
  }
  for (std::size_t size = start; size < stop; size += step) sizes.push_back(size);
}

}  // namespace

std::vector<std::size_t> parse_sizes(std::string_view text) {
  std::vector<std::size_t> sizes;
  while (true) {
    std::size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    if (item.find(':') != std::string_view::npos) {
      append_range(sizes, item);
    } else {
      sizes.push_back(parse_count(item, 1, kLargestSize));
    }
    if (sizes.size() > kMostSizes) {
      throw UsageError("more than " + format_count(kMostSizes) + " sizes");
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

}  // namespace asyncio::tool
