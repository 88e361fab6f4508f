#include "http/content_coding.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string>

#include "asyncio/http/errors.hpp"

namespace asyncio::http {
namespace {

/// gzip (RFC 1952, any number of members) and deflate (RFC 1950, or RFC 1951 without a wrapper, as
/// some servers send it and every browser accepts).
class ZlibCoding final : public ContentDecoder::Coding {
 public:
  explicit ZlibCoding(bool gzip) : gzip_(gzip) {}
  ZlibCoding(const ZlibCoding&) = delete;  // zlib's state points at stream_
  ZlibCoding& operator=(const ZlibCoding&) = delete;
  ~ZlibCoding() override {
    if (open_) inflateEnd(&stream_);
  }

  bool decode_some(std::string_view& bytes, std::string& out, std::size_t max_bytes) override;
  void finish() override;

 private:
  // zlib's windowBits: 15, plus 16 for gzip; negative for raw deflate.
  static constexpr int kGzip = 31;
  static constexpr int kZlib = 15;
  static constexpr int kRaw = -15;

  void open(std::string_view first);
  bool end_of_member(std::string_view& bytes);
  [[noreturn]] void fail(const char* what) const;

  z_stream stream_{};
  const bool gzip_;
  bool open_ = false;
  bool ended_ = false;  // between members, or after the last
  bool padding_ = false;
  unsigned char held_ = 0;  // first byte of deflate, until the second says which kind it is
  bool holding_ = false;
  std::uint64_t used_ = 0;
};

void ZlibCoding::fail(const char* what) const {
  throw ContentEncodingError(std::string(gzip_ ? "gzip" : "deflate") + " body: " + what +
                             " at byte " + std::to_string(used_));
}

void ZlibCoding::open(std::string_view first) {
  int bits = kGzip;
  if (!gzip_) {
    // RFC 1950 2.2: method 8 in the low half of the first byte, and the two bytes as one number are
    // a multiple of 31. Raw deflate would need a stored block with padding bits that are not zero.
    const unsigned a = static_cast<unsigned char>(first[0]);
    const unsigned b = static_cast<unsigned char>(first[1]);
    bits = (a & 15) == 8 && (a * 256 + b) % 31 == 0 ? kZlib : kRaw;
  }
  if (inflateInit2(&stream_, bits) != Z_OK) throw std::bad_alloc();
  open_ = true;
}

/// After a gzip member another may follow; zeros are padding (RFC 1952 says nothing, tar's gzip
/// files have them). Anything else behind the end is an error: it may be half a body.
bool ZlibCoding::end_of_member(std::string_view& bytes) {
  if (bytes.empty()) return false;
  padding_ = padding_ || bytes.front() == '\0';
  if (padding_) {
    if (bytes.find_first_not_of('\0') != std::string_view::npos) fail("bytes after its end");
    used_ += bytes.size();
    bytes = {};
    return false;
  }
  if (!gzip_) fail("bytes after its end");
  inflateReset(&stream_);
  ended_ = false;
  return true;
}

bool ZlibCoding::decode_some(std::string_view& bytes, std::string& out, std::size_t max_bytes) {
  std::string first;  // deflate's first two bytes when they came apart
  std::string_view input = bytes;
  if (!open_) {
    if (bytes.empty()) return false;
    if (!gzip_ && !holding_ && bytes.size() < 2) {
      held_ = static_cast<unsigned char>(bytes.front());
      holding_ = true;
      bytes.remove_prefix(1);
      return false;
    }
    if (holding_) {
      first = {static_cast<char>(held_), bytes.front()};
      input = first;
      bytes.remove_prefix(1);
    }
    open(input);
  }
  if (ended_ && !end_of_member(bytes)) return false;
  if (first.empty()) input = bytes;

  const std::size_t before = out.size();
  // Room for what the input usually becomes, so that a small page does not clear 64 KB.
  const std::size_t guess = std::clamp<std::size_t>(input.size() * 6, 1024, 64 * 1024);
  const std::size_t room =
      first.empty() ? std::min(std::max<std::size_t>(max_bytes, 1), guess) : 64;
  const std::size_t take =
      std::min<std::size_t>(input.size(), std::numeric_limits<unsigned>::max());
  out.resize(before + room);
  stream_.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(input.data()));
  stream_.avail_in = static_cast<unsigned>(take);
  stream_.next_out = reinterpret_cast<unsigned char*>(out.data() + before);
  stream_.avail_out = static_cast<unsigned>(room);
  const int result = inflate(&stream_, Z_NO_FLUSH);
  const std::size_t used = take - stream_.avail_in;
  out.resize(out.size() - stream_.avail_out);
  used_ += used;
  if (first.empty()) bytes.remove_prefix(used);
  stream_.next_in = nullptr;
  if (result == Z_STREAM_END) {
    ended_ = true;
    return !bytes.empty();
  }
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result != Z_OK && result != Z_BUF_ERROR) fail(stream_.msg ? stream_.msg : "damaged");
  return stream_.avail_out == 0 || !bytes.empty();
}

void ZlibCoding::finish() {
  if (!open_ && !holding_) return;  // no byte at all: an empty body
  if (!ended_) fail("cut short");
}

}  // namespace

std::unique_ptr<ContentDecoder::Coding> make_coding(std::string_view name) {
  if (name.empty() || same_name(name, "identity")) return nullptr;
  if (same_name(name, "gzip") || same_name(name, "x-gzip")) {
    return std::make_unique<ZlibCoding>(true);
  }
  if (same_name(name, "deflate")) return std::make_unique<ZlibCoding>(false);
  throw ContentEncodingError("Content-Encoding \"" + printable(name) +
                             "\" is not supported; send Accept-Encoding: gzip, deflate");
}

}  // namespace asyncio::http
