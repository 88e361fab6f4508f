#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOurs = "asyncio-cpp";
constexpr const char* kStandard = "std alone";
constexpr const char* kSleeps = "two sleeps";
constexpr const char* kClient = "an HTTP client";

struct Compiler {
  std::string name;
  std::string program;
};

// A source, by the row and the arm that it stands for.
struct Source {
  std::string row;
  std::string arm;
  fs::path file;
};

std::vector<std::string> command_line(const Setting& setting, const Compiler& compiler) {
  return {compiler.program, "-std=c++20", "-I" + (setting.source / "include").string()};
}

double compile_seconds(const Setting& setting, const Compiler& compiler, const fs::path& file,
                       const std::string& level) {
  std::vector<std::string> command = command_line(setting, compiler);
  for (const std::string& argument :
       {level, std::string("-c"), file.string(), std::string("-o"), std::string("/dev/null")}) {
    command.push_back(argument);
  }
  return run_program(command).cpu_seconds;
}

// What `#include <header>` comes to, and which files of it are in `folder`.
struct Preprocessed {
  double lines = 0;  // of those files
  std::set<std::string> files;
};

Preprocessed preprocess(const Setting& setting, const Compiler& compiler, const fs::path& file,
                        const std::string& folder) {
  std::vector<std::string> command = command_line(setting, compiler);
  command.insert(command.end(), {"-E", file.string()});
  std::istringstream text(run_program(command).output);
  Preprocessed result;
  bool counts = false;
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("# ")) {  // `# 12 "path" flags` says where the next line comes from
      if (counts) ++result.lines;
      continue;
    }
    const std::size_t open = line.find('"');
    const std::string path = line.substr(open + 1, line.rfind('"') - open - 1);
    counts = path.find(folder) != std::string::npos;
    if (counts) result.files.insert(path);
  }
  return result;
}

// A program that includes the same standard headers as those files, and nothing else.
void write_standard_program(const std::set<std::string>& files, const fs::path& program) {
  std::set<std::string> includes;
  for (const std::string& path : files) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("#include <") && line.find_first_of("./") == std::string::npos) {
        includes.insert(line);
      }
    }
  }
  std::ofstream out(program);
  for (const std::string& include : includes) out << include << '\n';
  out << "int main() {}\n";
}

// A peer's program: the arm it stands for, and the header whose lines are counted.
struct PeerSource {
  const char* row;
  const char* arm;
  const char* file;  // in bench/peers/compile
  const char* header;
  const char* folder;  // of the library's own headers
  const char* package;
};
constexpr PeerSource kPeerSources[] = {
    {kSleeps, "Boost.Asio", "asio_hello.cpp", "boost/asio.hpp", "/boost/", "libboost1.81-dev"},
    {kSleeps, "libuv", "uv_hello.cpp", "uv.h", "/uv", "libuv1-dev"},
    {kClient, "Boost.Beast", "beast_client.cpp", "boost/beast/http.hpp", "/boost/",
     "libboost1.81-dev"},
};

bool compiles(const Setting& setting, const Compiler& compiler, const fs::path& file) {
  std::vector<std::string> command = command_line(setting, compiler);
  command.insert(command.end(), {"-fsyntax-only", file});
  return ask_program(command).empty();
}

std::string lines_of(const std::string& row) { return row + ", lines over the std headers"; }

// With a folder for the programs that are made here.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "asyncio-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("bench: no temporary folder");
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
};

fs::path write_include(const Folder& folder, const std::string& header) {
  std::string name = header;
  std::replace(name.begin(), name.end(), '/', '_');
  const fs::path file = folder.path / (name + ".cpp");
  std::ofstream(file) << "#include <" << header << ">\n";
  return file;
}

void add_peers(const Setting& setting, const Compiler& compiler, const Folder& folder,
               std::vector<Source>& sources, ItemReport& report) {
  for (const PeerSource& peer : kPeerSources) {
    const fs::path file = setting.source / "bench/peers/compile" / peer.file;
    if (!compiles(setting, compiler, file)) {
      report.add_note(std::string(peer.arm) + " is left out: install " + peer.package);
      continue;
    }
    report.add_arm(peer.arm, ItemReport::Role::peer);
    sources.push_back({peer.row, peer.arm, file});
    const fs::path include = write_include(folder, peer.header);
    report.add(lines_of(peer.row), "", peer.arm,
               preprocess(setting, compiler, include, peer.folder).lines);
  }
}

}  // namespace

ItemReport measure_compile(Setting& setting) {
  const int rounds = setting.rounds(3);
  ItemReport report("compile",
                    "a program of one file, CPU seconds of the compiler without any "
                    "cache; median of " +
                        std::to_string(rounds) + " rounds");
  std::vector<Compiler> compilers{{setting.versions["compiler"], BENCH_CXX}};
  if (!find_program("g++").empty()) compilers.push_back({setting.versions["g++"], "g++"});
  const Folder folder;

  const std::string ours_folder = (setting.source / "include/asyncio/").string();
  const Preprocessed ours =
      preprocess(setting, compilers[0], write_include(folder, "asyncio/asyncio.hpp"), ours_folder);
  const Preprocessed http =
      preprocess(setting, compilers[0], write_include(folder, "asyncio/http.hpp"), ours_folder);
  const fs::path standard = folder.path / "standard.cpp";
  write_standard_program(ours.files, standard);

  const fs::path hello = setting.source / "examples/01_hello.cpp";
  std::vector<Source> sources{{kSleeps, kOurs, hello}, {kSleeps, kStandard, standard}};
  sources.push_back({kClient, kOurs, setting.source / "examples/11_http_client.cpp"});
  report.add_arm(kOurs, ItemReport::Role::ours);
  report.add_arm(kStandard, ItemReport::Role::ours);
  report.add(lines_of(kSleeps), "", kOurs, ours.lines);
  report.add(lines_of(kClient), "", kOurs, http.lines);
  add_peers(setting, compilers[0], folder, sources, report);
  for (int round = 0; round < rounds; ++round) {
    for (const Compiler& compiler : compilers) {
      for (const char* level : {"-O0", "-O2"}) {
        std::vector<double> seconds(sources.size());
        for (const std::size_t i : setting.order(sources.size())) {
          seconds[i] = compile_seconds(setting, compiler, sources[i].file, level);
        }
        for (std::size_t i = 0; i < sources.size(); ++i) {
          report.add(sources[i].row + ", " + compiler.name + " " + level, "s", sources[i].arm,
                     seconds[i]);
        }
      }
    }
  }
  report.add_note("goal: <= 1.0 s with either compiler");
  return report;
}

}  // namespace bench
