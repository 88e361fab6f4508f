// StreamReader: bytes from a connection, in the pieces one wants.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/streams/errors.hpp"
#include "asyncio/streams/read_side.hpp"
#include "asyncio/task/future_base.hpp"

namespace asyncio {

/// How far readline and readuntil look for their separator, unless told otherwise: 64 KiB.
inline constexpr std::size_t kStreamLimit = 64 * 1024;

namespace detail {

class Read final : public ReadAwaiter, public AsCoro<Read, std::string> {
 public:
  Read(ReadSide& side, std::ptrdiff_t count) noexcept : ReadAwaiter(side), count_(count) {}
  std::string await_resume() {
    check();
    return side().take(found_);
  }

 private:
  bool find() override;
  [[nodiscard]] const char* function() const noexcept override { return "read"; }
  std::ptrdiff_t count_;
  std::size_t found_ = 0;
};

class ReadInto final : public ReadAwaiter, public AsCoro<ReadInto, std::size_t> {
 public:
  ReadInto(ReadSide& side, std::span<std::byte> buffer) noexcept
      : ReadAwaiter(side), buffer_(buffer) {}
  std::size_t await_resume();

 private:
  bool find() override { return buffer_.empty() || side().at_end() || !side().view().empty(); }
  [[nodiscard]] const char* function() const noexcept override { return "read_into"; }
  std::span<std::byte> buffer_;
};

class ReadExactly final : public ReadAwaiter, public AsCoro<ReadExactly, std::string> {
 public:
  ReadExactly(ReadSide& side, std::size_t count) noexcept : ReadAwaiter(side), count_(count) {}
  std::string await_resume() {
    check();
    return side().take(count_);
  }

 private:
  bool find() override;
  [[nodiscard]] const char* function() const noexcept override { return "readexactly"; }
  std::size_t count_;
};

/// What readuntil and readline share: how far has been searched, and the limit.
class ReadUntilBase : public ReadAwaiter {
 public:
  explicit ReadUntilBase(ReadSide& side) noexcept : ReadAwaiter(side) {}
  ReadUntilBase(ReadUntilBase&&) noexcept = default;

 protected:
  struct Match {
    std::size_t start = std::string_view::npos;
    std::size_t end = std::string_view::npos;
  };

  ~ReadUntilBase() = default;
  bool find() override;
  std::string take_result() {
    check();
    return side().take(found_);
  }
  /// The separator that ends first, from `from` on.
  [[nodiscard]] virtual Match search(std::string_view data, std::size_t from) const noexcept = 0;
  [[nodiscard]] virtual std::size_t longest_separator() const noexcept = 0;
  virtual bool overrun(const char* message, std::size_t consumed) = 0;
  virtual bool ended() = 0;

  std::size_t found_ = 0;  // how much there is up to the end of the separator

 private:
  std::size_t searched_ = 0;
};

class ReadUntil final : public ReadUntilBase, public AsCoro<ReadUntil, std::string> {
 public:
  ReadUntil(ReadSide& side, std::string_view separator)
      : ReadUntilBase(side), separator_(separator) {}
  ReadUntil(ReadSide& side, std::vector<std::string> separators)
      : ReadUntilBase(side), others_(std::move(separators)) {
    separator_ = std::move(others_.back());
    others_.pop_back();
  }
  std::string await_resume() { return take_result(); }

 private:
  [[nodiscard]] Match search(std::string_view data, std::size_t from) const noexcept override;
  [[nodiscard]] std::size_t longest_separator() const noexcept override;
  bool overrun(const char* message, std::size_t consumed) override;
  bool ended() override;
  [[nodiscard]] const char* function() const noexcept override { return "readuntil"; }

  std::string separator_;
  std::vector<std::string> others_;
};

class ReadLineBase : public ReadUntilBase {
 public:
  using ReadUntilBase::ReadUntilBase;
  ReadLineBase(ReadLineBase&&) noexcept = default;

 protected:
  ~ReadLineBase() = default;

 private:
  [[nodiscard]] Match search(std::string_view data, std::size_t from) const noexcept override;
  [[nodiscard]] std::size_t longest_separator() const noexcept override { return 1; }
  bool overrun(const char* message, std::size_t consumed) override;
  bool ended() override;
  [[nodiscard]] const char* function() const noexcept override { return "readline"; }
};

class ReadLine final : public ReadLineBase, public AsCoro<ReadLine, std::string> {
 public:
  using ReadLineBase::ReadLineBase;
  std::string await_resume() { return take_result(); }
};

class NextLine final : public ReadLineBase, public AsCoro<NextLine, std::optional<std::string>> {
 public:
  using ReadLineBase::ReadLineBase;
  std::optional<std::string> await_resume() {
    std::string line = take_result();
    if (line.empty()) return std::nullopt;
    return line;
  }
};

class FillBuffer final : public ReadAwaiter, public AsCoro<FillBuffer, std::size_t> {
 public:
  explicit FillBuffer(ReadSide& side) noexcept : ReadAwaiter(side), before_(side.view().size()) {}
  std::size_t await_resume() {
    check();
    return side().view().size() - before_;
  }

 private:
  bool find() override { return side().view().size() > before_ || side().at_end(); }
  [[nodiscard]] const char* function() const noexcept override { return "fill"; }
  std::size_t before_;
};

}  // namespace detail

/// The reading half of a connection. A copy is a handle to the same one. One task may read at a
/// time: a second is RuntimeError. Loop thread only.
///
/// All reads: a cancelled read loses no byte, the next one gets it. Errors are OSError's kin, such
/// as ConnectionResetError; after one, every read fails with it. Bytes that came before an error
/// or the end are given first. Python: asyncio.StreamReader.
class StreamReader {
 public:
  /// One that is fed by hand, for tests and parsers. ValueError when the limit is 0.
  explicit StreamReader(std::size_t limit = kStreamLimit);
  explicit StreamReader(detail::Ref<detail::ReadSide> side) noexcept : side_(std::move(side)) {}

  /// At most `count` bytes, as soon as there is at least one; empty at the end. With -1 (or less)
  /// all up to the end. Not bounded by the limit. Python: StreamReader.read.
  [[nodiscard]] detail::Read read(std::ptrdiff_t count = -1) { return {*side_, count}; }
  /// The same into a buffer that lives as long as the await: how many bytes, 0 at the end.
  [[nodiscard]] detail::ReadInto read_into(std::span<std::byte> buffer) { return {*side_, buffer}; }
  /// Exactly `count` bytes, or IncompleteReadError, which has what there was.
  /// Python: StreamReader.readexactly.
  [[nodiscard]] detail::ReadExactly readexactly(std::size_t count) { return {*side_, count}; }
  /// Up to and with "\n"; without it when the stream ends there; empty at the end. ValueError when
  /// the line is longer than the limit; it is skipped. Python: StreamReader.readline.
  [[nodiscard]] detail::ReadLine readline() { return detail::ReadLine(*side_); }
  /// `while (auto line = co_await reader.next_line())`: empty at the end. Python: async for line in
  /// reader.
  [[nodiscard]] detail::NextLine next_line() { return detail::NextLine(*side_); }
  /// Up to and with the separator; with several, up to the one that ends first. Errors:
  /// IncompleteReadError at the end, LimitOverrunError (the data stays), ValueError when a
  /// separator is empty. Python: StreamReader.readuntil.
  [[nodiscard]] detail::ReadUntil readuntil(std::string_view separator = "\n");
  template <std::convertible_to<std::string_view>... More>
    requires(sizeof...(More) > 0)
  [[nodiscard]] detail::ReadUntil readuntil(std::string_view first, const More&... more) {
    std::vector<std::string> separators;
    separators.reserve(1 + sizeof...(more));
    separators.emplace_back(first);
    (separators.emplace_back(std::string_view(more)), ...);
    return readuntil_any(std::move(separators));
  }

  /// The end has come and everything before it was read. Python: StreamReader.at_eof.
  [[nodiscard]] bool at_eof() const noexcept { return side_->at_end() && side_->view().empty(); }
  /// What reads fail with, or null. Python: StreamReader.exception.
  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return side_->exception(); }

  /// "<StreamReader 5 bytes eof limit=100 transport=<...>>". Python: repr(reader).
  [[nodiscard]] std::string repr() const;

  // --- for parsers: the bytes where they are ----------------------------------------------------

  /// Waits for more bytes and appends them to buffered(); how many, 0 at the end. Not bounded by
  /// the limit: whoever calls this bounds what it collects.
  [[nodiscard]] detail::FillBuffer fill() { return detail::FillBuffer(*side_); }
  /// What was received and not consumed. Valid until the next await.
  [[nodiscard]] std::string_view buffered() const noexcept { return side_->view(); }
  /// Takes the first `count` bytes away.
  void consume(std::size_t count) noexcept { side_->consume(count); }

  // --- feeding by hand --------------------------------------------------------------------------

  /// More bytes have come. Python: StreamReader.feed_data.
  void feed_data(std::string_view data) { side_->feed(data); }
  /// No more will come. Python: StreamReader.feed_eof.
  void feed_eof() noexcept { side_->feed_end(); }
  /// From now on reads fail with `error`, also before what is buffered. Python:
  /// StreamReader.set_exception.
  void set_exception(std::exception_ptr error) noexcept { side_->set_exception(std::move(error)); }

 private:
  detail::ReadUntil readuntil_any(std::vector<std::string> separators);

  detail::Ref<detail::ReadSide> side_;
};

}  // namespace asyncio
