// A header that forgets <string>; a test compiles it to see that it fails.
#pragma once

std::string forgotten();
