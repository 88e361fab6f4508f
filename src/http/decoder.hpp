// Content-Encoding undone piece by piece: gzip, deflate (zlib or raw, as browsers guess), identity.
//
// Works in bounded steps, so that a small answer cannot make us hold a huge page: the caller takes
// at most as much as it asks for per step, and a cap on the total and on the ratio ends a bomb.
// Source: RFC 9110 8.4.1, RFC 1950-1952.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace asyncio::http {

struct DecoderLimits {
  /// Decoded bytes in all.
  std::uint64_t total_bytes = std::numeric_limits<std::uint64_t>::max();
  /// Decoded bytes per encoded byte, looked at beyond the first `ratio_free_bytes` decoded ones.
  /// The ratio of a page is 3 to 20, that of a bomb about 1000.
  std::uint64_t ratio = 200;
  std::uint64_t ratio_free_bytes = 4 * 1024 * 1024;
};

/// The encodings that a client should offer: "gzip, deflate".
[[nodiscard]] std::string_view accept_encoding() noexcept;

/// Undoes one Content-Encoding, of at most two codings.
/// Errors: ContentEncodingError, which says coding, place and rule, from every function here. What
/// had been decoded before stays in the caller's string.
class ContentDecoder {
 public:
  /// `content_encoding` is the field's value: "gzip", "deflate", "identity", "" or two of them.
  /// An unknown coding is an error: a body that nobody can read must not look like one.
  explicit ContentDecoder(std::string_view content_encoding, const DecoderLimits& limits = {});
  ContentDecoder(ContentDecoder&&) noexcept;
  ContentDecoder& operator=(ContentDecoder&&) noexcept;
  ~ContentDecoder();

  /// True when there is nothing to undo: the caller may pass bytes on as they are.
  [[nodiscard]] bool identity() const noexcept { return !first_; }

  /// Decodes from the front of `bytes`, cuts off what was used, appends at most about `max_bytes`
  /// to `out`. Call again while `bytes` is not empty or it returned true (more is waiting inside).
  bool decode_some(std::string_view& bytes, std::string& out, std::size_t max_bytes);
  /// Decodes all of `bytes`. The caps hold.
  void decode(std::string_view bytes, std::string& out);
  /// Says that the body is over. Errors: also when the stream is cut short. An empty body is fine.
  void finish();

  [[nodiscard]] std::uint64_t bytes_in() const noexcept { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const noexcept { return bytes_out_; }

  /// One coding. The seam for brotli and zstd: derive, and add the name to make_coding().
  class Coding {
   public:
    virtual ~Coding() = default;
    /// As ContentDecoder::decode_some.
    virtual bool decode_some(std::string_view& bytes, std::string& out, std::size_t max_bytes) = 0;
    virtual void finish() = 0;
  };

 private:
  void check_caps() const;

  std::unique_ptr<Coding> first_;  // the one applied last by the server: undone first
  std::unique_ptr<Coding> second_;
  std::string between_;  // output of first_ that second_ has not used yet
  DecoderLimits limits_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace asyncio::http
