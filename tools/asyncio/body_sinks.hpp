// The places a body of `asyncio fetch` can go to.
#pragma once

#include <memory>
#include <string>

#include "tools/asyncio/download.hpp"
#include "tools/asyncio/part_file.hpp"
#include "tools/asyncio/standard_output.hpp"

namespace asyncio::tool {

/// Nowhere: the body is received, so that it is known to be whole.
class NoSink final : public BodySink {
 public:
  Coro<> write(std::string piece, RequestLimit& limit) override;
  Coro<> finish(RequestLimit& limit) override;
  bool restart() override { return true; }
};

/// A file that is there when the body is whole, and never before. A thread does the writing.
class FileSink final : public BodySink {
 public:
  FileSink(std::shared_ptr<const OutputFolder> folder, std::string name, Overwrite overwrite);
  Coro<> write(std::string piece, RequestLimit& limit) override;
  Coro<> finish(RequestLimit& limit) override;
  bool restart() override;

 private:
  std::shared_ptr<const OutputFolder> folder_;
  std::string name_;
  Overwrite overwrite_;
  std::string buffer_;
  std::shared_ptr<PartFile> file_;  // shared with a thread that may outlive a cancelled wait
};

/// Standard output, when it is this body's turn. A short body is written whole or not at all; of a
/// longer one nothing is written before its turn, and the server waits so long.
class OrderedSink final : public BodySink {
 public:
  struct Place {
    StandardOutput& output;
    Turns& turns;
    std::size_t number;
    std::size_t most_kept;  // bytes in memory before it waits for its turn
  };
  explicit OrderedSink(Place place) : place_(place) {}
  Coro<> write(std::string piece, RequestLimit& limit) override;
  Coro<> finish(RequestLimit& limit) override;
  bool restart() override;

 private:
  Coro<> pass_on(RequestLimit& limit);

  Place place_;
  std::string kept_;
  bool passed_on_ = false;
};

}  // namespace asyncio::tool
