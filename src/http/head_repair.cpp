#include "http/head_repair.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "asyncio/http/headers.hpp"
#include "http/chars.hpp"

namespace asyncio::http {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
using Field = std::pair<std::string, std::string>;

/// Cuts the next line, without its LF and any CR before it, from the front of `text`.
std::string_view cut_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == kNone ? text.size() : end + 1);
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string without_control_bytes(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (!chars::is(c, chars::kFieldValue)) c = ' ';
  }
  return std::string(chars::trim(out));
}

/// "HTTP/1.1 200 reason" from what is nearly one.
std::string repair_status_line(std::string_view line) {
  std::string out = "HTTP/1.1";
  if (line.starts_with("ICY ")) {
    out = "HTTP/1.0";
    line.remove_prefix(3);
  } else if (line.starts_with("HTTP/1.") && line.size() > 8 && chars::is(line[7], chars::kDigit)) {
    if (line[7] == '0') out = "HTTP/1.0";
    line.remove_prefix(8);
  } else {
    return std::string(line);
  }
  const std::string rest = without_control_bytes(line);
  const std::string_view status = std::string_view(rest).substr(0, 3);
  if (status.size() < 3 || !chars::all(status, chars::kDigit) ||
      (rest.size() > 3 && !chars::is(rest[3], chars::kSpace))) {
    return out + " " + rest;
  }
  out += ' ';
  out += status;
  out += ' ';
  out += chars::trim(std::string_view(rest).substr(3));
  return out;
}

/// The lines after the first as fields: unfolded, trimmed, without those that are none.
std::vector<Field> read_fields(std::string_view lines) {
  std::vector<Field> fields;
  bool dropped = true;  // a continuation of nothing, or of a dropped line, goes with it
  while (!lines.empty()) {
    const std::string_view line = cut_line(lines);
    if (line.empty()) continue;
    if (chars::is(line.front(), chars::kSpace)) {
      if (!dropped) fields.back().second += ' ' + without_control_bytes(line);
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string_view name = chars::trim(line.substr(0, colon));
    dropped = colon == kNone || !is_token(name);
    if (!dropped) fields.emplace_back(name, without_control_bytes(line.substr(colon + 1)));
  }
  return fields;
}

void drop(std::vector<Field>& fields, std::string_view name) {
  std::erase_if(fields, [&](const Field& field) { return same_name(field.first, name); });
}

/// The items of all lists under `name`.
std::vector<std::string> items(const std::vector<Field>& fields, std::string_view name) {
  std::vector<std::string> all;
  for (const Field& field : fields) {
    if (!same_name(field.first, name)) continue;
    chars::for_each_item(field.second, [&](std::string_view item) {
      all.emplace_back(item);
      return true;
    });
  }
  return all;
}

void repair_framing(std::vector<Field>& fields) {
  std::vector<std::string> codings = items(fields, "Transfer-Encoding");
  if (!codings.empty()) {
    std::erase_if(codings, [](const std::string& coding) { return same_name(coding, "identity"); });
    drop(fields, "Transfer-Encoding");
    for (const std::string& coding : codings) fields.emplace_back("Transfer-Encoding", coding);
  }
  if (codings.size() == 1 && same_name(codings.front(), "chunked")) {
    return drop(fields, "Content-Length");
  }
  const std::vector<std::string> lengths = items(fields, "Content-Length");
  const bool equal = std::all_of(lengths.begin(), lengths.end(),
                                 [&](const std::string& l) { return l == lengths.front(); });
  if (lengths.size() > 1 && equal) {
    drop(fields, "Content-Length");
    fields.emplace_back("Content-Length", lengths.front());
  }
}

}  // namespace

std::optional<std::string> repair_response_head(std::string_view head) {
  if (head.find('\0') != kNone) return std::nullopt;
  std::string out = repair_status_line(cut_line(head));
  std::vector<Field> fields = read_fields(head);
  repair_framing(fields);
  for (const std::string_view name : {"Connection", "Proxy-Connection"}) {
    const std::vector<std::string> tokens = items(fields, name);
    if (!std::all_of(tokens.begin(), tokens.end(), is_token)) drop(fields, name);
  }
  out += "\r\n";
  for (const auto& [name, value] : fields) {
    out.append(name).append(": ").append(value).append("\r\n");
  }
  return out += "\r\n";
}

}  // namespace asyncio::http
