// Threads, processes and memory as /proc shows them, for this process or from outside.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace asyncio::tool {

struct ProcessCount {
  unsigned processes = 0;
  unsigned threads = 0;
};

/// `root` and all its descendants, now. Zero when it has ended.
ProcessCount count_process_tree(pid_t root);

/// Peak resident memory of this process since exec or fork. VmHWM, not getrusage: Linux's ru_maxrss
/// survives exec, so a small child of a large parent would report the parent's peak.
std::uint64_t peak_memory_of_self();

}  // namespace asyncio::tool
