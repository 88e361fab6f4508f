// deny_io_uring EPERM|ENOSYS COMMAND [ARGS]...: runs it as in a sandbox without io_uring.
#include "support/deny_io_uring.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  const std::string_view name = argc > 2 ? argv[1] : "";
  const int error = name == "EPERM" ? EPERM : name == "ENOSYS" ? ENOSYS : 0;
  if (error == 0) {
    std::fputs("usage: deny_io_uring EPERM|ENOSYS COMMAND [ARGS]...\n", stderr);
    return 2;
  }
  if (!asyncio::test::deny_io_uring(error)) {
    std::perror("deny_io_uring: seccomp");
    return 1;
  }
  ::execvp(argv[2], argv + 2);
  std::perror(argv[2]);
  return 127;
}
