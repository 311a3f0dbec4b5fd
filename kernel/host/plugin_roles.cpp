#include "kernel/host/plugin_roles.hpp"

#include <algorithm>

#include <vivarium/assert.hpp>

namespace vivarium {
namespace {

constexpr PluginRole kRoles[] = {
    {"transport.client", "vivarium.transport.client", InterfaceKind::transport, "tcp", "tcp", false,
     "how clients reach clientPort"},
    {"transport.secure", "vivarium.transport.secure", InterfaceKind::transport, "tls", "tls", false,
     "how clients reach secureClientPort"},
    {"transport.election", "vivarium.transport.election", InterfaceKind::transport, "", "tcp", false,
     "how servers reach each other to elect a leader"},
    {"transport.quorum", "vivarium.transport.quorum", InterfaceKind::transport, "", "tcp", false,
     "how servers reach their leader"},
    {"transport.service", "vivarium.transport.service", InterfaceKind::transport, "tcp", "tcp", false,
     "how services are reached"},
    {"storage", "vivarium.storage", InterfaceKind::log_store, "file", "file", false,
     "where the history is kept"},
    {"auth", "vivarium.authenticators", InterfaceKind::authenticator, "digest,ip", "digest,ip", true,
     "the schemes by which clients are known"},
    {"acl", "vivarium.acl", InterfaceKind::acl_policy, "", "", false,
     "who is asked before the ACL of a znode; none unless set"},
    {"election", "vivarium.election", InterfaceKind::election, "", "zab", false,
     "who advises which server should lead"},
    {"broadcast", "vivarium.broadcast", InterfaceKind::broadcast, "standalone", "zab", false,
     "how writes are put into one order"},
    {"service", "vivarium.services", InterfaceKind::service, "", "", true,
     "what else runs in the server"},
};

constexpr JavaClass kJavaClasses[] = {
    {"org.apache.zookeeper.server.auth.DigestAuthenticationProvider", "digest", ""},
    {"org.apache.zookeeper.server.auth.IPAuthenticationProvider", "ip", ""},
    {"org.apache.zookeeper.server.auth.SASLAuthenticationProvider", "",
     "SASL is not offered: clients that try it are refused, others are served as ZooKeeper would"},
    {"org.apache.zookeeper.server.auth.X509AuthenticationProvider", "",
     "a client's certificate is verified, and gives it no identity of the scheme x509"},
    {"org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider", "",
     "the scheme ensemble is not offered: clients that use it are refused"},
};

}  // namespace

std::span<const PluginRole> plugin_roles() { return kRoles; }

const PluginRole& plugin_role(std::string_view name) {
  const auto found = std::find_if(std::begin(kRoles), std::end(kRoles),
                                  [&](const PluginRole& role) { return name == role.name; });
  VIVARIUM_ASSERT(found != std::end(kRoles), name);
  return *found;
}

const JavaClass* find_java_class(std::string_view name) {
  const auto found = std::find_if(std::begin(kJavaClasses), std::end(kJavaClasses),
                                  [&](const JavaClass& known) { return known.name == name; });
  return found == std::end(kJavaClasses) ? nullptr : &*found;
}

std::string_view name_of(InterfaceKind kind) {
  switch (kind) {
    case InterfaceKind::transport: return "Transport";
    case InterfaceKind::log_store: return "LogStore";
    case InterfaceKind::election: return "Election";
    case InterfaceKind::broadcast: return "Broadcast";
    case InterfaceKind::authenticator: return "Authenticator";
    case InterfaceKind::acl_policy: return "AclPolicy";
    case InterfaceKind::service: return "Service";
  }
  return "unknown";
}

}  // namespace vivarium
