# cmake -DOUTPUT=... -DFILES="a;b" -P embed.cmake: writes the C++ source that has the files' bytes.
set(arrays "")
set(rows "")
set(number 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char kFile${number}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${name}\", {kFile${number}, sizeof kFile${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Written by embed.cmake.
#include \"dashboard_files.hpp\"

namespace vivarium::admin {
namespace {

${arrays}
constexpr DashboardFile kFiles[] = {
${rows}};

}  // namespace

std::span<const DashboardFile> dashboard_files() { return kFiles; }

}  // namespace vivarium::admin
")
