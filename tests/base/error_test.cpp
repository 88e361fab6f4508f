#include "asyncio/base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace asyncio {
namespace {

TEST(error, an_errno_has_pythons_class) {
  EXPECT_THROW(throw_os_error(ECONNREFUSED, "connect"), ConnectionRefusedError);
  EXPECT_THROW(throw_os_error(ECONNRESET, "recv"), ConnectionResetError);
  EXPECT_THROW(throw_os_error(ECONNABORTED, "accept"), ConnectionAbortedError);
  EXPECT_THROW(throw_os_error(EPIPE, "send"), BrokenPipeError);
  EXPECT_THROW(throw_os_error(ENOENT, "open"), FileNotFoundError);
  EXPECT_THROW(throw_os_error(EEXIST, "open"), FileExistsError);
  EXPECT_THROW(throw_os_error(EACCES, "bind"), PermissionError);
  EXPECT_THROW(throw_os_error(ETIMEDOUT, "connect"), TimeoutError);
  EXPECT_THROW(throw_os_error(EAGAIN, "recv"), BlockingIOError);
  EXPECT_THROW(throw_os_error(EADDRINUSE, "bind"), OSError);
}

TEST(error, a_message_names_operation_subject_and_reason) {
  try {
    throw_os_error(ECONNREFUSED, "connect", "127.0.0.1:80");
  } catch (const OSError& error) {
    EXPECT_STREQ(error.what(), "connect 127.0.0.1:80: connection refused");
    EXPECT_EQ(error.error(), ECONNREFUSED);
    EXPECT_EQ(error.code(), std::errc::connection_refused);
  }
}

TEST(error, cancelled_error_passes_handlers_of_std_exception) {
  bool passed = false;
  try {
    try {
      throw CancelledError("why");
    } catch (const std::exception&) {
      FAIL();
    }
  } catch (const BaseException& error) {
    passed = true;
    EXPECT_STREQ(error.what(), "why");
  }
  EXPECT_TRUE(passed);
}

TEST(error, exception_is_looks_at_bases_without_a_rethrow) {
  const auto error = std::make_exception_ptr(ConnectionResetError(ECONNRESET, "recv"));
  EXPECT_TRUE(base::exception_is<ConnectionResetError>(error));
  EXPECT_TRUE(base::exception_is<ConnectionError>(error));
  EXPECT_TRUE(base::exception_is<OSError>(error));
  EXPECT_TRUE(base::exception_is<std::exception>(error));
  EXPECT_FALSE(base::exception_is<ValueError>(error));
  EXPECT_FALSE(base::exception_is<CancelledError>(error));
  EXPECT_FALSE(base::exception_is<CancelledError>(std::make_exception_ptr(5)));
  EXPECT_FALSE(base::exception_is<CancelledError>(nullptr));
  EXPECT_TRUE(base::exception_is<BaseException>(std::make_exception_ptr(SystemExit(3))));
}

TEST(error, describe_is_the_last_line_of_a_traceback) {
  EXPECT_EQ(base::describe(std::make_exception_ptr(ValueError("bad"))), "ValueError: bad");
  EXPECT_EQ(base::describe(std::make_exception_ptr(TimeoutError())), "TimeoutError");
  EXPECT_EQ(base::describe(std::make_exception_ptr(CancelledError())), "CancelledError");
  EXPECT_EQ(base::describe(std::make_exception_ptr(std::out_of_range("x"))),
            "std::out_of_range: x");
  EXPECT_EQ(base::describe(std::make_exception_ptr(5)), "int");
}

}  // namespace
}  // namespace asyncio
