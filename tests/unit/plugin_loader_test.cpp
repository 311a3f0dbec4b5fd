#include "kernel/host/plugin_loader.hpp"

#include "tests/support/fake_host.hpp"
#include "tests/support/temporary_directory.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include <catch2/catch.hpp>

#include <vivarium/authenticator.hpp>

#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

const std::string kModules = VIVARIUM_MUTILATED_DIRECTORY;

std::string module(const std::string& name) { return kModules + "/" + name + ".so"; }

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The plugin is in a directory of its own, which goes with this object.
class Files {
 public:
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string copy_of(const std::string& name) const {
    fs::copy_file(module(name), path(name + ".so"));
    return path(name + ".so");
  }
  /// A copy of the whole plugin with other bytes.
  std::string damaged(const std::function<void(std::string&)>& damage) const {
    std::string bytes = read(module("whole"));
    damage(bytes);
    write(path("damaged.so"), bytes);
    return path("damaged.so");
  }
  const std::string& directory() const { return directory_.path(); }

 private:
  test::TemporaryDirectory directory_;
};

/// Where the descriptor stands in a library. Its magic alone also occurs in mangled names.
std::size_t descriptor_in(const std::string& bytes) {
  const struct {
    std::uint64_t magic = kPluginMagic;
    std::uint32_t size = sizeof(PluginDescriptor);
  } begin;
  char pattern[sizeof begin.magic + sizeof begin.size];
  std::memcpy(pattern, &begin, sizeof pattern);
  const std::size_t at = bytes.find(std::string_view(pattern, sizeof pattern));
  REQUIRE(at != std::string::npos);
  return at;
}

std::string refusal_of(const std::string& file) {
  PluginCatalogue catalogue(PermissionRule::refuse);
  const auto added = catalogue.add_file(file);
  REQUIRE_FALSE(added.has_value());
  CHECK(catalogue.offers().empty());
  CHECK_THAT(added.error().what, StartsWith("plugin " + file));
  return added.error().what.substr(std::strlen("plugin ") + file.size() + 1);
}

std::string failure_to_create(const std::string& name,
                              InterfaceKind kind = InterfaceKind::authenticator) {
  PluginCatalogue catalogue(PermissionRule::refuse);
  REQUIRE(catalogue.add_file(module(name)).has_value());
  test::FakeHost host;
  const auto created = create_plugin(*catalogue.find(kind, "sample").value(), host);
  REQUIRE_FALSE(created.has_value());
  return created.error().what;
}

}  // namespace

TEST_CASE("a whole plugin is found by kind and name, and made") {
  PluginCatalogue catalogue(PermissionRule::refuse);
  REQUIRE(catalogue.add_file(module("whole")).has_value());
  const auto offer = catalogue.find(InterfaceKind::authenticator, "sample");
  REQUIRE(offer.has_value());
  CHECK((*offer)->interface->option_count == 3);

  test::FakeHost host;
  const auto created = create_plugin(**offer, host);
  REQUIRE(created.has_value());
  CHECK(dynamic_cast<Authenticator&>(*created->plugin).scheme() == "sample");
}

TEST_CASE("a plugin lives on in its module after the catalogue is gone") {
  test::FakeHost host;
  const Module kept = [&] {
    PluginCatalogue catalogue(PermissionRule::refuse);
    REQUIRE(catalogue.add_file(module("whole")).has_value());
    return create_plugin(catalogue.offers().front(), host).value();
  }();
  CHECK(dynamic_cast<Authenticator&>(*kept.plugin).scheme() == "sample");
}

// --- mutilated descriptors ------------------------------------------------------------------------

TEST_CASE("a wrong magic is refused") {
  const Files files;
  CHECK_THAT(refusal_of(files.damaged([](std::string& bytes) { bytes[descriptor_in(bytes)] ^= 1; })),
             Contains("has a descriptor with the magic 0x316d756972617668; want 0x316d756972617669; "
                      "build the plugin against this server's SDK"));
}

TEST_CASE("a wrong size is refused") {
  const Files files;
  const std::string file = files.damaged([](std::string& bytes) {
    bytes[descriptor_in(bytes) + offsetof(PluginDescriptor, size)] = 16;
  });
  CHECK(refusal_of(file) == "has a descriptor of 16 bytes; want " +
                                std::to_string(sizeof(PluginDescriptor)) +
                                "; build the plugin against this server's SDK");
}

TEST_CASE("a wrong ABI tag is refused, and what differs is named") {
  const Files files;
  const std::string file = files.damaged([](std::string& bytes) {
    const std::size_t tag = descriptor_in(bytes) + offsetof(PluginDescriptor, abi_tag);
    const std::size_t boost = bytes.find("boost=", tag);
    REQUIRE(boost < tag + sizeof(PluginDescriptor::abi_tag));
    bytes[boost + 6] = '9';
  });
  CHECK(refusal_of(file) == "was built otherwise (boost=9_81 instead of boost=1_81); build the plugin "
                            "against this server's SDK");
}

TEST_CASE("an ABI tag without an end is refused") {
  const Files files;
  const std::string file = files.damaged([](std::string& bytes) {
    const std::size_t tag = descriptor_in(bytes) + offsetof(PluginDescriptor, abi_tag);
    bytes.replace(tag, sizeof(PluginDescriptor::abi_tag), sizeof(PluginDescriptor::abi_tag), 'x');
  });
  CHECK_THAT(refusal_of(file), Contains("was built otherwise (xxxx"));
}

TEST_CASE("a wrong revision is refused") {
  CHECK(refusal_of(module("wrong_revision")) ==
        "serves Authenticator \"sample\" in revision 2; want revision 1; build the plugin against this "
        "server's SDK");
}

TEST_CASE("an unknown kind is refused") {
  CHECK(refusal_of(module("unknown_kind")) ==
        "serves an interface of unknown kind 99; want 1 to 7; build the plugin against this server's "
        "SDK");
}

TEST_CASE("a plugin without interfaces is refused") {
  CHECK(refusal_of(module("no_interfaces")) ==
        "serves no interface; want at least one in the table of its plugin.cpp");
}

TEST_CASE("an interface without a factory is refused") {
  CHECK_THAT(refusal_of(module("no_factory")),
             StartsWith("serves Authenticator \"sample\" without a factory"));
}

TEST_CASE("an interface without a name is refused") {
  CHECK_THAT(refusal_of(module("no_name")), StartsWith("serves a Authenticator without a name"));
}

TEST_CASE("an interface that comes twice in a plugin is refused") {
  CHECK_THAT(refusal_of(module("same_name_twice")),
             StartsWith("serves Authenticator \"sample\" twice"));
}

TEST_CASE("an option table with a null text is refused") {
  CHECK_THAT(refusal_of(module("null_option_text")),
             StartsWith("declares an option with a null or empty text"));
}

// --- mutilated files ------------------------------------------------------------------------------

TEST_CASE("a file that is no shared library is refused") {
  const Files files;
  write(files.path("text.so"), "#!/bin/sh\necho hello\n");
  CHECK_THAT(refusal_of(files.path("text.so")),
             StartsWith("is not a shared library (no ELF magic at its start)"));
  write(files.path("empty.so"), "");
  CHECK_THAT(refusal_of(files.path("empty.so")), StartsWith("is not a shared library"));
}

TEST_CASE("a truncated file is refused, wherever it was cut") {
  const Files files;
  const std::string whole = read(module("whole"));
  for (std::size_t size = 4; size < whole.size(); size += whole.size() / 40) {
    write(files.path("cut.so"), whole.substr(0, size));
    const std::string refusal = refusal_of(files.path("cut.so"));
    CHECK_THAT(refusal, size < 64 ? StartsWith("ends within its ELF header")
                                  : StartsWith("is truncated (it has " + std::to_string(size)));
  }
}

TEST_CASE("a library for another machine is refused") {
  const Files files;
  const std::string file = files.damaged([](std::string& bytes) { bytes[18] ^= 0x55; });
  CHECK_THAT(refusal_of(file), StartsWith("is for another kind of machine"));
}

TEST_CASE("a library that is no plugin is refused before it is opened") {
  CHECK(refusal_of(module("no_symbol")) ==
        "exports no symbol vivarium_plugin; want one, by VIVARIUM_PLUGIN in its plugin.cpp");
}

TEST_CASE("a missing file is refused") {
  PluginCatalogue catalogue(PermissionRule::refuse);
  const auto added = catalogue.add("/nowhere/plugin.so");
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().what == "plugin /nowhere/plugin.so cannot be read (No such file or directory)");
}

// --- factories ------------------------------------------------------------------------------------

TEST_CASE("a factory that throws is refused with what it said") {
  CHECK(failure_to_create("throwing_factory") ==
        "plugin " + module("throwing_factory") +
            " could not create Authenticator \"sample\": the stars are wrong");
}

TEST_CASE("a factory that throws no exception object is refused") {
  CHECK_THAT(failure_to_create("throwing_number"), Contains("an exception of unknown type"));
}

TEST_CASE("a factory that returns null is refused") {
  CHECK_THAT(failure_to_create("null_factory"), Contains("its factory returned null"));
}

TEST_CASE("an object of another kind than its table says is refused") {
  CHECK_THAT(failure_to_create("wrong_kind", InterfaceKind::transport),
             Contains("created something else than Transport \"sample\"; want an object of that "
                      "interface"));
}

// --- directories ----------------------------------------------------------------------------------

TEST_CASE("a refused file in a directory hides no other") {
  const Files files;
  files.copy_of("whole");
  files.copy_of("unknown_kind");
  write(files.path("notes.txt"), "not looked at");
  PluginCatalogue catalogue(PermissionRule::refuse);
  REQUIRE(catalogue.add(files.directory()).has_value());
  CHECK(catalogue.offers().size() == 1);
  REQUIRE(catalogue.refusals().size() == 1);
  CHECK_THAT(catalogue.refusals()[0], Contains("unknown_kind.so serves an interface of unknown kind"));
}

TEST_CASE("a missing plugin directory is an error that names the cure") {
  PluginCatalogue catalogue(PermissionRule::refuse);
  const auto added = catalogue.add_directory("/nowhere");
  REQUIRE_FALSE(added.has_value());
  CHECK_THAT(added.error().what, StartsWith("the plugin directory /nowhere cannot be read (No such") &&
                                     Contains("vivarium.plugins"));
}

TEST_CASE("what is missing is told with what there is") {
  PluginCatalogue catalogue(PermissionRule::refuse);
  REQUIRE(catalogue.add_file(module("whole")).has_value());
  CHECK(catalogue.find(InterfaceKind::transport, "sample").error().what ==
        "no plugin offers a Transport \"sample\"; there is Authenticator \"sample\" of whole.so");
  CHECK(catalogue.find(InterfaceKind::authenticator, "simple").error().what ==
        "no plugin offers a Authenticator \"simple\"; there is Authenticator \"sample\" of whole.so");
  CHECK(catalogue.find(InterfaceKind::log_store, "x").error().what ==
        "no plugin offers a LogStore \"x\"; there is none of that kind");
}

TEST_CASE("two libraries that offer the same are an error once it is asked for") {
  const Files files;
  PluginCatalogue catalogue(PermissionRule::refuse);
  REQUIRE(catalogue.add_file(module("whole")).has_value());
  REQUIRE(catalogue.add_file(files.copy_of("whole")).has_value());
  const auto found = catalogue.find(InterfaceKind::authenticator, "sample");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().what == "both " + module("whole") + " and " + files.path("whole.so") +
                                  " offer the Authenticator \"sample\"; remove one, or rename it");
}

TEST_CASE("a file is taken once, under whatever name") {
  const Files files;
  fs::create_symlink(module("whole"), files.path("link.so"));
  PluginCatalogue catalogue(PermissionRule::refuse);
  REQUIRE(catalogue.add_file(module("whole")).has_value());
  const auto again = catalogue.add_file(files.path("link.so"));
  REQUIRE_FALSE(again.has_value());
  CHECK_THAT(again.error().what, Contains("was named twice"));
}

// --- permissions ----------------------------------------------------------------------------------

TEST_CASE("a plugin that others may write is refused") {
  const Files files;
  const std::string file = files.copy_of("whole");
  for (const mode_t mode : {0664, 0646, 0777}) {
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    CHECK_THAT(refusal_of(file), StartsWith("may be written by others") &&
                                     Contains("chmod go-w " + file) &&
                                     Contains("vivarium.permissions=warn"));
  }
}

TEST_CASE("a plugin in a directory that others may write is refused") {
  const Files files;
  fs::create_directory(files.path("inner"));
  fs::copy_file(module("whole"), files.path("inner/whole.so"));
  REQUIRE(::chmod(files.path("inner").c_str(), 0775) == 0);
  PluginCatalogue catalogue(PermissionRule::refuse);
  const auto added = catalogue.add_file(files.path("inner/whole.so"));
  REQUIRE_FALSE(added.has_value());
  CHECK_THAT(added.error().what,
             Contains("whole.so: " + files.path("inner") + " may be written by others (mode 775)"));
}

TEST_CASE("a symbolic link is judged by what it leads to") {
  const Files files;
  const std::string file = files.copy_of("whole");
  REQUIRE(::chmod(file.c_str(), 0666) == 0);
  fs::create_symlink(file, files.path("link.so"));
  PluginCatalogue catalogue(PermissionRule::refuse);
  CHECK_FALSE(catalogue.add_file(files.path("link.so")).has_value());
}

TEST_CASE("the rule can be relaxed to a warning") {
  const Files files;
  const std::string file = files.copy_of("whole");
  REQUIRE(::chmod(file.c_str(), 0666) == 0);
  PluginCatalogue catalogue(PermissionRule::warn);
  CHECK(catalogue.add_file(file).has_value());
  REQUIRE(catalogue.warnings().size() == 1);
  CHECK_THAT(catalogue.warnings()[0], Contains("may be written by others"));
}

TEST_CASE("a plugin of another user is refused") {
  if (::geteuid() != 0) return;  // Only root can give files away.
  const Files files;
  const std::string file = files.copy_of("whole");
  REQUIRE(::chown(file.c_str(), 12345, 0) == 0);
  CHECK_THAT(refusal_of(file), StartsWith("belongs to user 12345"));
}

}  // namespace vivarium
