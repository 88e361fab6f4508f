// The arm "python": Debian's python3 with aiohttp over the same URLs, run as a child program whose
// source (python_arm.py) is part of this one. It is left out, with a reason, where it cannot run.
#pragma once

#include <string>
#include <vector>

#include "tools/asyncio/interrupt.hpp"

namespace asyncio::tool {

struct PythonFound {
  std::string python_version;
  std::string aiohttp_version;
  std::string missing;  // why the arm cannot run; empty: it can
  std::string hint;     // what would help
};

/// Starts Python once, for its versions. $ASYNCIO_PYTHON names another interpreter than
/// /usr/bin/python3. Errors: Interrupted only.
PythonFound find_python(const InterruptWatch& interrupt);

/// The arguments for measure_in_child.
std::vector<std::string> python_arm_arguments();

}  // namespace asyncio::tool
