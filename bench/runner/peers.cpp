#include "bench/runner/peers.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "bench/runner/process.hpp"

namespace bench {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The nth word of the first line.
std::string word(const std::string& text, int n) {
  std::istringstream words(text.substr(0, text.find('\n')));
  std::string found;
  for (int i = 0; i <= n; ++i) words >> found;
  return found;
}

fs::path folder_of(const Setting& setting, const std::string& ecosystem) {
  return setting.source / "bench/peers" / ecosystem;
}

// build/bench/peers, beside build/bench/bench where our own programs are.
fs::path built_folder(const Setting& setting) {
  const fs::path folder = setting.programs.parent_path() / "peers";
  fs::create_directories(folder);
  return folder;
}

// Once for each ecosystem and run. Empty when it could be built, otherwise why not.
std::string build_once(Setting& setting, const std::string& ecosystem,
                       const std::vector<std::string>& command) {
  const auto known = setting.built.find(ecosystem);
  if (known != setting.built.end()) return known->second;
  setting.progress.say("building the peers in " + ecosystem);
  const fs::path log = built_folder(setting) / (ecosystem + ".log");
  const Attempt attempt = try_program(command);
  std::ofstream(log) << attempt.output;
  std::string trouble;
  if (!attempt.succeeded) trouble = command.front() + " failed, see " + log.string();
  return setting.built[ecosystem] = trouble;
}

Peer left_out(ItemReport& report, const std::string& name, const std::string& reason) {
  report.add_note(name + " is left out: " + reason);
  return {name, {}};
}

// `name = "tokio"`, and in the next line `version = "1.2.3"`.
std::string locked_version(const std::string& lock, const std::string& crate) {
  const std::size_t at = lock.find("name = \"" + crate + "\"\nversion = \"");
  if (at == std::string::npos) return "unknown";
  const std::size_t begin = lock.find("version = \"", at) + 11;
  return lock.substr(begin, lock.find('"', begin) - begin);
}

// A virtual environment with what requirements.txt says, renewed when that changes.
std::string uvloop_python(Setting& setting, const std::string& python, std::string& trouble) {
  const fs::path environment = built_folder(setting) / "python";
  const fs::path wanted = folder_of(setting, "python") / "requirements.txt";
  const fs::path installed = environment / "installed.txt";
  const std::string program = environment / "bin/python3";
  if (read_file(wanted) != read_file(installed)) {
    trouble = build_once(
        setting, "python",
        {"sh", "-c",
         R"("$1" -m venv --clear --system-site-packages "$2" && "$2/bin/pip" install --quiet -r "$3" && cp "$3" "$4")",
         "sh", python, environment, wanted, installed});
  }
  return program;
}

}  // namespace

Peer python_peer(Setting& setting, ItemReport& report, const std::string& program,
                 PythonLoop loop) {
  const fs::path file = folder_of(setting, "python") / (program + ".py");
  const std::string python = system_python(setting);
  const std::string name = loop == PythonLoop::asyncio ? "CPython" : "uvloop";
  if (python.empty()) return left_out(report, name, "no /usr/bin/python3; install python3");
  if (loop == PythonLoop::asyncio) return {name, {python, file, "asyncio"}};
  std::string trouble;
  const std::string environment = uvloop_python(setting, python, trouble);
  if (!trouble.empty()) return left_out(report, name, trouble + "; it needs python3-venv and PyPI");
  setting.versions["uvloop"] = word(
      ask_program({environment, "-W", "ignore", "-c", "import uvloop; print(uvloop.__version__)"}),
      0);
  return {name, {environment, file, "uvloop"}};
}

Peer go_peer(Setting& setting, ItemReport& report, const std::string& program) {
  const std::string go = find_program("go");
  if (go.empty()) return left_out(report, "Go", "no go in PATH; install golang-go");
  const fs::path programs = built_folder(setting) / "go";
  fs::create_directories(programs);
  const std::string trouble = build_once(
      setting, "go",
      {"env", "-C", folder_of(setting, "go"), go, "build", "-o", programs.string() + "/", "./..."});
  if (!trouble.empty()) return left_out(report, "Go", trouble);
  setting.versions["Go"] = word(ask_program({go, "version"}), 2).substr(2);
  return {"Go", {"env", "GOMAXPROCS=1", programs / program}};
}

Peer rust_peer(Setting& setting, ItemReport& report, const std::string& program) {
  const std::string cargo = find_program("cargo");
  if (cargo.empty()) {
    return left_out(report, "tokio", "no cargo in PATH; install rustc-web and cargo-web");
  }
  const fs::path module = folder_of(setting, "rust");
  const fs::path target = built_folder(setting) / "rust";
  const std::string trouble = build_once(setting, "rust",
                                         {"env", "-C", module, cargo, "build", "--release",
                                          "--locked", "--quiet", "--target-dir", target});
  if (!trouble.empty()) return left_out(report, "tokio", trouble);
  const std::string lock = read_file(module / "Cargo.lock");
  setting.versions["tokio"] = locked_version(lock, "tokio");
  setting.versions["hyper"] = locked_version(lock, "hyper");
  setting.versions["rustc"] = word(ask_program({"rustc", "--version"}), 1);
  return {"tokio", {target / "release" / program}};
}

Peer node_peer(Setting& setting, ItemReport& report, const std::string& program) {
  const std::string node = find_program("node");
  if (node.empty()) return left_out(report, "Node", "no node in PATH; install nodejs");
  setting.versions["Node"] = word(ask_program({node, "--version"}), 0).substr(1);
  return {"Node", {node, folder_of(setting, "node") / (program + ".mjs")}};
}

Peer cpp_peer(Setting& setting, ItemReport& report, const std::string& program) {
  struct Library {
    const char* prefix;
    const char* name;
    const char* version;
    const char* package;
  };
  constexpr Library kLibraries[] = {
      {"asio_", "Boost.Asio", BENCH_BOOST_VERSION, "libboost1.81-dev"},
      {"beast_", "Boost.Beast", BENCH_BOOST_VERSION, "libboost1.81-dev"},
      {"uv_", "libuv", BENCH_UV_VERSION, "libuv1-dev"},
      {"curl_", "libcurl multi", BENCH_CURL_VERSION, "libcurl4-openssl-dev"},
      {"openssl_", "raw OpenSSL", BENCH_OPENSSL_VERSION, "libssl-dev"},
      {"raw_", "raw epoll", "", ""},
  };
  for (const Library& library : kLibraries) {
    if (!program.starts_with(library.prefix)) continue;
    const fs::path file = setting.programs / ("bench_" + program);
    if (!fs::exists(file)) {
      return left_out(report, library.name,
                      std::string("it was not built; install ") + library.package);
    }
    if (*library.version != '\0') setting.versions[library.name] = library.version;
    return {library.name, {file}};
  }
  throw std::runtime_error("bench: whose program is " + program + "?");
}

}  // namespace bench
