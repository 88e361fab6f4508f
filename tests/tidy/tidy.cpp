// asyncio_tidy CHECK ROOT [--fix | OBJECTS]: runs one check, prints what it found, fails if
// anything.
#include <cstdio>
#include <functional>
#include <map>

#include "tests/tidy/tidy.hpp"

namespace {

// The undefined symbols of the objects that the file `list` names, one per line.
std::string undefined_symbols(const std::string& list) {
  std::string command = "nm -A -u";
  for (const std::string& object : tidy::lines_of(tidy::read_file(list)))
    command += " '" + object + "'";
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
  return pclose(pipe) == 0 ? output : std::string();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string check = arguments.empty() ? "" : arguments[0];
  const std::string root = arguments.size() > 1 ? arguments[1] : ".";
  const std::string option = arguments.size() > 2 ? arguments[2] : "";
  const std::map<std::string, std::function<tidy::Findings()>> checks = {
      {"conformance",
       [&] {
         if (option == "--fix") tidy::check_conformance(root, true);
         return tidy::check_conformance(root);
       }},
      {"layers", [&] { return tidy::check_layers(root); }},
      {"names",
       [&] {
         if (option == "--fix") tidy::check_names(root, true);
         return tidy::check_names(root);
       }},
      {"paths", [&] { return tidy::check_paths(root); }},
      {"real_time", [&] { return tidy::check_real_time(root); }},
      {"seam", [&] { return tidy::check_seam(root, undefined_symbols(option)); }},
      {"sizes", [&] { return tidy::check_sizes(root); }},
      {"snippets",
       [&] {
         if (option == "--fix") tidy::check_snippets(root, true);
         return tidy::check_snippets(root);  // after a fix: what could not be mended
       }},
      {"text", [&] { return tidy::check_text(root); }},
  };
  const auto chosen = checks.find(check);
  if (chosen == checks.end()) {
    std::fputs(
        "usage: asyncio_tidy conformance|layers|names|paths|real_time|seam|sizes|snippets|text "
        "ROOT [--fix | OBJECTS]\n",
        stderr);
    return 2;
  }
  const tidy::Findings findings = chosen->second();
  for (const tidy::Finding& finding : findings) {
    std::printf("%s:%zu: %s\n", finding.path.c_str(), finding.line, finding.what.c_str());
  }
  return findings.empty() ? 0 : 1;
}
