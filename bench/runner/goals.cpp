#include "bench/runner/goals.hpp"

namespace bench {

namespace {

constexpr const char* kProtocol = "asyncio-cpp protocol";  // an arm of the item echo

}  // namespace

std::vector<Goal> goals_of(const std::string& item) {
  if (item == "core") {
    return {
        {"await a trivial coroutine", "", 5},
        {"create_task + await, one at a time", "", 40},
        {"create_task + await, 1,000 at a time", "", 25},
        {"sleep(0), 100 tasks", "", 6},
        {"sleep(0), 100,000 tasks", "", 30},
        {"call_soon", "", 12},
        {"call_later + cancel", "", 45},
        {"future: set + wake", "", 30},
        {"queue: put + get, nobody waits", "", 10},
        {"queue of 1: put + get, two tasks", "", 35},
        {"queue of 100: put + get, two tasks", "", 10},
        {"gather of 10,000, per child", "", 35},
        {"wait_for that does not fire, over the await", "", 80},
        {"1,000,000 sleepers, each", "", 320},
        {"1,000,000 sleepers, start + wake", "", 0.30},
        {"cancel + join of a sleeper", "", 1000},
        {"raise through 1 coroutine", "", 1400},
        {"raise through 5 coroutines", "", 5000},
        {"raise through 10 coroutines", "", 9500},
        {"raise with pass() through 10 coroutines", "", 700},
        {"raise through 20 coroutines", "", 18500},
        {"raise with pass() through 20 coroutines", "", 1400},
        {"call_soon_threadsafe flood, caller", "", 25},
        {"sockets watched / raw eventfd + epoll, CPU", "", 1.15},
        {"run(nothing)", "", 2000},
    };
  }
  if (item == "echo") {
    return {
        // The design says it as shares of raw epoll: 0.93, 0.93 and 1; 0.97 for a protocol.
        {"CPU per message, 64 B, 100 connections", "raw epoll", 1 / 0.93},
        {"CPU per message, 1 KB, 100 connections", "raw epoll", 1 / 0.93},
        {"CPU per message, 1 MB, 8 connections", "raw epoll", 1},
        {"memory of an idle connection", "", 800},
        {"CPU per message, 64 B, 100 connections", "raw epoll", 1 / 0.97, false, kProtocol},
        {"CPU per message, 1 KB, 100 connections", "raw epoll", 1 / 0.97, false, kProtocol},
        {"memory of an idle connection", "", 400, false, kProtocol},
    };
  }
  if (item == "http_server") return {{"13 bytes, 100 connections: CPU", "nginx", 1.1}};
  if (item == "http_client") {
    return {
        {"keep-alive, CPU per request", "wrk", 1.15},
        {"keep-alive, CPU per request", "libcurl multi", 0.5},
        {"keep-alive, CPU per request", "aiohttp", 0.1},
    };
  }
  if (item == "cold") {
    return {
        {"requests that failed", "", 0},
        {"CPU, user + system", "raw epoll", 1.3},
        {"peak memory of the process", "", 100},
    };
  }
  if (item == "tls") {
    return {
        {"client: GET of 13 KB, CPU", "raw OpenSSL", 1.25},
        {"server: GET of 13 KB, CPU", "raw OpenSSL", 1.25},
        {"client: resumed / full", "", 0.65},
    };
  }
  if (item == "compile") {
    return {{"two sleeps, lines over the std headers", "", 10'000}};
  }
  return {};
}

}  // namespace bench
