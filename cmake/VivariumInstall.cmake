# A tree that runs from any prefix: bin/vivarium finds its plugins in ../lib/vivarium. With it goes the
# SDK: headers, the static support library, the client, and the CMake package by which plugins and clients
# build out of tree.
include(CMakePackageConfigHelpers)

install(TARGETS vivarium RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
get_property(plugins GLOBAL PROPERTY VIVARIUM_PLUGINS)
install(TARGETS ${plugins} LIBRARY DESTINATION lib/vivarium)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/kernel/include/vivarium
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/generated/vivarium/sdk_hash.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vivarium)
install(FILES ${VIVARIUM_CLIENT_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vivarium/client)
install(TARGETS vivarium_sdk vivarium_client EXPORT vivariumTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT vivariumTargets NAMESPACE vivarium:: DESTINATION lib/cmake/vivarium)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/vivariumConfig.cmake.in
  ${CMAKE_BINARY_DIR}/vivariumConfig.cmake INSTALL_DESTINATION lib/cmake/vivarium)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/vivariumConfigVersion.cmake
  COMPATIBILITY ExactVersion)
install(FILES ${CMAKE_BINARY_DIR}/vivariumConfig.cmake
              ${CMAKE_BINARY_DIR}/vivariumConfigVersion.cmake
              ${CMAKE_SOURCE_DIR}/cmake/VivariumPlugin.cmake
              ${CMAKE_SOURCE_DIR}/cmake/plugin.exports
        DESTINATION lib/cmake/vivarium)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/scripts/policies DESTINATION share/vivarium OPTIONAL)
