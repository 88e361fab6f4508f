// `asyncio fetch`: many downloads at once, with one thread.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace asyncio::tool {

struct FetchOptions {
  std::vector<std::string> urls;      // from the command line, in order
  std::string input_file;             // more of them, read with read_url_list(); "-" is stdin
  unsigned connections = 100;         // at once, in all
  unsigned connections_per_host = 0;  // at once, to one host; 0: as many as in all
  std::string output_folder;          // empty: bodies go to stdout
  bool force = false;                 // overwrite files
  unsigned retries = 2;               // after the first try
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);  // of one request; 0: none
  std::chrono::nanoseconds total_timeout{0};                    // of all together; 0: none
  unsigned max_redirects = 10;
  std::vector<std::pair<std::string, std::string>> headers;  // name and value, free of line breaks
  bool insecure = false;                                     // take any certificate
  std::string ca_file;    // PEM: trust these instead of what the system trusts
  std::string cert_file;  // PEM: our own certificate, for servers that ask for one
  std::string key_file;   // PEM; empty: it is in cert_file
  bool json = false;      // one line per URL on stdout
  bool quiet = false;     // no progress, no summary
};

/// Exit code: 0 all fine, 1 some failed, 3 nothing was reachable. Throws UsageError, ToolError,
/// Interrupted (main() turns them into 2, 1 and 130).
int run_fetch(const FetchOptions& options);

}  // namespace asyncio::tool
