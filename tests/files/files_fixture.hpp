// What tests of files share: a folder, and a loop on each way to make the kernel's calls.
#pragma once

#include "asyncio/files/file.hpp"
#include "asyncio/task/task.hpp"
#include "support/environment.hpp"
#include "support/simulated_test.hpp"
#include "support/socket_test.hpp"
#include "support/temporary_folder.hpp"

namespace asyncio::test {

/// Chooses before the loop is made.
class ChosenBackend {
 protected:
  explicit ChosenBackend(const char* name) : choice_("ASYNCIO_BACKEND", name) {}

 private:
  EnvironmentVariable choice_;
};

/// On the kernel, by threads and by io_uring. Where that is forbidden it is threads both times.
class FilesTest : private ChosenBackend,
                  public SocketTest,
                  public ::testing::WithParamInterface<const char*> {
 protected:
  FilesTest() : ChosenBackend(GetParam()) {}
  void close_loop() { loop().close(); }
  TemporaryFolder folder;
};

/// In a world where calls fail on demand.
class SimulatedFilesTest : public SimulatedTest {
 protected:
  TemporaryFolder folder;
  int descriptors_before = open_descriptors();

  void TearDown() override {
    SimulatedTest::TearDown();
    EXPECT_EQ(open_descriptors(), descriptors_before) << "descriptors leaked";
  }
};

inline auto each_backend() { return ::testing::Values("epoll", "io_uring"); }
inline std::string backend_name(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}

}  // namespace asyncio::test
