// A file that grows beside its place and takes it when it is whole. Everything here blocks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {

/// A folder to write into. Opened once, so that no later change of a name on the way can lead
/// elsewhere.
class OutputFolder {
 public:
  /// Makes it, with the folders above it, when it is not there. Errors: ToolError naming it.
  explicit OutputFolder(const std::string& path);

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// "DIR/name", for messages and reports.
  [[nodiscard]] std::string path_of(const std::string& name) const;
  /// Whether anything has that name, a dangling link included.
  [[nodiscard]] bool has(const std::string& name) const;

 private:
  std::string path_;
  UniqueFd fd_;
};

enum class Overwrite { never, always };

/// Errors of all calls: OSError, "write DIR/name: no space left on device". Calls come one after
/// another, from any thread; the last owner removes what was not committed.
class PartFile {
 public:
  PartFile(std::shared_ptr<const OutputFolder> folder, std::string name);
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile();

  /// The first call makes the temporary file.
  void append(std::string_view bytes);
  /// Puts the file in its place. With Overwrite::never a file, folder or link that is there stays
  /// as it is (FileExistsError), also when it came a moment ago; else it is replaced, a link itself
  /// and not what it points to.
  void commit(Overwrite overwrite);

 private:
  void open();
  [[noreturn]] void fail(int error) const;
  [[nodiscard]] int rename_to_new() const;

  std::shared_ptr<const OutputFolder> folder_;
  std::string name_;
  std::string temporary_;  // empty: there is none
  UniqueFd fd_;
};

}  // namespace asyncio::tool
