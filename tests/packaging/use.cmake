# Configures, builds and runs tests/packaging/${WAY}; after an installation, for find_package. The
# folder is kept, so that only the first time is slow.
set(folder ${BUILD}/packaging/${WAY})
if(WAY STREQUAL "find_package")
  file(REMOVE_RECURSE ${folder})
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/prefix
                          --component asyncio_library
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endif()
execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE}/tests/packaging/${WAY} -B ${folder}/build -G ${GENERATOR}
          -D CMAKE_CXX_COMPILER=${COMPILER} -D "CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
          -D CMAKE_PREFIX_PATH=${folder}/prefix
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${folder}/build --target program
                COMMAND_ERROR_IS_FATAL ANY)
function(expect_output program expected)
  execute_process(COMMAND ${folder}/build/${program} OUTPUT_VARIABLE printed
                  COMMAND_ERROR_IS_FATAL ANY)
  if(NOT printed STREQUAL "${expected}\n")
    message(FATAL_ERROR "${program} printed '${printed}'")
  endif()
endfunction()

expect_output(program hello)
if(WAY STREQUAL "find_package")
  foreach(component tls http concurrent testing)
    expect_output(uses_${component} ${component})
  endforeach()
endif()
