// A file that appears whole or not at all: written beside its place, flushed to disk, then renamed.
#pragma once

#include <string>
#include <string_view>

namespace asyncio::tool {

/// Replaces `path` with `text`. /dev/stdout and other things that are no regular file are written
/// directly: renaming over a device would replace it. Blocks, with a loop of its own. Errors:
/// ToolError naming the file; nothing is left behind and an existing file is as it was.
void write_file_atomically(const std::string& path, std::string_view text);

}  // namespace asyncio::tool
