# How everything here is compiled.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
                                  ${CCACHE})
endif()

set(VIVARIUM_SANITIZE "" CACHE STRING "Sanitizers to build with: \"address,undefined\" or \"thread\"")
option(VIVARIUM_FUZZ "Build the fuzzers of tests/fuzz, and everything with what they need (clang)" OFF)

add_library(vivarium_flags INTERFACE)
target_compile_options(vivarium_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Werror $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
if(VIVARIUM_SANITIZE)
  add_compile_options(-fsanitize=${VIVARIUM_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc 12's object-size and overflow warnings give false alarms in instrumented code.
    add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow
                        -Wno-tsan)  # Asio's fences, which tsan does not model
  endif()
  add_link_options(-fsanitize=${VIVARIUM_SANITIZE})
endif()
if(VIVARIUM_FUZZ)
  # Coverage for libFuzzer in all code; its main only in the fuzzers themselves.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# vivarium_bugs(NAME WHICH DEFINITION SOURCE...): the plugin NAME built once more, with a definition by which old bugs
# can be put back, as lib/vivarium-bugs/NAME-WHICH.so. There no server finds it by itself. The sources are those in
# which the definition makes a difference, plugin.cpp among them; the others are taken from NAME_logic.
function(vivarium_bugs name which definition)
  set(target ${name}_${which})
  add_library(${target} MODULE ${ARGN})
  target_compile_definitions(${target} PRIVATE ${definition} VIVARIUM_BUGGY_NAME="${name}-${which}")
  target_link_libraries(${target} PRIVATE vivarium::sdk vivarium_flags
                        ${name}_logic)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name}-${which}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/vivarium-bugs)
endfunction()
