# ASYNCIO_SANITIZE=address,undefined or thread: every target of this project is instrumented, or a
# container that crosses from an instrumented to a plain file is reported falsely.

if(NOT ASYNCIO_SANITIZE)
  return()
endif()
add_compile_options(-fsanitize=${ASYNCIO_SANITIZE} -fno-omit-frame-pointer
                    -fno-sanitize-recover=undefined)
add_link_options(-fsanitize=${ASYNCIO_SANITIZE})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ loses its tail calls to the instrumentation: a long loop of ready awaits would overflow the
  # stack (address) or the shadow stack (thread).
  if(ASYNCIO_SANITIZE MATCHES "address")
    add_compile_options("SHELL:--param asan-stack=0")
  elseif(ASYNCIO_SANITIZE MATCHES "thread")
    add_compile_options("SHELL:--param tsan-instrument-func-entry-exit=0")
  endif()
endif()
