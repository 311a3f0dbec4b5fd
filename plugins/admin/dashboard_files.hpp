#pragma once
// The files of the folder `dashboard`, as the build has put them into the plugin (embed.cmake).

#include <span>
#include <string_view>

namespace vivarium::admin {

struct DashboardFile {
  std::string_view name;  ///< "tree.js"
  std::string_view bytes;
};

std::span<const DashboardFile> dashboard_files();

}  // namespace vivarium::admin
