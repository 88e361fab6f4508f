#include "concurrent/worker.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "asyncio/base/error.hpp"
#include "asyncio/concurrent/process_pool.hpp"
#include "concurrent/frames.hpp"
#include "concurrent/remote_error.hpp"

namespace asyncio::detail {
namespace {

void flush_output() {
  std::cout.flush();
  std::clog.flush();
  std::fflush(stdout);
}

[[noreturn]] void leave(int code) {
  flush_output();
  ::_exit(code);
}

bool in_a_loaded_object(const void* address) {
  Dl_info info;
  return ::dladdr(address, &info) != 0;
}

// Code of a library that was loaded after the nursery was forked is not here, and to call it would
// be a crash without a word.
bool has_code(std::uint64_t address) {
  // A static program has no table of objects, and loads none.
  static const bool can_tell = in_a_loaded_object(reinterpret_cast<const void*>(&flush_output));
  static std::uint64_t last = 0;
  if (address == 0 || address == last || !can_tell) return true;
  if (!in_a_loaded_object(reinterpret_cast<const void*>(address))) return false;
  last = address;
  return true;
}

class Worker : private WorkerCall {
 public:
  explicit Worker(int channel) : channel_(channel) {}

  void initialize(const std::function<void()>& initializer) {
    if (!initializer) return;
    try {
      initializer();
    } catch (...) {
      answer = base::describe(std::current_exception());
      send(FrameKind::initializer_failed);
      leave(1);
    }
  }

  void work() {
    while (reader_.read(channel_) == Progress::done) {
      request = reader_.body();
      is_answered_ = false;
      call();
    }
  }

 private:
  void call() {
    try {
      const FrameHead& head = reader_.head();
      if (!has_code(head.entry) || !has_code(head.function)) {
        throw RuntimeError(
            "the function is not in this process: its library was loaded after the "
            "pool was made; make the pool later");
      }
      reinterpret_cast<ProcessEntry>(head.entry)(*this);
      if (!is_answered_) send_answer();
    } catch (...) {
      // The call is heard to its end first: what could not be put together, or was not come to.
      need(reader_.skip_blocks(channel_));
      request_blocks.clear();
      answer_blocks.clear();
      answer = pack_error(std::current_exception());
      send(FrameKind::error);
    }
  }

  void read_blocks() override {
    Progress progress = Progress::more;
    while (progress == Progress::more) progress = reader_.read_blocks(channel_, request_blocks);
    if (progress == Progress::broken) throw RuntimeError("the arguments are not what was sent");
    need(progress);
  }

  void send_answer() override {
    is_answered_ = true;
    send(FrameKind::result);
  }

  void send(FrameKind kind) {
    flush_output();
    FrameHead head;
    head.kind = kind;
    FrameWriter writer;
    writer.start(head, answer, answer_blocks);
    need(writer.write(channel_, answer, answer_blocks));
    answer_blocks.clear();
    answer.clear();
    if (answer.capacity() > kSmallestBlock) answer = std::string();
  }

  static void need(Progress progress) {
    if (progress != Progress::done) leave(0);  // nobody is there any more
  }

  int channel_;
  FrameReader reader_;
  bool is_answered_ = false;
};

}  // namespace

void work_until_closed(int channel, const std::function<void()>& initializer) {
  Worker worker(channel);
  worker.initialize(initializer);
  worker.work();
  leave(0);
}

void forget_exit_handlers() {
  // The last one registered is the first to run.
  ::on_exit([](int code, void*) { leave(code); }, nullptr);
}

}  // namespace asyncio::detail
