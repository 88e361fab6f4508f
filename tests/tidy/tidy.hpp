// The checks of `asyncio_tidy`: what the project promises about its own sources and no compiler
// sees. Each takes the root of a source tree and returns what is wrong there. They read text, not
// C++: good enough for sources that clang-format has seen.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tidy {

namespace fs = std::filesystem;

struct Finding {
  std::string path;  // relative to the root
  std::size_t line;  // 0: the file as a whole
  std::string what;
};
using Findings = std::vector<Finding>;

/// Includes that point up or sideways, go in a circle, bring a foreign header into include/, or use
/// an umbrella header below row 8. The rows are in tests/tidy/layers.txt.
Findings check_layers(const fs::path& root);

/// Files over 800 lines and functions over 70, but for those in tests/tidy/sizes_allowed.txt.
Findings check_sizes(const fs::path& root);

/// Tabs, trailing white space and missing last newlines in C++ sources.
Findings check_text(const fs::path& root);

/// Code blocks in documents that differ from the file they name, see documents.cpp; `fix` rewrites
/// them.
Findings check_snippets(const fs::path& root, bool fix = false);

/// Paths in `backticks` in the documents of the root that do not exist.
Findings check_paths(const fs::path& root);

/// Rules and CPython test ids that the tests state and docs/conformance.md does not, or the
/// reverse, see conformance.cpp; `fix` rewrites the table.
Findings check_conformance(const fs::path& root, bool fix = false);

/// Names that docs/coming-from-python.md says exist and that tests/run/names_test.cpp does not use,
/// and wrong counts of them, see names.cpp; `fix` writes the counts.
Findings check_names(const fs::path& root, bool fix = false);

/// Places in tests that sleep, or let a timeout pass, in real time, see real_time.cpp; those that
/// may are in tests/tidy/real_time.txt.
Findings check_real_time(const fs::path& root);

/// Undefined symbols of object files that go around the backend; the rules are in
/// tests/tidy/kernel.txt. `symbols` is the output of `nm -A -u` over the objects.
Findings check_seam(const fs::path& root, std::string_view symbols);

// ---- shared by the checks
// -------------------------------------------------------------------------

std::string read_file(const fs::path& path);
std::vector<std::string> lines_of(std::string_view text);
std::vector<std::string> words_of(std::string_view line);

/// Lines of a table under tests/tidy, split into words, without comments and empty lines.
std::vector<std::vector<std::string>> read_table(const fs::path& root, const char* name);

/// The source with spaces for comments, literals and preprocessor lines; line breaks stay.
std::string blank(std::string source);

/// All .hpp and .cpp files below the named folders of the root, as sorted relative paths.
std::vector<std::string> cpp_files(const fs::path& root, const std::vector<std::string>& folders);

}  // namespace tidy
