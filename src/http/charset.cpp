#include "http/charset.hpp"

#include <iconv.h>

#include <cerrno>
#include <memory>

#include "asyncio/base/error.hpp"
#include "asyncio/http/headers.hpp"

namespace asyncio::http {
namespace {

struct CloseIconv {
  void operator()(void* converter) const noexcept { ::iconv_close(converter); }
};

bool is_utf8(std::string_view charset) {
  return charset.empty() || same_name(charset, "utf-8") || same_name(charset, "utf8") ||
         same_name(charset, "us-ascii") || same_name(charset, "ascii");
}

// What the web means by ISO-8859-1 is windows-1252: it differs only where the former has controls.
std::string iconv_name(std::string_view charset) {
  if (same_name(charset, "iso-8859-1") || same_name(charset, "latin1")) return "WINDOWS-1252";
  return std::string(charset);
}

}  // namespace

std::string to_utf8(std::string bytes, std::string_view charset) {
  if (is_utf8(charset)) {
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);
    return bytes;
  }
  const std::string name = iconv_name(charset);
  const ::iconv_t opened = ::iconv_open("UTF-8", name.c_str());
  // iconv_open says "no" with (iconv_t)-1.
  if (reinterpret_cast<std::intptr_t>(opened) == -1) {
    throw ValueError("unknown charset '" + printable(charset) + "': use read() for the bytes");
  }
  const std::unique_ptr<void, CloseIconv> converter(opened);
  std::string out;
  char* from = bytes.data();
  std::size_t left = bytes.size();
  char buffer[4096];
  while (left > 0) {
    char* to = buffer;
    std::size_t room = sizeof buffer;
    const std::size_t result = ::iconv(opened, &from, &left, &to, &room);
    out.append(buffer, sizeof buffer - room);
    if (result == static_cast<std::size_t>(-1) && errno != E2BIG) {
      throw ValueError("the body is not text in " + printable(charset) + " at byte " +
                       std::to_string(bytes.size() - left));
    }
  }
  return out;
}

}  // namespace asyncio::http
