// Reads the heads that nearly all messages have, in one pass: a usual first line, fields on a line
// each, visible ASCII, one Content-Length, "keep-alive" or "close".
//
// It never refuses anything: whatever is not of that kind is for the grammar to judge, and what is,
// the grammar reads to the same end. tests/http/plain_head_test.cpp compares the two.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/http1_engine.hpp"

namespace asyncio::http {

/// Fills `found`, whose fields have adopted `head`; false when the head is not of that kind, and
/// then `found` has to be reset.
bool read_plain_request(std::string_view head, Http1Findings& found, HeadSummary& summary);
/// `skip_body`: an answer to HEAD.
bool read_plain_response(std::string_view head, bool skip_body, Http1Findings& found,
                         HeadSummary& summary);

}  // namespace asyncio::http
