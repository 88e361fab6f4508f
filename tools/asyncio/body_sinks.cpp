#include "tools/asyncio/body_sinks.hpp"

namespace asyncio::tool {
namespace {

constexpr std::size_t kFileBlock = 256 * 1024;

void append_block(const std::shared_ptr<PartFile>& file, const std::string& block) {
  file->append(block);
}

void commit_file(const std::shared_ptr<PartFile>& file, const std::string& block,
                 Overwrite overwrite) {
  file->append(block);
  file->commit(overwrite);
}

}  // namespace

Coro<> NoSink::write(std::string, RequestLimit&) { co_return; }
Coro<> NoSink::finish(RequestLimit&) { co_return; }

FileSink::FileSink(std::shared_ptr<const OutputFolder> folder, std::string name,
                   Overwrite overwrite)
    : folder_(std::move(folder)), name_(std::move(name)), overwrite_(overwrite) {
  restart();
}

bool FileSink::restart() {
  buffer_.clear();
  file_ = std::make_shared<PartFile>(folder_, name_);
  return true;
}

Coro<> FileSink::write(std::string piece, RequestLimit& limit) {
  buffer_ += piece;
  if (buffer_.size() < kFileBlock) co_return;
  limit.pause();
  std::string block = std::exchange(buffer_, std::string());
  co_await to_thread(append_block, file_, std::move(block));
  limit.resume();
}

Coro<> FileSink::finish(RequestLimit& limit) {
  limit.pause();
  std::string block = std::exchange(buffer_, std::string());
  co_await to_thread(commit_file, file_, std::move(block), overwrite_);
}

Coro<> OrderedSink::pass_on(RequestLimit& limit) {
  limit.pause();
  co_await place_.turns.wait(place_.number);
  passed_on_ = passed_on_ || !kept_.empty();
  std::string bytes = std::exchange(kept_, std::string());
  co_await place_.output.write(std::move(bytes));
}

Coro<> OrderedSink::write(std::string piece, RequestLimit& limit) {
  kept_ += piece;
  if (kept_.size() < place_.most_kept) co_return;
  co_await pass_on(limit);
  limit.resume();
}

Coro<> OrderedSink::finish(RequestLimit& limit) { co_await pass_on(limit); }

bool OrderedSink::restart() {
  kept_.clear();
  return !passed_on_;
}

}  // namespace asyncio::tool
