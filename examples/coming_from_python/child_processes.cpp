// Coming from Python: child processes.
// Run: build/dev/examples/coming_from_python/child_processes
#include <asyncio/asyncio.hpp>
#include <asyncio/process.hpp>
#include <cstdio>

using namespace std::chrono_literals;
using asyncio::subprocess::PIPE;

// [subprocess]
asyncio::Coro<> main_task() {
  asyncio::Process upper =
      co_await asyncio::create_subprocess_exec("tr", "a-z", "A-Z", {.stdin = PIPE, .stdout = PIPE});
  auto [output, errors] = co_await upper.communicate("hello");
  std::printf("%s %d\n", output.c_str(), *upper.returncode());

  asyncio::Process shell =
      co_await asyncio::create_subprocess_shell("echo one; echo two; exit 3", {.stdout = PIPE});
  while (auto line = co_await shell.stdout->next_line()) std::printf("line: %s", line->c_str());
  std::printf("%d\n", co_await shell.wait());

  asyncio::Process sleeper = co_await asyncio::create_subprocess_exec("sleep", "1000");
  try {
    co_await asyncio::wait_for(sleeper.wait(), 10ms);
  } catch (const asyncio::TimeoutError&) {
    sleeper.kill();
  }
  std::printf("%d\n", co_await sleeper.wait());
}
// [/subprocess]

int main() { asyncio::run(main_task()); }
