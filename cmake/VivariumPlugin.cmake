# vivarium_plugin(NAME [LINK lib...]): a plugin from the sources beside the calling CMakeLists.txt.
#
# All sources but plugin.cpp become the static library NAME_logic, which tests link; plugin.cpp, with the
# descriptor alone, is added to it to make lib/vivarium/NAME.so, which exports that one symbol.
# Works in this build and, through the installed package, out of tree.
set(VIVARIUM_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/plugin.exports)

function(vivarium_plugin name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  string(REPLACE "-" "_" target ${name})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/plugin.cpp)

  add_library(${target}_logic STATIC ${sources})
  target_include_directories(${target}_logic PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target}_logic PUBLIC vivarium::sdk ${arg_LINK})
  # As in this build, so that it also holds out of tree.
  set_target_properties(${target}_logic PROPERTIES POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target}_logic PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  if(TARGET vivarium_flags)
    target_link_libraries(${target}_logic PRIVATE vivarium_flags)
  endif()

  add_library(${target}_plugin MODULE plugin.cpp)
  set_target_properties(${target}_plugin PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/vivarium)
  target_compile_options(${target}_plugin PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_libraries(${target}_plugin PRIVATE ${target}_logic)
  target_link_options(${target}_plugin PRIVATE -Wl,--version-script=${VIVARIUM_EXPORTS})
  if(NOT VIVARIUM_SANITIZE)
    target_link_options(${target}_plugin PRIVATE -Wl,--no-undefined)
  endif()
  set_property(TARGET ${target}_plugin APPEND PROPERTY LINK_DEPENDS ${VIVARIUM_EXPORTS})
  set_property(GLOBAL APPEND PROPERTY VIVARIUM_PLUGINS ${target}_plugin)
  set_property(GLOBAL APPEND PROPERTY VIVARIUM_LOGIC ${target}_logic)
endfunction()
