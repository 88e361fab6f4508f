// Where the bytes of a connection meet the parser: the same for client and server.
#pragma once

#include <string>

#include "asyncio/streams/reader.hpp"
#include "http/http1_parser.hpp"

namespace asyncio::http {

/// The parser's next event from what the reader has; a piece of body is appended to `body`, unless
/// that is null. need_more: it has taken everything.
Http1Parser::Event parse_buffered(StreamReader& reader, Http1Parser& parser, std::string* body);

/// The same after a fill() that gave `count` bytes; none is the end.
Http1Parser::Event parse_filled(std::size_t count, StreamReader& reader, Http1Parser& parser,
                                std::string* body);

}  // namespace asyncio::http
