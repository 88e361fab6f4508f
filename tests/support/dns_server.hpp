// A name server for tests, on loopback, over UDP and TCP, in the loop of the test itself: so it
// answers in turns, and no test waits for time. What it says is the test's to choose.
#pragma once

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/coro/pass.hpp"
#include "asyncio/io/socket.hpp"
#include "asyncio/net/server.hpp"

namespace asyncio::test {

struct DnsRecord {
  int type = ns_t_a;
  std::string value;  // an address, or a name
  std::uint32_t ttl = 60;
  std::string owner = {};  // empty: the name that was asked for
};

struct DnsQuery {
  std::string name;
  int type = 0;
  unsigned id = 0;
  bool tcp = false;
};

/// The record of the zone, which says how long "there is none" is good for.
struct DnsZoneRecord {
  std::uint32_t ttl = 0;
  std::uint32_t minimum = 0;
};

struct DnsReply {
  int code = ns_r_noerror;
  std::vector<DnsRecord> records;
  bool truncated = false;
  std::optional<DnsZoneRecord> authority = {};
};

class DnsServer : private ReadinessListener {
 public:
  /// Several messages, or none, instead of the zone's answer.
  using Script = std::function<std::vector<std::string>(const DnsQuery&)>;

  explicit DnsServer(Scheduler& scheduler) : udp_(scheduler) {}
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  /// What there is of a name, of all types; an unknown name is NXDOMAIN.
  std::map<std::string, DnsReply> zone;
  Script script;
  std::vector<DnsQuery> queries;

  /// "127.0.0.1:PORT".
  [[nodiscard]] std::string address() const { return udp_.local_address().to_string(); }
  [[nodiscard]] std::size_t asked(const std::string& name) const {
    std::size_t count = 0;
    for (const DnsQuery& query : queries) count += query.name == name ? 1 : 0;
    return count;
  }

  Coro<> start() {
    auto serve = [this](StreamReader reader, StreamWriter writer) -> Coro<> {
      return serve_tcp(this, std::move(reader), std::move(writer));
    };
    // One number for both. The other way round it would often be taken: TCP keeps the numbers of
    // connections that have ended.
    for (int bound = -EADDRINUSE; bound == -EADDRINUSE;) {
      tcp_.clear();
      tcp_.push_back(co_await start_server(serve, "127.0.0.1", 0));
      udp_.close();
      udp_.open(AF_INET, SOCK_DGRAM);
      bound = udp_.bind(tcp_.front().sockets().front());
    }
    udp_.set_listener(Socket::Direction::read, *this);
  }
  void stop() {
    udp_.close();
    tcp_.clear();
  }

  /// The message that says `reply` to `query`.
  static std::string encode(const DnsQuery& query, const DnsReply& reply) {
    std::string records;
    unsigned count = 0;
    for (const DnsRecord& record : reply.records) {
      if (record.type != query.type && record.type != ns_t_cname) continue;
      records += encode(query, record);
      ++count;
    }
    std::string out;
    put16(out, query.id);
    put16(out, 0x8180U | (reply.truncated ? 0x0200U : 0U) | static_cast<unsigned>(reply.code));
    put16(out, 1);
    put16(out, count);
    put16(out, reply.authority ? 1 : 0);
    put16(out, 0);
    put_name(out, query.name);
    put16(out, static_cast<unsigned>(query.type));
    put16(out, 1);
    return out + records + (reply.authority ? encode(*reply.authority) : "");
  }

 private:
  static void put16(std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8 & 0xff);
    out += static_cast<char>(value & 0xff);
  }
  static void put32(std::string& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
  }
  static void put_name(std::string& out, const std::string& name) {
    std::size_t begin = 0;
    while (begin < name.size()) {
      const std::size_t end = std::min(name.find('.', begin), name.size());
      out += static_cast<char>(end - begin);
      out += name.substr(begin, end - begin);
      begin = end + 1;
    }
    out += '\0';
  }
  static std::string encode(const DnsQuery& query, const DnsRecord& record) {
    std::string data;
    if (record.type == ns_t_cname) {
      put_name(data, record.value);
    } else {
      data.resize(record.type == ns_t_a ? 4 : 16);
      ::inet_pton(record.type == ns_t_a ? AF_INET : AF_INET6, record.value.c_str(), data.data());
    }
    std::string out;
    put_name(out, record.owner.empty() ? query.name : record.owner);
    put16(out, static_cast<unsigned>(record.type));
    put16(out, 1);
    put32(out, record.ttl);
    put16(out, static_cast<unsigned>(data.size()));
    return out + data;
  }
  static std::string encode(const DnsZoneRecord& record) {
    std::string data;
    put_name(data, "ns.test");
    put_name(data, "me.test");
    for (const std::uint32_t number : {1U, 7200U, 900U, 86400U, record.minimum}) {
      put32(data, number);
    }
    std::string out;
    put_name(out, "test");
    put16(out, ns_t_soa);
    put16(out, 1);
    put32(out, record.ttl);
    put16(out, static_cast<unsigned>(data.size()));
    return out + data;
  }
  static unsigned get16(const std::string& from, std::size_t at) {
    return static_cast<unsigned>(static_cast<unsigned char>(from[at])) << 8 |
           static_cast<unsigned char>(from[at + 1]);
  }
  static DnsQuery decode(const std::string& message, bool tcp) {
    DnsQuery query;
    query.tcp = tcp;
    query.id = get16(message, 0);
    std::size_t at = 12;
    while (message[at] != 0) {
      const auto size = static_cast<std::size_t>(message[at]);
      query.name += (query.name.empty() ? "" : ".") + message.substr(at + 1, size);
      at += size + 1;
    }
    query.type = static_cast<int>(get16(message, at + 1));
    return query;
  }

  std::vector<std::string> answers(const std::string& message, bool tcp) {
    const DnsQuery query = decode(message, tcp);
    queries.push_back(query);
    if (script) return script(query);
    const auto at = zone.find(query.name);
    DnsReply reply = at == zone.end() ? DnsReply{ns_r_nxdomain, {}} : at->second;
    if (tcp) reply.truncated = false;
    if (reply.truncated) reply.records.clear();
    return {encode(query, reply)};
  }

  void on_ready() noexcept override {
    if (udp_.scheduler().is_closed()) return;
    udp_.scheduler().call_soon([this] { take_datagrams(); });
  }
  void take_datagrams() {
    std::array<std::byte, 2048> buffer{};
    ReceivedDatagram info;
    Backend& backend = udp_.scheduler().backend();
    while (udp_.is_open()) {
      const std::ptrdiff_t size = backend.recv_from(udp_.fileno(), buffer, info);
      if (size < 0) return;
      const std::string message(reinterpret_cast<const char*>(buffer.data()),
                                static_cast<std::size_t>(size));
      for (const std::string& answer : answers(message, false)) {
        backend.send_to(udp_.fileno(), std::as_bytes(std::span(answer)), info.from);
      }
    }
  }

  static Coro<> serve_tcp(DnsServer* self, StreamReader reader, StreamWriter writer) {
    while (true) {
      Result<std::string> head = co_await try_(reader.readexactly(2));
      if (!head.ok()) break;
      const std::string message = co_await reader.readexactly(get16(head.value(), 0));
      for (const std::string& answer : self->answers(message, true)) {
        std::string size;
        put16(size, static_cast<unsigned>(answer.size()));
        writer.write(size + answer);
      }
    }
    writer.close();
  }

  Socket udp_;
  std::vector<Server> tcp_;
};

}  // namespace asyncio::test
