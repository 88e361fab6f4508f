#include "http/decoder.hpp"

#include <algorithm>
#include <vector>

#include "asyncio/http/errors.hpp"
#include "http/chars.hpp"
#include "http/content_coding.hpp"

namespace asyncio::http {
namespace {

constexpr std::size_t kStep = 64 * 1024;

}  // namespace

std::string_view accept_encoding() noexcept { return "gzip, deflate"; }

ContentDecoder::ContentDecoder(std::string_view content_encoding, const DecoderLimits& limits)
    : limits_(limits) {
  // Listed in the order in which they were applied, so the last one is undone first.
  std::vector<std::unique_ptr<Coding>> codings;
  chars::for_each_item(content_encoding, [&](std::string_view name) {
    if (auto coding = make_coding(name)) codings.push_back(std::move(coding));
    return codings.size() <= 2;
  });
  if (codings.size() > 2) {
    throw ContentEncodingError("Content-Encoding \"" + printable(content_encoding) +
                               "\": more than two codings");
  }
  if (!codings.empty()) first_ = std::move(codings.back());
  if (codings.size() == 2) second_ = std::move(codings.front());
}

ContentDecoder::ContentDecoder(ContentDecoder&&) noexcept = default;
ContentDecoder& ContentDecoder::operator=(ContentDecoder&&) noexcept = default;
ContentDecoder::~ContentDecoder() = default;

bool ContentDecoder::decode_some(std::string_view& bytes, std::string& out, std::size_t max_bytes) {
  const std::size_t in_before = bytes.size();
  const std::size_t out_before = out.size();
  bool more = false;
  if (!first_) {
    const std::string_view piece = bytes.substr(0, std::max<std::size_t>(max_bytes, 1));
    out.append(piece);
    bytes.remove_prefix(piece.size());
  } else if (!second_) {
    more = first_->decode_some(bytes, out, max_bytes);
  } else {
    // The inner coding gets its next bytes only when it has used the last ones: `between_` is one
    // step at most.
    bool inner_more = true;
    if (between_.empty()) inner_more = first_->decode_some(bytes, between_, kStep);
    std::string_view rest = between_;
    const bool outer_more = second_->decode_some(rest, out, max_bytes);
    between_.erase(0, between_.size() - rest.size());
    more = inner_more || outer_more;
  }
  bytes_in_ += in_before - bytes.size();
  bytes_out_ += out.size() - out_before;
  check_caps();
  return more;
}

void ContentDecoder::decode(std::string_view bytes, std::string& out) {
  while (true) {
    const bool more = decode_some(bytes, out, kStep);
    if (!more && bytes.empty()) return;
  }
}

void ContentDecoder::finish() {
  if (second_) {
    // What the inner coding still holds, if a caller did not drain it.
    std::string rest;
    std::string_view none;
    while (decode_some(none, rest, kStep)) {
    }
    if (!rest.empty()) throw ContentEncodingError("body: finish() before all of it was decoded");
  }
  if (first_) first_->finish();
  if (second_) second_->finish();
}

void ContentDecoder::check_caps() const {
  if (bytes_out_ > limits_.total_bytes) {
    throw ContentEncodingError("body: more than " + std::to_string(limits_.total_bytes) +
                               " bytes when decompressed");
  }
  if (first_ && bytes_out_ > limits_.ratio_free_bytes && bytes_out_ / limits_.ratio >= bytes_in_) {
    throw ContentEncodingError("body: " + std::to_string(bytes_in_) + " bytes became " +
                               std::to_string(bytes_out_) +
                               " when decompressed, as in a decompression bomb");
  }
}

}  // namespace asyncio::http
