# `cmake --install` and find_package(asyncio). Components of the package: asyncio::asyncio is always
# there; `find_package(asyncio COMPONENTS http)` adds asyncio::http and looks for what it links; `tls`
# and `testing` add asyncio::tls and asyncio::testing, `concurrent` asyncio::concurrent, for which it
# looks for cereal's headers.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/asyncio)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/asyncio DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT asyncio_library)
foreach(library asyncio asyncio_tls asyncio_http asyncio_concurrent asyncio_testing)
  string(REPLACE "asyncio_" "" name ${library})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS ${library} EXPORT ${name}-targets COMPONENT asyncio_library)
  install(EXPORT ${name}-targets NAMESPACE asyncio:: DESTINATION ${package_folder}
          COMPONENT asyncio_library)
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/asyncio-config.cmake.in
  ${PROJECT_BINARY_DIR}/asyncio-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/asyncio-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/asyncio-config.cmake
              ${PROJECT_BINARY_DIR}/asyncio-config-version.cmake
        DESTINATION ${package_folder} COMPONENT asyncio_library)
