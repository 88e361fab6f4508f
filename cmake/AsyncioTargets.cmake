# Flags that every target of this project shares, and the one way to declare a library.

add_library(asyncio_flags INTERFACE)
target_compile_options(asyncio_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wno-sign-conversion)
if(ASYNCIO_WERROR)
  target_compile_options(asyncio_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns of every default argument that shadows nothing and of padding it adds itself, and
  # sees overlaps and overflows in the standard library's own strings (its bugs 105329, 105651).
  target_compile_options(asyncio_flags INTERFACE -Wno-shadow -Wno-missing-field-initializers
                                                 -Wno-restrict -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(asyncio_flags INTERFACE -Wno-missing-field-initializers
                                                 -Wno-missing-designated-field-initializers)
endif()
if(ASYNCIO_CLANG_LINT AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_definitions(asyncio_flags INTERFACE ASYNCIO_CLANG_LINT=1)
endif()

# asyncio_library(name folder...): a static library of src/<folder>/*.cpp for each folder.
function(asyncio_library name)
  set(sources)
  foreach(folder ${ARGN})
    file(GLOB found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                            $<INSTALL_INTERFACE:include>
                                     PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(${name} PUBLIC cxx_std_20)
  # Public, because the headers check too: a program must agree with the library it links.
  target_compile_definitions(${name} PUBLIC $<$<BOOL:${ASYNCIO_DCHECK}>:ASYNCIO_DCHECK=1>)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:asyncio_flags>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Without it, g++ at -O1 keeps a stack frame per resumed coroutine and overflows in long loops.
    target_compile_options(${name} PUBLIC -foptimize-sibling-calls)
  endif()
endfunction()

# asyncio_use_pch(target): compiles it with the library's precompiled header, where that is on.
function(asyncio_use_pch target)
  if(ASYNCIO_PCH)
    target_precompile_headers(${target} REUSE_FROM asyncio)
  endif()
endfunction()
