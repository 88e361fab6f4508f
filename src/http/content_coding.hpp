// The codings that ContentDecoder can undo; a new one (brotli, zstd) is one more class here.
#pragma once

#include <memory>
#include <string_view>

#include "http/decoder.hpp"

namespace asyncio::http {

/// The decoder of one coding ("gzip", "x-gzip", "deflate"), null for "identity" and "".
/// Errors: ContentEncodingError for any other name.
[[nodiscard]] std::unique_ptr<ContentDecoder::Coding> make_coding(std::string_view name);

}  // namespace asyncio::http
