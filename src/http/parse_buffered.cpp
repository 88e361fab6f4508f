#include "http/parse_buffered.hpp"

namespace asyncio::http {

Http1Parser::Event parse_buffered(StreamReader& reader, Http1Parser& parser, std::string* body) {
  std::string_view bytes = reader.buffered();
  const std::size_t before = bytes.size();
  const Http1Parser::Event event = parser.next(bytes);
  // A view into the buffer: taken over before the bytes are given back.
  if (event == Http1Parser::Event::body && body != nullptr) body->append(parser.body());
  reader.consume(before - bytes.size());
  return event;
}

Http1Parser::Event parse_filled(std::size_t count, StreamReader& reader, Http1Parser& parser,
                                std::string* body) {
  return count == 0 ? parser.eof() : parse_buffered(reader, parser, body);
}

}  // namespace asyncio::http
