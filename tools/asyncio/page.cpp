#include "tools/asyncio/page.hpp"

#include <array>

#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

constexpr std::string_view kHead =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>A page</title></head>"
    "<body>\n";
constexpr std::string_view kTail = "</body></html>\n";
constexpr std::string_view kParagraph =
    "<p>One thread waits for many answers at once, and none of them waits for another.</p>\n";

constexpr std::array<std::string_view, 12> kFirst = {"Ada",     "Grace",  "Alan",  "Edsger",
                                                     "Barbara", "Dennis", "Ken",   "Margaret",
                                                     "Niklaus", "Radia",  "Guido", "Bjarne"};
constexpr std::array<std::string_view, 11> kLast = {"Lovelace", "Hopper",  "Turing",   "Dijkstra",
                                                    "Liskov",   "Ritchie", "Thompson", "Hamilton",
                                                    "Wirth",    "Perlman", "Rossum"};

// FNV-1a: the same title has the same cast on every machine.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 1469598103934665603U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

}  // namespace

std::string make_page(std::uint64_t bytes) {
  const auto size = static_cast<std::size_t>(bytes);
  if (size <= kHead.size() + kTail.size()) return std::string(size, '.');
  std::string page(kHead);
  page.reserve(size);
  const std::size_t text_end = size - kTail.size();
  while (page.size() + kParagraph.size() <= text_end) page += kParagraph;
  page.append(text_end - page.size(), ' ');
  page += kTail;
  return page;
}

std::string make_fullcredits_page(std::string_view title_id, std::uint64_t bytes) {
  // It comes from a URL, so it is text, never markup.
  const std::string title = html_escape(title_id);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
                     title + " - Full Cast</title></head><body>\n<h1>" + title +
                     "</h1>\n<table class=\"cast_list\">\n";
  std::uint64_t random = hash_of(title_id);
  std::size_t row = 0;
  while (row < 8 || page.size() + 64 < bytes) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    const std::string_view first = kFirst[(random >> 33) % kFirst.size()];
    const std::string_view last = kLast[(random >> 45) % kLast.size()];
    page += "<tr class=\"";
    page += row % 2 == 0 ? "odd" : "even";
    page += "\"><td class=\"primary_photo\"></td><td><a href=\"/name/nm";
    page += std::to_string(1000000 + (random >> 40) % 9000000);
    page += "/\">";
    page += first;
    page += ' ';
    page += last;
    page += "</a></td><td class=\"character\">Role ";
    page += std::to_string(++row);
    page += "</td></tr>\n";
  }
  page += "</table>\n</body></html>\n";
  return page;
}

}  // namespace asyncio::tool
