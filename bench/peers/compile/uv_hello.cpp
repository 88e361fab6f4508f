// examples/01_hello.cpp with libuv: callbacks, and a header in C.
#include <uv.h>

#include <cstdint>
#include <cstdio>

namespace {

void say(uv_timer_t* timer) { std::puts(static_cast<const char*>(timer->data)); }

void say_later(uv_timer_t& timer, const char* text, std::uint64_t milliseconds) {
  uv_timer_init(uv_default_loop(), &timer);
  timer.data = const_cast<char*>(text);
  uv_timer_start(&timer, say, milliseconds, 0);
}

}  // namespace

int main() {
  uv_timer_t world;
  uv_timer_t hello;
  say_later(world, "world", 1000);
  say_later(hello, "hello", 500);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
