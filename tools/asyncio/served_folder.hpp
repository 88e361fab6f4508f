// Files of one folder, for `asyncio serve DIR`.
#pragma once

#include <string>

#include "asyncio/http.hpp"
#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {

/// Opens nothing outside its folder: the kernel itself resolves each path beneath it, links that
/// lead out included. Only regular files are served; for anything else the answer is 404, so that
/// it tells nothing about what is there.
class ServedFolder {
 public:
  /// Errors: ToolError "cannot serve DIR: ..." when it is not a folder that can be read.
  explicit ServedFolder(const std::string& folder);

  /// The file at `path` ("/a/b.html"; a folder means its index.html), streamed without blocking the
  /// loop. Errors: HTTPException 404.
  Coro<http::Response> open(std::string path) const;

 private:
  UniqueFd folder_;
};

/// "text/html; charset=utf-8" for "x.html"; "application/octet-stream" for what is unknown.
std::string content_type_of(const std::string& path);

}  // namespace asyncio::tool
