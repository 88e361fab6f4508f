#include "http/decoder.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <vector>

#include "asyncio/http/errors.hpp"

namespace asyncio::http {
namespace {

constexpr int kGzip = 31;
constexpr int kZlib = 15;
constexpr int kRaw = -15;

std::string compress(std::string_view text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<unsigned>(text.size());
  stream.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string page() {
  std::string text;
  for (int i = 0; i < 900; ++i) text += "<li>item " + std::to_string(i * 7919 % 1000) + "</li>\n";
  return text;
}

/// Decodes in pieces of `piece` bytes, at most `step` decoded bytes at a time.
std::string decode(std::string_view encoding, std::string_view bytes, std::size_t piece = 1 << 20,
                   std::size_t step = 1 << 16, const DecoderLimits& limits = {}) {
  ContentDecoder decoder(encoding, limits);
  std::string out;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (decoder.decode_some(part, out, step) || !part.empty()) {
    }
  }
  decoder.finish();
  return out;
}

TEST(Decoder, undoes_every_coding_however_it_is_cut) {
  const std::string text = page();
  const std::vector<std::pair<const char*, std::string>> bodies = {
      {"gzip", compress(text, kGzip)},
      {"x-gzip", compress(text, kGzip)},
      {"GZIP", compress(text, kGzip)},
      {"deflate", compress(text, kZlib)},
      {"deflate", compress(text, kRaw)},
      {"identity", text},
      {"", text},
      {"identity, gzip", compress(text, kGzip)},
      {"deflate, gzip", compress(compress(text, kZlib), kGzip)},
      {"gzip,gzip", compress(compress(text, kGzip), kGzip)},
      {"gzip, deflate", compress(compress(text, kGzip), kRaw)},
  };
  for (const auto& [encoding, body] : bodies) {
    SCOPED_TRACE(encoding);
    for (const std::size_t piece : {1U, 2U, 3U, 100U, 1000000U}) {
      for (const std::size_t step : {1U, 7U, 1000U, 65536U}) {
        EXPECT_EQ(decode(encoding, body, piece, step), text) << piece << " " << step;
      }
    }
  }
}

TEST(Decoder, reads_an_empty_body_and_an_empty_stream) {
  EXPECT_EQ(decode("gzip", ""), "");
  EXPECT_EQ(decode("gzip, deflate", ""), "");
  EXPECT_EQ(decode("gzip", compress("", kGzip)), "");
  EXPECT_EQ(decode("deflate", compress("", kRaw), 1), "");
  EXPECT_EQ(decode("deflate", compress("", kZlib), 1), "");
}

TEST(Decoder, reads_gzip_of_many_members_and_padding) {
  const std::string two = compress("hello ", kGzip) + compress("world", kGzip);
  EXPECT_EQ(decode("gzip", two), "hello world");
  EXPECT_EQ(decode("gzip", two, 1), "hello world");
  EXPECT_EQ(decode("gzip", two + std::string(5, '\0')), "hello world");
}

TEST(Decoder, never_takes_a_cut_body_for_a_whole_one) {
  for (const auto& [encoding, body] :
       {std::pair("gzip", compress(page(), kGzip)), std::pair("deflate", compress(page(), kZlib)),
        std::pair("deflate", compress(page(), kRaw)),
        std::pair("gzip, gzip", compress(compress("hi", kGzip), kGzip))}) {
    for (std::size_t size = 1; size < body.size(); ++size) {
      EXPECT_THROW(decode(encoding, std::string_view(body).substr(0, size)), ContentEncodingError)
          << encoding << " cut to " << size;
    }
  }
}

TEST(Decoder, gives_out_what_it_had_before_the_end_broke_off) {
  const std::string body = compress(page(), kGzip);
  ContentDecoder decoder("gzip");
  std::string out;
  decoder.decode(std::string_view(body).substr(0, body.size() - 4), out);
  EXPECT_EQ(out, page());
  EXPECT_THROW(decoder.finish(), ContentEncodingError);
}

TEST(Decoder, finds_damage_wherever_it_is) {
  const std::string body = compress(page(), kGzip);
  for (std::size_t at = 10; at < body.size(); at += 3) {
    std::string damaged = body;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    EXPECT_THROW(decode("gzip", damaged), ContentEncodingError) << at;
  }
  EXPECT_THROW(decode("gzip", "this is not gzip"), ContentEncodingError);
  EXPECT_THROW(decode("gzip", compress("x", kGzip) + "trailing"), ContentEncodingError);
  EXPECT_THROW(decode("deflate", compress("x", kZlib) + "trailing"), ContentEncodingError);
}

TEST(Decoder, refuses_codings_it_cannot_undo) {
  for (const char* encoding : {"br", "zstd", "compress", "gzip, br", "x", "gzip;q=1",
                               "gzip, gzip, gzip", "deflate, gzip, deflate, gzip"}) {
    EXPECT_THROW(ContentDecoder{encoding}, ContentEncodingError) << encoding;
  }
  EXPECT_TRUE(ContentDecoder("identity").identity());
  EXPECT_TRUE(ContentDecoder("").identity());
  EXPECT_FALSE(ContentDecoder("gzip").identity());
}

TEST(Decoder, stops_a_bomb_by_total_and_by_ratio) {
  const std::string bomb = compress(std::string(64 << 20, '\0'), kGzip);
  DecoderLimits limits;
  limits.total_bytes = 1 << 20;
  EXPECT_THROW(decode("gzip", bomb, 1 << 20, 1 << 16, limits), ContentEncodingError);
  const std::string twice = compress(bomb, kGzip);
  ContentDecoder decoder("gzip, gzip");
  std::string out;
  EXPECT_THROW(decoder.decode(twice, out), ContentEncodingError);
  EXPECT_LT(out.size(), 5U << 20);
}

TEST(Decoder, gives_no_more_at_once_than_it_was_asked_for) {
  const std::string bomb = compress(std::string(1 << 20, 'a'), kGzip);
  ContentDecoder decoder("gzip");
  std::string_view bytes = bomb;
  std::size_t total = 0;
  bool more = true;
  while (more || !bytes.empty()) {
    std::string out;
    more = decoder.decode_some(bytes, out, 1000);
    ASSERT_LE(out.size(), 1000U);
    total += out.size();
  }
  decoder.finish();
  EXPECT_EQ(total, 1U << 20);
  EXPECT_EQ(decoder.bytes_in(), bomb.size());
  EXPECT_EQ(decoder.bytes_out(), 1U << 20);
}

TEST(Decoder, survives_random_bytes) {
  std::uint32_t seed = 5;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = i % 3 == 0 ? compress(page().substr(0, 200), kGzip) : "";
    const std::size_t size = 40;
    for (std::size_t k = 0; k < size; ++k) {
      seed = seed * 1664525U + 1013904223U;
      if (bytes.size() < size) {
        bytes += static_cast<char>(seed >> 24);
      } else if (k % 8 == 0) {
        bytes[(seed >> 8) % bytes.size()] = static_cast<char>(seed >> 24);
      }
    }
    try {
      (void)decode(i % 2 ? "gzip" : "deflate", bytes, 1 + i % 5);
    } catch (const ContentEncodingError&) {
    }
  }
}

}  // namespace
}  // namespace asyncio::http
