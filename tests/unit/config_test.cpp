#include "kernel/host/config.hpp"

#include "kernel/host/nearest.hpp"
#include "kernel/host/plan.hpp"
#include "kernel/host/zookeeper_keys.hpp"
#include "tests/support/temporary_directory.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <catch2/catch.hpp>

#include <sys/stat.h>

namespace vivarium {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

// --- fixtures -------------------------------------------------------------------------------------

/// The keys and values of a text, in their order: "a=b|c=d".
std::string parsed(std::string_view text) {
  std::string all;
  for (const Property& property : parse_properties(text, "f").value())
    all += (all.empty() ? "" : "|") + property.key + "=" + property.value;
  return all;
}

/// A config of these lines, which need no dataDir and clientPort when those are not the point.
class Reading {
 public:
  explicit Reading(const std::string& lines, std::vector<std::string> overrides = {})
      : Reading("dataDir=/nowhere/data\nclientPort=2181\n", lines, std::move(overrides)) {}
  static Reading exactly(const std::string& lines) { return Reading("", lines, {}); }

  /// The errors, and the warnings, without the path of the file's folder. Lines count from `lines`.
  std::vector<std::string> errors() const { return shown(findings_.errors); }
  std::vector<std::string> warnings() const { return shown(findings_.warnings); }
  bool clean() const { return findings_.errors.empty() && findings_.warnings.empty(); }

  std::string folder() const { return directory_->path(); }
  std::string file() const { return folder() + "/zoo.cfg"; }
  const ServerConfig& operator*() const { return *config_; }
  const ServerConfig* operator->() const { return &*config_; }

 private:
  Reading(const std::string& before, const std::string& lines, std::vector<std::string> overrides) {
    // The lines of a test come first, so that their numbers are theirs.
    std::ofstream(file()) << lines << (lines.ends_with("\n") ? "" : "\n") << before;
    config_ = ServerConfig::read(file(), overrides, findings_);
  }
  std::vector<std::string> shown(std::vector<std::string> sentences) const {
    for (std::string& sentence : sentences)
      for (std::size_t at; (at = sentence.find(folder() + "/")) != sentence.npos;)
        sentence.erase(at, folder().size() + 1);
    return sentences;
  }

  std::unique_ptr<test::TemporaryDirectory> directory_ =
      std::make_unique<test::TemporaryDirectory>();
  Findings findings_;
  std::optional<ServerConfig> config_;
};

using Sentences = std::vector<std::string>;

std::string only(const Sentences& sentences) {
  REQUIRE(sentences.size() == 1);
  return sentences.front();
}

// --- what a plan needs: offers without libraries --------------------------------------------------

constexpr OptionSpec kSecureOptions[] = {
    {"certificate", OptionType::path, "", 0, -1, "", "", false, false, true},
    {"ca", OptionType::path, "", 0, -1, "", "", false, false, true},
    {"client_auth", OptionType::text, "need", 0, -1, "", "", false, false, true},
    {"min_version", OptionType::text, "TLSv1.2", 0, -1, "", "", false, false, true},
    {"deadline", OptionType::duration, "10s", 100, 60000, "ms", "", false, false, false},
    {"buffer", OptionType::bytes, "64K", 1024, 1 << 20, "bytes", "", false, false, false},
    {"password", OptionType::integer, "", 0, 9, "", "A number.", false, true, false},
};
constexpr OptionSpec kWrapperOptions[] = {
    {"inner", OptionType::text, "", 0, -1, "", "What is wrapped.", false, false, false}};
constexpr OptionSpec kPolicyOptions[] = {
    {"script", OptionType::path, "", 0, -1, "", "The policy's file.", true, false, true}};

/// Stands in for the loader: what a plan looks at, without code.
class Offers {
 public:
  Offers() {
    add(InterfaceKind::transport, "tcp", {});
    add(InterfaceKind::transport, "tls", kSecureOptions);
    add(InterfaceKind::log_store, "file", {});
    add(InterfaceKind::log_store, "outer", kWrapperOptions);
    add(InterfaceKind::authenticator, "digest", {});
    add(InterfaceKind::authenticator, "ip", {});
    add(InterfaceKind::broadcast, "standalone", {});
    add(InterfaceKind::acl_policy, "rules", kPolicyOptions);
  }

  struct Planned {
    Plan plan;
    Findings findings;
  };
  Planned plan(const ServerConfig& config) const {
    Planned planned;
    planned.plan = make_plan(config, catalogue_, planned.findings);
    return planned;
  }

 private:
  void add(InterfaceKind kind, const char* name, std::span<const OptionSpec> options) {
    auto& interface = interfaces_.emplace_back(std::make_unique<PluginInterface>());
    *interface = {kind, 1, name, nullptr, options.data(), options.size()};
    catalogue_.add_offer({std::string(name) + ".so", nullptr, nullptr, interface.get()});
  }

  std::vector<std::unique_ptr<PluginInterface>> interfaces_;
  PluginCatalogue catalogue_{PermissionRule::refuse};
};

const PlannedPlugin* find(const Plan& plan, std::string_view component) {
  for (const PlannedPlugin& planned : plan.plugins)
    if (planned.component() == component) return &planned;
  return nullptr;
}

}  // namespace

// --- Java's properties syntax ---------------------------------------------------------------------

TEST_CASE("properties are separated by =, : or blanks") {
  CHECK(parsed("a=b\nc:d\ne f\ng\th\n") == "a=b|c=d|e=f|g=h");
  CHECK(parsed("a = b\nc : d\ne  =f\n") == "a=b|c=d|e=f");
  CHECK(parsed("a==b\nc=d=e\nf:=g\nh = = i\n") == "a==b|c=d=e|f==g|h== i");
}

TEST_CASE("properties may have no value, or an empty one") {
  CHECK(parsed("a\nb=\nc:\n d \n") == "a=|b=|c=|d=");
}

TEST_CASE("comments begin with # or ! and are not continued") {
  CHECK(parsed("# a=1 \\\nb=2\n  ! c=3\nd=4#5\n") == "b=2|d=4#5");
}

TEST_CASE("lines end with LF, CR or both") {
  CHECK(parsed("a=1\r\nb=2\rc=3\n\r\n\nd=4") == "a=1|b=2|c=3|d=4");
}

TEST_CASE("a backslash at the end continues the line, whose leading blanks go") {
  CHECK(parsed("a=b,\\\n    c,\\\r\n  d\ne=f\n") == "a=b,c,d|e=f");
  CHECK(parsed("a=b\\\\\nc=d\n") == "a=b\\|c=d");
  CHECK(parsed("a=b\\\\\\\nc\n") == "a=b\\c");
  CHECK(parsed("a=b\\\n# no comment\n") == "a=b# no comment");
  CHECK(parsed("a=b\\\n\nc=d\n") == "a=b|c=d");
  CHECK(parsed("a=b\\") == "a=b");
}

TEST_CASE("escapes stand for characters, in keys too") {
  CHECK(parsed("a\\ b\\=c\\:d=e\n") == "a b=c:d=e");
  CHECK(parsed("a=x\\ty\\nz\\qw\n") == "a=x\ty\nzqw");
  CHECK(parsed("a=C:\\data\n") == "a=C:data");
  CHECK(parsed("a=\\u0041\\u00e4\\u20AC\n") == "a=A\xc3\xa4\xe2\x82\xac");
  CHECK(parsed("a=\\ud83d\\ude00\n") == "a=\xf0\x9f\x98\x80");
  CHECK(parsed("a=\\ud83dx\\ude00\n") == "a=\xef\xbf\xbdx\xef\xbf\xbd");
}

TEST_CASE("a malformed \\u is refused with its line") {
  const auto read = parse_properties("a=1\nb=\\u12\n", "zoo.cfg");
  REQUIRE_FALSE(read.has_value());
  CHECK_THAT(read.error().what, StartsWith("zoo.cfg:2: found \\u without four hexadecimal digits"));
}

TEST_CASE("values are trimmed as ZooKeeper trims them") {
  CHECK(parsed("a=  b \t \nc = \\t d\\t\n") == "a=b|c=d");
}

TEST_CASE("each property knows the line where it begins") {
  const auto properties = parse_properties("\n# x\na=1\\\n2\nb=3\n", "zoo.cfg").value();
  REQUIRE(properties.size() == 2);
  CHECK(properties[0].origin == "zoo.cfg:3");
  CHECK(properties[1].origin == "zoo.cfg:5");
}

// --- names ----------------------------------------------------------------------------------------

TEST_CASE("the distance of two names counts swaps as one") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("storage", "storage") == 0);
  CHECK(edit_distance("stroage", "storage") == 1);
  CHECK(edit_distance("storag", "storage") == 1);
  CHECK(edit_distance("tickTime", "ticktime") == 1);
}

TEST_CASE("nothing is near to a name that looks like none") {
  const std::vector<std::string> names{"tickTime", "dataDir"};
  CHECK(nearest("tikTime", names) == "tickTime");
  CHECK(nearest("zzzzzz", names) == "");
}

// --- a plain zoo.cfg ------------------------------------------------------------------------------

TEST_CASE("Debian's zoo.cfg is read without a word") {
  const auto config = Reading::exactly("tickTime=2000\ninitLimit=10\nsyncLimit=5\n"
                                       "dataDir=/nowhere/zookeeper\nclientPort=2181\n");
  CHECK(config.errors() == Sentences{});
  CHECK(config.warnings() == Sentences{});
  CHECK(config->values().integer("tickTime") == 2000);
  CHECK(config->client_address()->port == 2181);
  CHECK(config->client_address()->host == "");
  CHECK_FALSE(config->secure_address().has_value());
  CHECK(config->setting("dataLogDir") == "/nowhere/zookeeper");
  CHECK(config->setting("minSessionTimeout") == "4000");
  CHECK(config->setting("maxSessionTimeout") == "40000");
}

TEST_CASE("what the file is silent about has ZooKeeper's default") {
  const Reading config("");
  CHECK(config->values().integer("tickTime") == 3000);
  CHECK(config->values().integer("maxClientCnxns") == 60);
  CHECK(config->values().integer("jute.maxbuffer") == 1048575);
  CHECK(config->values().integer("znode.container.checkIntervalMs") == 60000);
  CHECK(config->values().boolean("digest.enabled"));
  CHECK_FALSE(config->values().boolean("extendedTypesEnabled"));
  CHECK(config->values().text("skipACL") == "no");
  CHECK_FALSE(config->values().has("snapCount"));
  CHECK(config->setting("preAllocSize") == "65536");
  CHECK(config->setting("DigestAuthenticationProvider.digestAlg") == "SHA1");
  CHECK(config->setting("DigestAuthenticationProvider.superDigest") == "");
  CHECK(config->setting("no.such.key") == "");
}

TEST_CASE("system properties are keys, with and without their prefix") {
  const Reading config("zookeeper.extendedTypesEnabled=true\njute.maxbuffer=0x100000\n"
                       "zookeeper.DigestAuthenticationProvider.superDigest=super:x\n");
  CHECK(config.clean());
  CHECK(config->values().boolean("extendedTypesEnabled"));
  CHECK(config->values().integer("jute.maxbuffer") == 0x100000);
  CHECK(config->setting("DigestAuthenticationProvider.superDigest") == "super:x");
  CHECK(config->setting("zookeeper.DigestAuthenticationProvider.superDigest") == "super:x");
}

TEST_CASE("the last of several lines for a key counts, and is told") {
  const Reading config("tickTime=1000\nzookeeper.tickTime=2000\n");
  CHECK(config->values().integer("tickTime") == 2000);
  CHECK(config.warnings() ==
        Sentences{"zoo.cfg:2: zookeeper.tickTime replaces the value given at zoo.cfg:1"});
}

TEST_CASE("--set wins over the file, without a word") {
  const Reading config("tickTime=1000\n", {"tickTime=500", " maxCnxns = 7 "});
  CHECK(config.clean());
  CHECK(config->values().integer("tickTime") == 500);
  CHECK(config->values().integer("maxCnxns") == 7);
  CHECK(config->values().origin("tickTime") == "--set");
  CHECK(config->values().origin("maxClientCnxns") == "default");
}

TEST_CASE("--set without = is refused") {
  CHECK(Reading("", {"tickTime"}).errors() == Sentences{"--set tickTime: want key=value"});
}

TEST_CASE("a file that cannot be read is one error") {
  Findings findings;
  ServerConfig::read("/nowhere/zoo.cfg", {}, findings);
  CHECK(only(findings.errors) ==
        "/nowhere/zoo.cfg cannot be read (No such file or directory); name a configuration file such "
        "as zoo.cfg");
  Findings of_directory;
  ServerConfig::read("/", {}, of_directory);
  CHECK_THAT(only(of_directory.errors), StartsWith("/ cannot be read (Is a directory)"));
}

// --- values ---------------------------------------------------------------------------------------

TEST_CASE("malformed and missing values are errors with file, line and cure") {
  CHECK(Reading("tickTime=2s\n").errors() ==
        Sentences{"zoo.cfg:1: tickTime=2s is malformed; want an integer from 1 to 100000000 (ms)"});
  CHECK(Reading("\nmaxClientCnxns=-2\n").errors() ==
        Sentences{"zoo.cfg:2: maxClientCnxns=-2 is out of range; want an integer from 0 to 2147483647 "
                  "(connections)"});
  CHECK(Reading("jute.maxbuffer=104857601\n").errors() ==
        Sentences{"zoo.cfg:1: jute.maxbuffer=104857601 is out of range; want an integer from 1024 to "
                  "104857600 (bytes)"});
  CHECK(Reading("enforceQuota=yes\n").errors() ==
        Sentences{"zoo.cfg:1: enforceQuota=yes is neither true nor false; write one of them"});
  CHECK(Reading("skipACL=true\n").errors() ==
        Sentences{"zoo.cfg:1: skipACL=true is unknown; want yes or no"});
  CHECK(Reading("forceSync=false\n").errors() ==
        Sentences{"zoo.cfg:1: forceSync=false is unknown; want yes or no"});
  CHECK(Reading("vivarium.log.level=loud\n").errors() ==
        Sentences{"zoo.cfg:1: vivarium.log.level=loud is unknown; want debug or info or warn or "
                  "error"});
  CHECK(Reading::exactly("clientPort=1\n").errors() ==
        Sentences{"zoo.cfg: dataDir is missing: where snapshots, and logs unless dataLogDir is set, "
                  "are kept"});
}

TEST_CASE("all errors of a file are found at once") {
  CHECK(Reading("tickTime=x\nmaxCnxns=y\nclientPortAddress=::1\nsslQuorum=true\n").errors().size() ==
        3);
}

TEST_CASE("session time-outs follow from tickTime unless they are given") {
  const Reading config("tickTime=1000\nminSessionTimeout=-1\nmaxSessionTimeout=90000\n");
  CHECK(config.clean());
  CHECK(config->setting("minSessionTimeout") == "2000");
  CHECK(config->setting("maxSessionTimeout") == "90000");
  CHECK(Reading("minSessionTimeout=70000\n").errors() ==
        Sentences{"zoo.cfg:1: minSessionTimeout is 70000 ms, above the maxSessionTimeout of 60000 ms; "
                  "the defaults are 2 and 20 times tickTime"});
}

TEST_CASE("a client port may be free to choose, and bound to an address") {
  const auto config = Reading::exactly("dataDir=/nowhere\nclientPort=auto\nclientPortAddress=[::1]\n"
                                       "secureClientPort=2281\n");
  CHECK(config.errors() == Sentences{});
  CHECK(config->client_address()->port == 0);
  CHECK(config->client_address()->host == "::1");
  CHECK(config->secure_address()->port == 2281);
}

TEST_CASE("a server that nobody could reach is refused") {
  CHECK_THAT(only(Reading::exactly("dataDir=/nowhere\n").errors()),
             StartsWith("zoo.cfg: there is no clientPort"));
  CHECK_THAT(only(Reading::exactly("dataDir=/nowhere\nclientPort=0\n").errors()),
             StartsWith("zoo.cfg:2: clientPort=0 is no port"));
  CHECK_THAT(only(Reading::exactly("dataDir=/nowhere\nclientPort=70000\n").errors()),
             StartsWith("zoo.cfg:2: clientPort=70000 is no port"));
  CHECK_THAT(only(Reading("secureClientPortAddress=::1\n").errors()),
             StartsWith("zoo.cfg:1: secureClientPortAddress is set and secureClientPort is not"));
}

TEST_CASE("relative data directories are taken from the working directory, as Java takes them") {
  const auto config = Reading::exactly("dataDir=some/./data\nclientPort=2181\n");
  CHECK(config->setting("dataDir") == (std::filesystem::current_path() / "some/data").string());
}

// --- keys that are not acted on -------------------------------------------------------------------

TEST_CASE("a key that is not acted on gets one warning, without its value") {
  CHECK(Reading("maxResponseCacheSize=0\n").warnings() ==
        Sentences{"zoo.cfg:1: maxResponseCacheSize is ignored: it tunes a part of ZooKeeper that is "
                  "built otherwise here"});
  CHECK_THAT(only(Reading("SASLAuthenticationProvider.superPassword=geheim\n").warnings()),
             !Contains("geheim"));
}

TEST_CASE("a key whose value is what this server does anyway gets none") {
  CHECK(Reading("forceSync=yes\nadmin.enableServer=FALSE\ncloseSessionTxn.enabled=true\n"
                "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n"
                "ssl.authProvider=x509\nsslQuorum=false\nelectionAlg=3\nenforce.auth.schemes=sasl\n")
            .clean());
}

TEST_CASE("keys of a service get a warning while there is none") {
  CHECK(Reading("admin.serverPort=8081\n").warnings() ==
        Sentences{"zoo.cfg:1: admin.serverPort is ignored: no service runs that could act on it; "
                  "vivarium.services names those that do, and `vivarium plugins` lists them"});
  CHECK(Reading("admin.forceHttps=true\n").errors().empty());
  CHECK(Reading("admin.serverPort=8081\nadmin.idleTimeout=100\nadmin.commandURL=/ops\n"
                "metricsProvider.httpPort=7001\nvivarium.services=admin\n")
            .clean());
}

TEST_CASE("a service is not served without the encryption that is asked for") {
  for (const char* line : {"admin.forceHttps=true", "admin.needClientAuth=true"}) {
    CAPTURE(line);
    CHECK_THAT(only(Reading(std::string(line) + "\nvivarium.services=admin\n").errors()),
               Contains("vivarium.transport.service=tls"));
  }
}

TEST_CASE("the port of the admin pages is a number") {
  CHECK_THAT(only(Reading("admin.serverPort=70000\nvivarium.services=admin\n").errors()),
             Contains("zoo.cfg:1: admin.serverPort=70000"));
}

TEST_CASE("there is a transport for services where there is a service") {
  const auto has_transport = [](const Reading& config) {
    const auto choices = config->choices();
    return std::any_of(choices.begin(), choices.end(), [](const PluginChoice& choice) {
      return std::string_view(choice.role->name) == "transport.service";
    });
  };
  CHECK_FALSE(has_transport(Reading("")));
  CHECK(has_transport(Reading("vivarium.services=admin\n")));
}

TEST_CASE("an unknown key gets a warning with the nearest one") {
  CHECK(Reading("clientport=3\n").warnings() ==
        Sentences{"zoo.cfg:1: clientport is unknown and ignored; did you mean clientPort?"});
  CHECK(Reading("my.own.property=3\n").warnings() ==
        Sentences{"zoo.cfg:1: my.own.property is unknown and ignored"});
}

TEST_CASE("a key whose neglect would leave the server more open is refused") {
  for (const char* line :
       {"sslQuorum=true", "quorum.auth.enableSasl=true", "quorum.auth.serverRequireSasl=true",
        "quorum.auth.learnerRequireSasl=true", "enforce.auth.enabled=true",
        "sessionRequireClientSASLAuth=true", "emulate353TTLNodes=true"}) {
    CAPTURE(line);
    CHECK_THAT(only(Reading(std::string(line) + "\n").errors()),
               StartsWith(std::string("zoo.cfg:1: ") + line + " is not honoured: "));
  }
}

TEST_CASE("keys of client TLS are refused only where ZooKeeper would look at them") {
  for (const char* line : {"ssl.crl=true", "ssl.ocsp=true", "ssl.context.supplier.class=a.B",
                           "ssl.authProvider=a.B", "ssl.clientHostnameVerification=true"}) {
    CAPTURE(line);
    CHECK(Reading(std::string(line) + "\n").clean());
    CHECK_THAT(only(Reading(std::string(line) + "\nsecureClientPort=auto\n").errors()),
               StartsWith(std::string("zoo.cfg:1: ") + line + " is not honoured: "));
  }
}

TEST_CASE("Java's authentication providers stand for authenticators") {
  const std::string package = "org.apache.zookeeper.server.auth.";
  CHECK(Reading("authProvider.1=" + package + "DigestAuthenticationProvider\n").clean());
  CHECK_THAT(only(Reading("authProvider.1=" + package + "SASLAuthenticationProvider\n").warnings()),
             StartsWith("zoo.cfg:1: authProvider.1 is ignored: SASL is not offered"));
  CHECK(Reading("authProvider.9=com.acme.Tokens\n").errors() ==
        Sentences{"zoo.cfg:1: authProvider.9=com.acme.Tokens is a Java class that no authenticator "
                  "here is known to stand for; remove the line, or name the authenticator that does: "
                  "vivarium.class.com.acme.Tokens=NAME"});
  CHECK(Reading("authProvider.9=com.acme.Tokens\nvivarium.class.com.acme.Tokens=token\n"
                "vivarium.authenticators=digest,ip,token\n")
            .clean());
  CHECK(Reading("authProvider.9=com.acme.Tokens\nvivarium.class.com.acme.Tokens=token\n")
            .warnings() ==
        Sentences{"zoo.cfg:1: authProvider.9 is ignored: vivarium.authenticators (zoo.cfg) does not "
                  "name token"});
}

// --- membership -----------------------------------------------------------------------------------

TEST_CASE("a single server line means a server alone, with a warning") {
  const auto config =
      Reading::exactly("dataDir=/nowhere\nserver.0=a:2888:3888;127.0.0.1:2182\ninitLimit=5\n");
  CHECK(config.errors() == Sentences{});
  CHECK_THAT(only(config.warnings()), StartsWith("zoo.cfg:2: server.0 is the only server"));
  CHECK(config->client_address()->host == "127.0.0.1");
  CHECK(config->client_address()->port == 2182);
}

namespace {

const std::string kThree =
    "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888:observer\n"
    "server.4=d:2888:3888\n";
const std::string kLimits = "initLimit=10\nsyncLimit=5\n";

/// A config of a server whose file `myid` holds this; none when it is empty.
class MemberReading {
 public:
  explicit MemberReading(const std::string& lines, const std::string& myid = "1\n",
                         const std::string& client = "clientPort=2181\n") {
    if (!myid.empty()) std::ofstream(data_.path() + "/myid") << myid;
    reading_.emplace(Reading::exactly(lines + client + "dataDir=" + data_.path() + "\n"));
  }
  /// Without the path of the data directory.
  Sentences errors() const { return shown(reading_->errors()); }
  Sentences warnings() const { return shown(reading_->warnings()); }
  const ServerConfig& operator*() const { return **reading_; }
  const ServerConfig* operator->() const { return &**reading_; }

 private:
  Sentences shown(Sentences sentences) const {
    for (std::string& sentence : sentences)
      for (std::size_t at; (at = sentence.find(data_.path())) != sentence.npos;)
        sentence.replace(at, data_.path().size(), "/data");
    return sentences;
  }
  test::TemporaryDirectory data_;
  std::optional<Reading> reading_;
};

std::string chosen(const ServerConfig& config) {
  std::string all;
  for (const auto& choice : config.choices())
    all += std::string(choice.role->name) + "=" + choice.name + " ";
  return all;
}

}  // namespace

TEST_CASE("several server lines are an ensemble, with the plugins for one") {
  const MemberReading config(kThree + kLimits, " 2 \n");
  CHECK(config.errors() == Sentences{});
  CHECK(config.warnings() == Sentences{});
  REQUIRE(config->ensemble());
  CHECK(config->id() == ServerId{2});
  CHECK(config->ensemble()->voters() == 3);
  CHECK(chosen(*config) ==
        "transport.client=tcp transport.election=tcp transport.quorum=tcp storage=file auth=digest "
        "auth=ip election=zab broadcast=zab ");
  CHECK(config->client_address()->port == 2181);
  CHECK(chosen(*MemberReading(kThree + kLimits + "vivarium.broadcast=other\nvivarium.election=\n"))
            .ends_with("auth=ip broadcast=other "));
  CHECK(config->setting("initLimit") == "10");
  CHECK(config->setting("syncLimit") == "5");
  CHECK(config->setting("tickTime") == "3000");
}

TEST_CASE("the text of an ensemble is the one that ZooKeeper writes") {
  const MemberReading config(
      "server.10=ten:2888:3888:Observer;10.0.0.1:2181\nserver.2=[fe80::1]:2888:3888;2181\n"
      "server.1= one : 2888:3888\nserver.3=three:2889:3889;[::]:2182\n" + kLimits);
  CHECK(config.errors() == Sentences{});
  CHECK(config->ensemble()->text() ==
        "server.1=one:2888:3888:participant\n"
        "server.2=[fe80::1]:2888:3888:participant;0.0.0.0:2181\n"
        "server.3=three:2889:3889:participant;[::]:2182\n"
        "server.10=ten:2888:3888:observer;10.0.0.1:2181\n"
        "version=0");
}

TEST_CASE("groups and weights make hierarchical quorums") {
  const MemberReading config(kThree + kLimits + "group.1=1:2\ngroup.7=4\nweight.2=3\n");
  CHECK(config.errors() == Sentences{});
  CHECK_THAT(config->ensemble()->text(),
             EndsWith("group.1=1:2\ngroup.7=4\nweight.1=1\nweight.2=3\nweight.4=1\nversion=0"));
  CHECK(only(MemberReading(kThree + kLimits + "group.1=1:2\n").errors()) ==
        "zoo.cfg:4: server.4 is in no group, and others are; add it to a group.N line, or remove the "
        "group and weight lines");
  CHECK(only(MemberReading(kThree + kLimits + "group.1=1:2:4\ngroup.2=2\n").errors()) ==
        "zoo.cfg:8: group.2=2 has server 2, which is in a group already");
  CHECK_THAT(only(MemberReading(kThree + kLimits + "group.1=1:2:4\nweight.1=x\n").errors()),
             StartsWith("zoo.cfg:8: weight.1=x is no weight of a server"));
}

TEST_CASE("a member without a number of its own is refused, with what to write where") {
  CHECK(only(MemberReading(kThree + kLimits, "").errors()) ==
        "zoo.cfg:1: server.1 is one of 4 servers, and no /data/myid says which of them this is; write "
        "its number into that file: echo 1 > /data/myid");
  for (const std::string bad : {"x", "-1", "255", "1 2", "99999999999999999999", " "})
    CHECK_THAT(only(MemberReading(kThree + kLimits, bad + "\n").errors()),
               EndsWith("is no number of a server; want one from 0 to 254"));
  CHECK(only(MemberReading(kThree + kLimits, "9\n").errors()) ==
        "/data/myid: this is server 9, and there is no line server.9; add the line to zoo.cfg, or "
        "correct the number");
}

TEST_CASE("an ensemble cannot do without initLimit and syncLimit") {
  const MemberReading config(kThree);
  CHECK(config.errors() ==
        Sentences{"zoo.cfg: initLimit is missing, and server.1 is one of 4 servers; write "
                  "initLimit=10, which is in ticks of tickTime",
                  "zoo.cfg: syncLimit is missing, and server.1 is one of 4 servers; write "
                  "syncLimit=5, which is in ticks of tickTime"});
  CHECK_THAT(only(MemberReading(kThree + "initLimit=0\nsyncLimit=5\n").errors()),
             StartsWith("zoo.cfg:5: initLimit=0 "));
}

TEST_CASE("a server line that makes no sense is refused with its place and the form that is wanted") {
  const auto refused = [](const std::string& line) {
    return only(MemberReading(line + "\n" + kThree + kLimits).errors());
  };
  for (const std::string line : {"server.5=e", "server.5=e:2888", "server.5=:2888:3888",
                                 "server.5=e:x:3888", "server.5=e:2888:0", "server.5=e:1:2:observer:3"})
    CHECK(refused(line) == "zoo.cfg:1: " + line +
                               " is no member of an ensemble; want "
                               "host:quorumPort:electionPort[:role][;[clientHost:]clientPort]");
  CHECK_THAT(refused("server.5=e:1:2:leader"), EndsWith("want participant or observer"));
  CHECK_THAT(refused("server.5=e:1:2;x"), EndsWith("ends in no port; want ;PORT or ;HOST:PORT"));
  CHECK_THAT(refused("server.five=e:1:2"), StartsWith("zoo.cfg:1: server.five=e:1:2 has no number"));
  CHECK_THAT(refused("server.01=e:1:2"), Contains("for the second time"));
  CHECK_THAT(refused("server.5=e:1:2|f:1:2"), Contains("several addresses"));
}

TEST_CASE("observers alone, or with one voter, are no ensemble") {
  CHECK_THAT(only(MemberReading("server.1=a:1:2:observer\nserver.2=b:1:2:observer\n" + kLimits).errors()),
             StartsWith("zoo.cfg:1: of 2 servers all are observers"));
  CHECK_THAT(only(MemberReading("server.1=a:1:2\nserver.2=b:1:2:observer\n" + kLimits).errors()),
             StartsWith("zoo.cfg:1: of 2 servers all but one are observers"));
}

TEST_CASE("an even number of voters is told") {
  CHECK(only(MemberReading("server.1=a:1:2\nserver.2=b:1:2\n" + kLimits).warnings()) ==
        "zoo.cfg:1: 2 servers vote, and no more of them may fail than of 1; an odd number serves "
        "better");
}

TEST_CASE("one server is an ensemble of one when it is told to be") {
  const std::string line = "server.1=a:1:2;2181\n";
  const MemberReading config(line + kLimits + "standaloneEnabled=false\n", "1", "");
  CHECK(config.errors() == Sentences{});
  CHECK(config->ensemble()->text() == "server.1=a:1:2:participant;0.0.0.0:2181\nversion=0");
  CHECK_FALSE(MemberReading(line + "standaloneEnabled=true\n", "", "")->ensemble());
  CHECK_THAT(only(Reading("standaloneEnabled=false\n").errors()),
             StartsWith("zoo.cfg:1: standaloneEnabled=false and there is no server line"));
}

TEST_CASE("a member serves its clients where its server line says") {
  const std::string lines = "server.1=a:1:2;10.0.0.1:2182\nserver.2=b:1:2\nserver.3=c:1:2\n" + kLimits;
  CHECK(MemberReading(lines, "1", "")->client_address()->host == "10.0.0.1");
  CHECK(MemberReading(lines, "1", "")->client_address()->port == 2182);
  CHECK(MemberReading(lines, "1", "clientPort=2182\n").errors() == Sentences{});
  CHECK(MemberReading(lines, "1", "clientPort=2182\n")->client_address()->host == "10.0.0.1");
  CHECK(only(MemberReading(lines, "1", "clientPort=2181\n").errors()) ==
        "zoo.cfg:6: clientPort says another address for clients than server.1 at zoo.cfg:1 does; remove "
        "clientPort, or the part behind the semicolon");
  CHECK(MemberReading(lines, "2", "clientPort=2181\n")->client_address()->port == 2181);
  CHECK_THAT(only(MemberReading(lines, "2", "").errors()), Contains("there is no clientPort"));
}

TEST_CASE("a peerType that its server line contradicts is told, and another election refused") {
  CHECK(MemberReading(kThree + kLimits + "peerType=observer\nelectionAlg=3\n", "3").warnings() ==
        Sentences{});
  CHECK(only(MemberReading(kThree + kLimits + "peerType=observer\n").warnings()) ==
        "zoo.cfg:7: peerType=observer is ignored: zoo.cfg:1 says that this server is a participant");
  CHECK_THAT(only(MemberReading(kThree + kLimits + "peerType=leader\n").errors()),
             StartsWith("zoo.cfg:7: peerType=leader is unknown"));
  CHECK_THAT(only(MemberReading(kThree + kLimits + "electionAlg=0\n").errors()),
             StartsWith("zoo.cfg:7: electionAlg=0 is unknown; want 3"));
}

TEST_CASE("a broadcast for one is refused in an ensemble, and one for an ensemble without") {
  CHECK(only(MemberReading(kThree + kLimits + "vivarium.broadcast=standalone\n").errors()) ==
        "zoo.cfg:1: server.1 is one of 4 servers, and the broadcast standalone (zoo.cfg:7) is for a "
        "server alone; leave one server line, or remove vivarium.broadcast");
  CHECK_THAT(only(Reading("vivarium.broadcast=zab\n").errors()),
             StartsWith("zoo.cfg:1: vivarium.broadcast=zab is for ensembles"));
}

TEST_CASE("keys of ensembles are passed over by a server alone, and told where they are not acted on") {
  CHECK(Reading("leaderServes=no\nquorumListenOnAllIPs=true\nobserverMasterPort=2191\n").clean());
  CHECK(MemberReading(kThree + kLimits + "leaderServes=yes\ncnxTimeout=5000\n").warnings() ==
        Sentences{});
  CHECK(MemberReading(kThree + kLimits + "leaderServes=no\noraclePath=/x\n").warnings().size() == 2);
}

TEST_CASE("server lines may stand in the dynamic configuration file") {
  const test::TemporaryDirectory directory;
  const std::string dynamic = directory.path() + "/zoo.cfg.dynamic.100000002";
  std::ofstream(dynamic) << "server.1=a:1:2:participant;3\nserver.2=b:1:2:participant;3\n"
                            "server.3=c:1:2:participant;3\n";
  const MemberReading config("dynamicConfigFile=" + dynamic + "\n" + kLimits, "2", "");
  CHECK(config.errors() == Sentences{});
  CHECK(config->client_address()->port == 3);
  CHECK_THAT(config->ensemble()->text(), EndsWith("\nversion=100000002"));
  CHECK_THAT(only(Reading("dynamicConfigFile=/nowhere/x\n").errors()),
             StartsWith("zoo.cfg:1: dynamicConfigFile: /nowhere/x cannot be read"));
}

TEST_CASE("a dynamic file holds the membership and nothing else, and what was proposed is told") {
  const test::TemporaryDirectory directory;
  const std::string zoo_cfg = directory.path() + "/zoo.cfg";
  const std::string dynamic = zoo_cfg + ".dynamic.100000002";
  std::ofstream(zoo_cfg) << "dataDir=/nowhere\ndynamicConfigFile=" << dynamic << "\n";
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(directory.path() + "/" + name) << text;
  };
  const std::string line = "server.1=a:1:2:participant;127.0.0.1:3000\n";
  write("zoo.cfg.dynamic.100000002", line);
  Findings findings;
  const auto config = ServerConfig::read(zoo_cfg, {}, findings);
  CHECK(findings.errors == Sentences{});
  CHECK(config.client_address()->port == 3000);
  write("zoo.cfg.dynamic.next", line + "version=100000003\n");
  findings = {};
  ServerConfig::read(zoo_cfg, {}, findings);
  CHECK(findings.errors == Sentences{});
  REQUIRE(findings.warnings.size() == 2);  // The other: that it runs alone.
  CHECK_THAT(findings.warnings[0], StartsWith(zoo_cfg + ".dynamic.next holds version 100000003"));
  write("zoo.cfg.dynamic.100000002", line + "version=100000002\n");
  findings = {};
  ServerConfig::read(zoo_cfg, {}, findings);
  CHECK_THAT(findings.errors.front(), Contains("zoo.cfg.dynamic.100000002:2: version"));
}

// --- storage --------------------------------------------------------------------------------------

TEST_CASE("the interval of purges is in hours, or has a unit") {
  using std::chrono::hours;
  const auto interval = [](const std::string& text) {
    return Reading("autopurge.purgeInterval=" + text + "\n")->purge_interval();
  };
  CHECK_FALSE(Reading("")->purge_interval());
  CHECK_FALSE(interval(""));
  CHECK(interval("0") == Millis(0));
  CHECK(interval("-1") == Millis(0));
  CHECK(interval("24") == hours(24));
  CHECK(interval("250ms") == Millis(250));
  CHECK(interval("30s") == std::chrono::seconds(30));
  CHECK(interval("5m") == std::chrono::minutes(5));
  CHECK(interval("6h") == hours(6));
  CHECK(interval("7d") == hours(7 * 24));
  for (const std::string bad : {"h", "1w", "1 h", "x", "1.5", "99999999999999999999"})
    CHECK_THAT(only(Reading("autopurge.purgeInterval=" + bad + "\n").errors()),
               StartsWith("zoo.cfg:1: autopurge.purgeInterval=" + bad + " is no interval"));
}

TEST_CASE("keys of the storage are taken without a word, and checked") {
  CHECK(Reading("snapshot.compression.method=gz\nsnapSizeLimitInKb=-1\ntxnLogSizeLimitInKb=1024\n"
                "autopurge.snapRetainCount=5\nfsync.warningthresholdms=20\ndb.autocreate=false\n")
            .clean());
  CHECK(Reading("snapshot.compression.method=\n").clean());
  CHECK_THAT(only(Reading("snapshot.compression.method=lz4\n").errors()),
             StartsWith("zoo.cfg:1: snapshot.compression.method=lz4 is unknown; want gz or snappy"));
  CHECK(Reading("autopurge.snapRetainCount=x\n").errors().size() == 1);
}

// --- the data directories -------------------------------------------------------------------------

TEST_CASE("a missing data directory is refused where it must not be created") {
  const Reading refused("datadir.autocreate=false\n");
  REQUIRE(refused.errors().size() == 2);
  CHECK(refused.errors()[0] ==
        "zoo.cfg:1: datadir.autocreate=false and there is no /nowhere/data/version-2; mount the disk of "
        "dataDir, or create the folder for a new server");
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/version-2");
  CHECK(Reading::exactly("datadir.autocreate=false\nclientPort=1\ndataDir=" + directory.path() + "\n")
            .clean());
}

// --- permissions ----------------------------------------------------------------------------------

TEST_CASE("data that everybody may write is refused, or told") {
  const test::TemporaryDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0777) == 0);
  const std::string lines = "clientPort=1\ndataDir=" + directory.path() + "\n";
  CHECK_THAT(only(Reading::exactly(lines).errors()),
             StartsWith(directory.path() + " may be written by everybody (mode 777); chmod o-w"));
  const auto relaxed = Reading::exactly(lines + "vivarium.permissions=warn\n");
  CHECK(relaxed.errors() == Sentences{});
  CHECK(relaxed.warnings().size() == 1);
}

// --- plugins and their options --------------------------------------------------------------------

TEST_CASE("a silent file is served by the default plugins") {
  const Offers offers;
  const auto planned = offers.plan(*Reading(""));
  CHECK(planned.findings.errors == Sentences{});
  std::string components;
  for (const auto& plugin : planned.plan.plugins) components += plugin.component() + " ";
  CHECK(components == "transport.client.tcp storage.file auth.digest auth.ip broadcast.standalone ");
}

TEST_CASE("a plugin that is not there is refused with the line and what there is") {
  const Offers offers;
  const Reading config("vivarium.storage=tcp\n");
  CHECK(only(offers.plan(*config).findings.errors) ==
        config.file() + ":1: vivarium.storage=tcp: no plugin offers a LogStore \"tcp\"; there is "
                        "Transport \"tcp\" of tcp.so, LogStore \"file\" of file.so, LogStore "
                        "\"outer\" of outer.so");
}

TEST_CASE("an empty choice of what a server cannot do without is refused") {
  const Offers offers;
  CHECK_THAT(only(offers.plan(*Reading("vivarium.storage=\n")).findings.errors),
             Contains("zoo.cfg:1: vivarium.storage is empty; name a plugin such as file"));
  CHECK(offers.plan(*Reading("vivarium.authenticators=\n")).findings.errors == Sentences{});
}

TEST_CASE("options have their types, units and defaults") {
  const Offers offers;
  const Reading config("secureClientPort=auto\nvivarium.transport.secure.tls.deadline=2s\n"
                       "vivarium.transport.secure.tls.certificate=certs/a.pem\n");
  const auto planned = offers.plan(*config);
  CHECK(planned.findings.errors == Sentences{});
  const auto* tls = find(planned.plan, "transport.secure.tls");
  REQUIRE(tls != nullptr);
  CHECK(tls->options.integer("deadline") == 2000);
  CHECK(tls->options.integer("buffer") == 65536);
  CHECK(tls->options.text("certificate") == config.folder() + "/certs/a.pem");
  CHECK(tls->options.origin("certificate") == config.file() + ":3");
  CHECK(tls->options.origin("buffer") == "default");
  CHECK_FALSE(tls->options.has("ca"));
  CHECK(tls->options.text("ca") == "");
}

TEST_CASE("malformed options are errors with file and line, and keep secrets") {
  const Offers offers;
  const Reading config("vivarium.transport.client=tls\n"
                       "vivarium.transport.client.tls.deadline=soon\n"
                       "vivarium.transport.client.tls.buffer=2M\n"
                       "vivarium.transport.client.tls.password=geheim\n");
  const auto errors = offers.plan(*config).findings.errors;
  REQUIRE(errors.size() == 3);
  CHECK(errors[0] == config.file() +
                         ":2: vivarium.transport.client.tls.deadline=soon is malformed; want a duration "
                         "such as 500ms, 10s, 5m or 1h from 100 to 60000 (ms)");
  CHECK_THAT(errors[1], Contains(":3: vivarium.transport.client.tls.buffer=2M is out of range"));
  CHECK_THAT(errors[2], Contains(":4: vivarium.transport.client.tls.password=*** is malformed"));
}

TEST_CASE("an unknown vivarium key is an error with the nearest one") {
  const Offers offers;
  const auto error_of = [&](const std::string& line) {
    const Reading config(line + "\n");
    return only(offers.plan(*config).findings.errors).substr(config.folder().size() + 1);
  };
  CHECK(error_of("vivarium.storge=file") ==
        "zoo.cfg:1: vivarium.storge is unknown; did you mean vivarium.storage?");
  CHECK(error_of("vivarium.transport.client.tls.certificat=x") ==
        "zoo.cfg:1: vivarium.transport.client.tls.certificat is unknown; did you mean "
        "vivarium.transport.client.tls.certificate?");
  CHECK(error_of("vivarium.qqqqqqqqqqqqqqqqqqqqqq=x") ==
        "zoo.cfg:1: vivarium.qqqqqqqqqqqqqqqqqqqqqq is unknown; `vivarium plugins` lists what there "
        "is");
}

TEST_CASE("an option of a plugin that is not in use has no effect, and is told") {
  const Offers offers;
  const auto planned = offers.plan(*Reading("vivarium.acl.rules.script=x\n"));
  CHECK(planned.findings.errors == Sentences{});
  CHECK_THAT(only(planned.findings.warnings),
             Contains("zoo.cfg:1: vivarium.acl.rules.script has no effect: that plugin is not in use"));
}

TEST_CASE("a required option that is missing is an error") {
  const Offers offers;
  CHECK_THAT(only(offers.plan(*Reading("vivarium.acl=rules\n")).findings.errors),
             EndsWith("zoo.cfg:1: vivarium.acl.rules.script is missing: The policy's file."));
}

TEST_CASE("a decorator wraps the plugin that its option inner names") {
  const Offers offers;
  const auto planned =
      offers.plan(*Reading("vivarium.storage=outer\nvivarium.storage.outer.inner=file\n"));
  CHECK(planned.findings.errors == Sentences{});
  const auto* outer = find(planned.plan, "storage.outer");
  REQUIRE(outer != nullptr);
  REQUIRE(outer->inner != nullptr);
  CHECK(outer->inner->component() == "storage.file");

  CHECK_THAT(only(offers.plan(*Reading("vivarium.storage=outer\n")).findings.errors),
             Contains("zoo.cfg:1: vivarium.storage.outer.inner is missing: name the LogStore that it "
                      "wraps"));
  CHECK_THAT(only(offers.plan(*Reading("vivarium.storage=outer\n"
                                       "vivarium.storage.outer.inner=outer\n"))
                      .findings.errors),
             Contains("vivarium.storage.outer.inner=outer wraps itself"));
}

// --- ZooKeeper's keys for TLS ---------------------------------------------------------------------

TEST_CASE("ZooKeeper's TLS keys are options of the secure transport") {
  const Offers offers;
  const Reading config("secureClientPort=auto\nssl.keyStore.location=/c/server.pem\n"
                       "ssl.trustStore.location=/c/ca.pem\nssl.clientAuth=WANT\n"
                       "ssl.enabledProtocols=TLSv1.3\n");
  const auto planned = offers.plan(*config);
  CHECK(planned.findings.errors == Sentences{});
  const auto& options = find(planned.plan, "transport.secure.tls")->options;
  CHECK(options.text("certificate") == "/c/server.pem");
  CHECK(options.origin("certificate") == config.file() + ":2");
  CHECK(options.text("ca") == "/c/ca.pem");
  CHECK(options.text("client_auth") == "want");
  CHECK(options.text("min_version") == "TLSv1.3");
}

TEST_CASE("the plugin's own key counts more than ZooKeeper's") {
  const Offers offers;
  const auto planned = offers.plan(
      *Reading("secureClientPort=auto\nssl.keyStore.location=/c/server.jks\n"
               "vivarium.transport.secure.tls.certificate=/c/server.pem\n"));
  CHECK(planned.findings.errors == Sentences{});
  CHECK(find(planned.plan, "transport.secure.tls")->options.text("certificate") == "/c/server.pem");
}

TEST_CASE("a key store that is not PEM is refused with the way to convert it") {
  const Offers offers;
  const auto error_of = [&](const std::string& lines) {
    const Reading config("secureClientPort=auto\n" + lines);
    return only(offers.plan(*config).findings.errors).substr(config.folder().size() + 1);
  };
  CHECK(error_of("ssl.keyStore.location=/c/s.p12\n") ==
        "zoo.cfg:2: ssl.keyStore.location=/c/s.p12 is of type pkcs12, and only PEM is read here; "
        "convert it: openssl pkcs12 -in /c/s.p12 -nodes -out store.pem");
  CHECK_THAT(error_of("ssl.trustStore.location=/c/s.jks\n"),
             StartsWith("zoo.cfg:2: ssl.trustStore.location=/c/s.jks is of type jks") &&
                 Contains("keytool -importkeystore -srckeystore /c/s.jks"));
  CHECK_THAT(error_of("ssl.keyStore.location=/c/s\nssl.keyStore.type=JKS\n"),
             StartsWith("zoo.cfg:2: ssl.keyStore.location=/c/s is of type jks"));
}

TEST_CASE("a TLS key for which the secure transport has no option is refused") {
  const Offers offers;
  const Reading config("secureClientPort=auto\nvivarium.transport.secure=tcp\nssl.clientAuth=need\n");
  CHECK_THAT(only(offers.plan(*config).findings.errors),
             Contains("zoo.cfg:3: ssl.clientAuth stands for the option client_auth, which Transport "
                      "\"tcp\" has not"));
}

// --- the page -------------------------------------------------------------------------------------

TEST_CASE("docs/configuration.md has every key") {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::ifstream file(root / "docs/configuration.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const ZooKeeperKey& row : zookeeper_keys()) {
    CAPTURE(row.option.key);
    CHECK(page.find("`" + std::string(row.option.key) + "`") != page.npos);
  }
  for (const std::string& key : Reading("")->own_keys()) {
    CAPTURE(key);
    CHECK(page.find("`" + key + "`") != page.npos);
  }
}

}  // namespace vivarium
