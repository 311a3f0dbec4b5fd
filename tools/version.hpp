#pragma once

#include <string>

namespace vivarium::tools {

/// "0.1.0"
std::string version();

/// What `srvr`, `envi` and `mntr` show: the ZooKeeper release whose features a client may expect, then
/// ours, in the one form that clients parse: "3.9.5-vivarium-0.1.0, built on 09/04/2020 12:44 GMT".
std::string zookeeper_version_line();

}  // namespace vivarium::tools
