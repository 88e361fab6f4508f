# The project's checks of its own sources (tests/tidy), as tests beside the others.

file(GLOB tidy_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/tidy/*.cpp)
list(FILTER tidy_sources EXCLUDE REGEX "(_test|/tidy)\\.cpp$")
add_library(asyncio_tidy_checks OBJECT ${tidy_sources})
add_executable(asyncio_tidy ${PROJECT_SOURCE_DIR}/tests/tidy/tidy.cpp)
foreach(target asyncio_tidy_checks asyncio_tidy)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endforeach()
target_link_libraries(asyncio_tidy_checks PRIVATE asyncio_flags)
target_link_libraries(asyncio_tidy PRIVATE asyncio_tidy_checks asyncio_flags)

foreach(check conformance layers names paths real_time sizes snippets text)
  add_test(NAME tidy.${check} COMMAND asyncio_tidy ${check} ${PROJECT_SOURCE_DIR})
endforeach()

# The seam is checked on what the compiler made, so that no macro or inline function hides a call.
set(objects $<TARGET_OBJECTS:asyncio> $<TARGET_OBJECTS:asyncio_http>
            $<TARGET_OBJECTS:asyncio_concurrent> $<TARGET_OBJECTS:asyncio_testing>)
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/objects.txt
     CONTENT "$<JOIN:$<FILTER:${objects},EXCLUDE,[pg]ch$>,\n>\n")
add_test(NAME tidy.seam COMMAND asyncio_tidy seam ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/objects.txt)

# Every public header compiles alone: one source per header, which includes it and nothing else.
if(ASYNCIO_TIDY)
  file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR}/include CONFIGURE_DEPENDS
       ${PROJECT_SOURCE_DIR}/include/*.hpp)
  set(header_sources)
  foreach(header ${headers})
    if(header MATCHES "_impl\\.hpp$")
      continue()  # the second half of a header, included at its end
    endif()
    string(REGEX REPLACE "[/.]" "_" name ${header})
    set(source ${PROJECT_BINARY_DIR}/headers/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
    list(APPEND header_sources ${source})
  endforeach()
  if(header_sources)
    add_library(asyncio_headers OBJECT ${header_sources})
    target_link_libraries(asyncio_headers PRIVATE asyncio asyncio_concurrent asyncio_flags)
    target_compile_options(asyncio_headers PRIVATE -O0 -g0)
  endif()
  # The proof that such a source fails for a header that forgets an include.
  add_test(NAME tidy.headers_report_a_missing_include
           COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -fsyntax-only
                   ${PROJECT_SOURCE_DIR}/tests/tidy/not_self_contained.hpp)
  set_tests_properties(tidy.headers_report_a_missing_include PROPERTIES WILL_FAIL TRUE)
endif()
