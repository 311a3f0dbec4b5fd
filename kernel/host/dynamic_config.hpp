#pragma once
// The files in which ZooKeeper keeps who is in the ensemble, once that can change while servers run
// (section G.6 of the reference):
//
//     zoo.cfg                       names the one in force, in dynamicConfigFile=
//     zoo.cfg.dynamic.<version>     server, group and weight lines; the version, hexadecimal,
//     stands in
//                                   the name and nowhere else
//     zoo.cfg.dynamic.next          one that was proposed and not yet committed, with a version=
//     line zoo.cfg.bak                   the zoo.cfg before it first named a dynamic file
//
// Writing goes through a FileSystem, so it can be a job of the disk and can be crashed under
// simulation. Whenever it is interrupted, zoo.cfg and what it names are whole: the old ones or the
// new ones.

#include "kernel/host/properties.hpp"

#include <vivarium/disk.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

struct Membership {
  std::uint64_t version = 0;
  std::vector<Property> lines;  ///< Of server.*, group.* and weight.*.
};

/// What a dynamic file's name says; nothing when it does not end in a hexadecimal number.
std::optional<std::uint64_t> version_in_name(std::string_view path);
/// Is it one of the keys that a dynamic file holds?
bool is_membership_key(std::string_view key);

/// Reads the file in force. As ZooKeeper, refuses a key that does not belong there, `version`
/// included.
Result<Membership> read_membership(const std::string& path);
/// Reads zoo.cfg.dynamic.next; nothing when there is none.
Result<std::optional<Membership>> read_proposed_membership(const std::string& zoo_cfg);

/// Keeps a membership that was proposed, durably. It is read back as such until another one is
/// activated.
Result<void> propose_membership(FileSystem& files, const std::string& zoo_cfg,
                                const Membership& membership);

/// Where clients are told to connect, after an activation.
enum class ClientPort : std::uint8_t {
  in_zoo_cfg,
  in_membership,  ///< It stands in this server's line; clientPort and clientPortAddress go.
};

/// Puts a membership in force, durably: writes its file, has zoo.cfg name it (server, group and
/// weight lines and peerType go from there; everything else stays as it is written), and forgets
/// the proposed one. `zoo_cfg` is an absolute path.
Result<void> activate_membership(FileSystem& files, const std::string& zoo_cfg,
                                 const Membership& membership, ClientPort client_port);

}  // namespace vivarium
