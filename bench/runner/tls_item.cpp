// HTTPS requests over connections that are kept, and handshakes, beside OpenSSL by hand.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/runner/items.hpp"
#include "bench/runner/peers.hpp"
#include "bench/runner/process.hpp"
#include "tools/asyncio/self_signed.hpp"

namespace bench {
namespace {

constexpr int kServerCore = 0;
constexpr int kClientCore = 1;
constexpr const char* kOurs = "asyncio-cpp";
constexpr const char* kPeer = "raw OpenSSL";

/// A P-256 key and a certificate for it, in a folder that goes with it.
class Certificate {
 public:
  Certificate() {
    std::string name = (std::filesystem::temp_directory_path() / "asyncio-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("bench: no temporary folder");
    folder_ = name;
    std::ofstream(path()) << asyncio::tool::make_self_signed("").pem;
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return folder_ / "server.pem"; }

 private:
  std::filesystem::path folder_;
};

struct Programs {
  std::string client;
  std::string server;
};

class TlsBench {
 public:
  TlsBench(Setting& setting, ItemReport& report) : setting_(setting), report_(report) {}

  void add(const std::string& arm, Programs programs) {
    report_.add_arm(arm, arms_.empty() ? ItemReport::Role::ours : ItemReport::Role::peer);
    arms_.emplace_back(arm, std::move(programs));
  }

  void measure(int rounds) {
    const Certificate certificate;
    const std::string& raw_server = arms_.back().second.server;
    const std::string& raw_client = arms_.back().second.client;
    const ListeningServer full({raw_server, certificate.path(), "0"}, kServerCore);
    const ListeningServer tickets({raw_server, certificate.path(), "2"}, kServerCore);
    const ListeningServer ours({arms_.front().second.server, certificate.path()}, kServerCore);
    const std::map<std::string, const ListeningServer*> servers{{kOurs, &ours}, {kPeer, &tickets}};
    pem_ = certificate.path();
    setting_.progress.begin("tls", rounds * 4 * static_cast<int>(arms_.size()));
    for (int round = 0; round < rounds; ++round) {
      each_arm("client", [&](const std::string& arm, const Programs& programs) {
        const Answer answer = ask(programs.client, "get", tickets, 20'000, 100);
        add("client: GET of 13 KB, CPU", arm, answer.at("cpu"), answer);
      });
      each_arm("server", [&](const std::string& arm, const Programs&) {
        const Answer answer = ask(raw_client, "get", *servers.at(arm), 20'000, 100);
        add("server: GET of 13 KB, CPU", arm, answer.at("server_cpu"), answer);
      });
      each_arm("handshakes", [&](const std::string& arm, const Programs& programs) {
        const Answer whole = ask(programs.client, "meet", full, 2000, 8);
        const Answer again = ask(programs.client, "meet", tickets, 2000, 8);
        if (whole.at("resumed") != 0 || again.at("resumed") < again.at("completed") * 0.99) {
          throw std::runtime_error(arm + " has resumed too many sessions, or too few");
        }
        add("client: full handshake, CPU", arm, whole.at("cpu"), whole);
        add("client: resumed handshake, CPU", arm, again.at("cpu"), again);
        report_.add("client: resumed / full", "", arm, again.at("cpu") / whole.at("cpu"));
      });
      each_arm("handshakes, server", [&](const std::string& arm, const Programs&) {
        const Answer answer = ask(raw_client, "meet", *servers.at(arm), 2000, 8);
        add("server: resumed handshake, CPU", arm, answer.at("server_cpu"), answer);
      });
    }
  }

 private:
  using Answer = std::map<std::string, double>;

  void each_arm(const std::string& step,
                const std::function<void(const std::string&, const Programs&)>& measure_arm) {
    for (const std::size_t i : setting_.order(arms_.size())) {
      setting_.progress.step(arms_[i].first + ", " + step);
      measure_arm(arms_[i].first, arms_[i].second);
    }
  }

  void add(const std::string& row, const std::string& arm, double seconds, const Answer& answer) {
    report_.add(row, "us", arm, seconds * 1e6 / answer.at("completed"));
  }

  Answer ask(const std::string& client, const std::string& what, const ListeningServer& server,
             int requests, int in_flight) {
    const Outcome outcome =
        run_program({client, what, std::to_string(server.port()), pem_,
                     std::to_string(setting_.quick ? requests / 4 : requests),
                     std::to_string(in_flight), "400", std::to_string(server.pid())},
                    kClientCore);
    Answer answer;
    std::istringstream lines(outcome.output);
    std::string name;
    for (double value = 0; lines >> name >> value;) answer[name] = value;
    if (answer["failed"] > 0 || answer["completed"] == 0) {
      throw std::runtime_error(client + " has failed requests");
    }
    return answer;
  }

  Setting& setting_;
  ItemReport& report_;
  std::vector<std::pair<std::string, Programs>> arms_;
  std::string pem_;
};

}  // namespace

ItemReport measure_tls(Setting& setting) {
  const int rounds = setting.rounds(5);
  ItemReport report("tls", "TLS 1.3 with a P-256 certificate, CPU of the one process; median of " +
                               std::to_string(rounds) + " rounds");
  TlsBench bench(setting, report);
  bench.add(kOurs, {setting.programs / "bench_tls_client", setting.programs / "bench_tls_server"});
  const Peer client = cpp_peer(setting, report, "openssl_client");
  const Peer server = cpp_peer(setting, report, "openssl_server");
  if (!client.found() || !server.found()) return report;
  bench.add(kPeer, {client.command.front(), server.command.front()});
  bench.measure(rounds);
  return report;
}

}  // namespace bench
