#include "kernel/host/zookeeper_keys.hpp"

#include "kernel/host/properties.hpp"

#include <algorithm>
#include <limits>

namespace vivarium {
namespace {

constexpr std::int64_t kInt = std::numeric_limits<std::int32_t>::max();
/// With this, the longest transaction is still one that every store and loader takes.
constexpr std::int64_t kFrameBytesMax = 100 << 20;
constexpr std::int64_t kKib = std::numeric_limits<std::int64_t>::max() >> 10;
constexpr auto kAlways = KeyScope::always;
constexpr auto kSecure = KeyScope::secure_port;
constexpr auto kEnsemble = KeyScope::ensemble;
constexpr auto kService = KeyScope::service;

constexpr OptionSpec option(const char* key, OptionType type, const char* default_value,
                            std::int64_t min, std::int64_t max, const char* unit,
                            const char* help) {
  return {key, type, default_value, min, max, unit, help, false, false, false};
}

constexpr ZooKeeperKey text(const char* key, const char* default_value, const char* help) {
  return {option(key, OptionType::text, default_value, 0, -1, "", help), KeyUse::acted_on, kAlways,
          "*"};
}
constexpr ZooKeeperKey secret(const char* key, const char* help) {
  ZooKeeperKey row = text(key, "", help);
  row.option.secret = true;
  return row;
}
constexpr ZooKeeperKey path(const char* key, const char* help) {
  return {option(key, OptionType::path, "", 0, -1, "", help), KeyUse::acted_on, kAlways, "*"};
}
constexpr ZooKeeperKey flag(const char* key, const char* default_value, const char* help) {
  return {option(key, OptionType::boolean, default_value, 0, -1, "", help), KeyUse::acted_on,
          kAlways, "*"};
}
constexpr ZooKeeperKey number(const char* key, const char* default_value, std::int64_t min,
                              std::int64_t max, const char* unit, const char* help) {
  return {option(key, OptionType::integer, default_value, min, max, unit, help), KeyUse::acted_on,
          kAlways, "*"};
}
constexpr ZooKeeperKey ignored(const char* key, const char* default_value, const char* harmless,
                               const char* why, KeyScope scope = kAlways) {
  return {option(key, OptionType::text, default_value, 0, -1, "", why), KeyUse::ignored, scope,
          harmless};
}
/// Acted on by a service, if there is one.
constexpr ZooKeeperKey of_service(ZooKeeperKey row, const char* harmless) {
  row.scope = KeyScope::service;
  row.harmless = harmless;
  return row;
}
constexpr ZooKeeperKey refused(const char* key, const char* default_value, const char* harmless,
                               const char* why, KeyScope scope = kAlways) {
  return {option(key, OptionType::text, default_value, 0, -1, "", why), KeyUse::refused, scope,
          harmless};
}

// Reasons that several keys share. They read on after "zoo.cfg:7: key=value ": "is ignored: ...".
constexpr auto kTuning = "it tunes a part of ZooKeeper that is built otherwise here";
constexpr auto kServiceTls =
    "it would be served without encryption; remove it, and have services reached by TLS: "
    "vivarium.transport.service=tls, with options of its own";
constexpr auto kNoThrottle = "there is no such throttle";
constexpr auto kNoLocalSessions = "all sessions are global here";
constexpr auto kNoJvm = "there is no JVM";
constexpr auto kNoSasl = "SASL is not offered, so nobody can be authenticated by it";
constexpr auto kNoQuorumAuth =
    "peers are not authenticated by SASL here; remove it, and keep the quorum ports closed to others";
constexpr auto kNoQuorumTls =
    "quorum connections are not encrypted here; remove it only where their network may be trusted";
constexpr auto kNoForcedAuth =
    "clients are not forced to authenticate here; remove it if the ACLs alone may decide, or load a "
    "policy with vivarium.acl";
constexpr auto kNoRevocation =
    "certificate revocation is not checked here; remove it, and withdraw trust by ssl.trustStore";
constexpr auto kNoJavaTls =
    "it names Java code; set the options of the TLS transport instead (`vivarium plugins` lists them)";
constexpr auto kPlainQuorum = "connections between servers are not encrypted here";
constexpr auto kNoObserverMaster = "observers are served by the leader";

constexpr ZooKeeperKey kKeys[] = {
    // --- data -------------------------------------------------------------------------------------
    path("dataDir", "where snapshots, and logs unless dataLogDir is set, are kept"),
    path("dataLogDir", "where transaction logs are kept; unset: dataDir"),
    number("snapCount", "", 1, kInt, "transactions",
           "a snapshot after half to all of so many transactions, by chance; unset: "
           "snapSizeLimitInKb alone"),
    number("snapSizeLimitInKb", "", -kKib, kKib, "KiB",
           "a snapshot after half to all of so much log, by chance; unset, or 0 or less, and without "
           "snapCount: when the log since the last one outgrows it and 1 GiB"),
    text("snapshot.compression.method", "", "how snapshots are written: gz, snappy, or empty: as they "
                                            "are; all three are read. One that a leader sent is kept as it came"),
    number("txnLogSizeLimitInKb", "-1", -kKib, kKib, "KiB",
           "the next log file begins when one is longer; 0 or less: only with a snapshot"),
    number("autopurge.snapRetainCount", "3", -kInt, kInt, "snapshots",
           "how many stay when old snapshots and logs are removed, 3 at least"),
    text("autopurge.purgeInterval", "",
         "hours between removals of old snapshots and logs, or a number with ms, s, m, h or d; 0: "
         "none are removed; unset: every hour, the first time an hour after the start (ZooKeeper: "
         "none are removed)"),
    number("fsync.warningthresholdms", "1000", 0, kInt, "ms",
           "writes of the log that take longer are told to the log of the server"),
    flag("db.autocreate", "true",
         "false: refuse to start without data, unless there is a file `initialize` in dataLogDir, "
         "which is removed"),
    number("preAllocSize", "65536", -1, kInt, "KiB",
           "how far log files grow ahead of what is written; 0 or less: not ahead"),
    text("forceSync", "yes", "no: answer writes before they are synced, and lose them in a crash"),
    flag("digest.enabled", "true", "write and check the tree's digest"),
    flag("datadir.autocreate", "true", "false: refuse to start without the folder version-2"),
    ignored("snapshot.trust.empty", "false", "false",
            "logs from the first transaction on need no snapshot here, and what others lack is lost "
            "data: nothing is made of them"),
    ignored("commitLogCount", "500", "", kTuning),
    ignored("flushDelay", "0", "0", kTuning),
    ignored("maxWriteQueuePollTime", "", "", kTuning),
    ignored("maxBatchSize", "1000", "", kTuning),
    ignored("closeSessionTxn.enabled", "true", "true", "it is always on"),
    ignored("serializeLastProcessedZxid.enabled", "true", "true", "it is always on"),
    ignored("syncEnabled", "true", "true", "observers keep logs and snapshots as the others do",
            kEnsemble),

    // --- clients ----------------------------------------------------------------------------------
    text("clientPort", "", "port for clients; `auto` takes a free one"),
    text("clientPortAddress", "", "address for clients; unset: every interface"),
    text("secureClientPort", "", "port for clients with TLS; `auto` takes a free one"),
    text("secureClientPortAddress", "", "address for clients with TLS; unset: every interface"),
    number("clientPortListenBacklog", "-1", -1, kInt, "connections",
           "how many wait to be accepted; -1: the system's default"),
    number("tickTime", "3000", 1, 100'000'000, "ms", "the unit of session time-outs"),
    number("minSessionTimeout", "-1", -1, kInt, "ms", "-1: twice tickTime"),
    number("maxSessionTimeout", "-1", -1, kInt, "ms", "-1: twenty times tickTime"),
    number("maxClientCnxns", "60", 0, kInt, "connections", "from one address; 0: no limit"),
    number("maxCnxns", "0", 0, kInt, "connections", "in all; 0: no limit"),
    number("jute.maxbuffer", "1048575", 1024, kFrameBytesMax, "bytes", "the longest request"),
    number("globalOutstandingLimit", "", 1, kInt, "requests",
           "requests under way before clients have to wait; unset: 10000 (ZooKeeper: 1000)"),
    number("nio.sessionlessCnxnTimeout", "10000", 1, kInt, "ms",
           "time for a connection to become a session"),
    flag("enforceQuota", "false", "refuse what a quota does not allow, instead of a warning"),
    flag("extendedTypesEnabled", "false", "TTL nodes"),
    flag("readonlymode.enabled", "false", "serve reads without a quorum to clients that want it"),
    number("znode.container.checkIntervalMs", "60000", 1, kInt, "ms",
           "between looks for empty containers"),
    number("znode.container.maxPerMinute", "10000", 1, kInt, "znodes", "containers removed at most"),
    number("znode.container.maxNeverUsedIntervalMs", "0", 0, kInt, "ms",
           "when a container that never had children goes; 0: never"),
    text("4lw.commands.whitelist", "", "four-letter words that are answered beside srvr; * for all"),
    flag("reconfigEnabled", "false", "allow the membership to be changed by clients"),
    ignored("jute.maxbuffer.extrasize", "", "", kTuning),
    refused("emulate353TTLNodes", "false", "false",
            "TTL nodes of ZooKeeper 3.5.3 would be taken for ephemeral ones and removed; start "
            "ZooKeeper once more and replace them"),
    ignored("enableEagerACLCheck", "false", "false", "the ACL is checked where the write is prepared"),
    ignored("localSessionsEnabled", "false", "false", kNoLocalSessions),
    ignored("localSessionsUpgradingEnabled", "false", "*", kNoLocalSessions),
    ignored("client.portUnification", "false", "false",
            "the client port takes plain connections only, secureClientPort those with TLS"),
    ignored("client.certReload", "false", "*", ""),  // SIGHUP does it
    ignored("requireClientAuthScheme", "", "", "ZooKeeper does not read it either"),
    ignored("jaasLoginRenew", "", "", kNoSasl),

    // --- who may do what --------------------------------------------------------------------------
    text("skipACL", "no", "yes: no ACL is looked at"),
    text("DigestAuthenticationProvider.enabled", "true", "offer the scheme digest"),
    text("DigestAuthenticationProvider.digestAlg", "SHA1", "hash of digest credentials"),
    secret("DigestAuthenticationProvider.superDigest", "user:hash of who is `super`"),
    text("authProvider.*", "", "a scheme by its Java class: mapped to our authenticators"),
    ignored("superUser", "", "", kNoSasl),
    ignored("superUser.*", "", "", kNoSasl),
    ignored("letAnySaslUserDoX", "", "", kNoSasl),
    ignored("allowSaslFailedClients", "false", "*", kNoSasl),
    ignored("SASLAuthenticationProvider.superPassword", "", "", kNoSasl),
    ignored("kerberos.*", "", "", kNoSasl),
    ignored("ensembleAuthName", "", "", "the scheme ensemble is not offered: clients that use it are "
                                        "refused"),
    ignored("X509AuthenticationProvider.superUser", "", "",
            "nobody becomes super by a certificate"),
    ignored("enforce.auth.schemes", "", "*", ""),  // without enforce.auth.enabled it does nothing
    ignored("audit.enable", "false", "false", "there is no audit log"),
    refused("sessionRequireClientSASLAuth", "false", "false", kNoForcedAuth),
    refused("enforce.auth.enabled", "false", "false", kNoForcedAuth),

    // --- TLS for clients --------------------------------------------------------------------------
    path("ssl.keyStore.location", "PEM file with the server's key and certificates"),
    text("ssl.keyStore.type", "", "PEM; unset: by the file's name"),
    secret("ssl.keyStore.password", "not needed for PEM"),
    text("ssl.keyStore.passwordPath", "", "not needed for PEM"),
    path("ssl.trustStore.location", "PEM file with the certificates that clients are trusted by"),
    text("ssl.trustStore.type", "", "PEM; unset: by the file's name"),
    secret("ssl.trustStore.password", "not needed for PEM"),
    text("ssl.trustStore.passwordPath", "", "not needed for PEM"),
    text("ssl.clientAuth", "need", "what is asked of a client's certificate: need, want or none"),
    text("ssl.protocol", "", "TLSv1.2 or TLSv1.3"),
    text("ssl.enabledProtocols", "", "the oldest of them is the oldest spoken"),
    text("ssl.ciphersuites", "", "by their standard names"),
    refused("ssl.crl", "false", "false", kNoRevocation, kSecure),
    refused("ssl.ocsp", "false", "false", kNoRevocation, kSecure),
    refused("ssl.context.supplier.class", "", "", kNoJavaTls, kSecure),
    refused("ssl.authProvider", "x509", "x509", kNoJavaTls, kSecure),
    refused("ssl.clientHostnameVerification", "false", "false",
            "the names in clients' certificates are not compared with where they come from; remove "
            "it if trust in the certificate is enough",
            kSecure),
    ignored("ssl.hostnameVerification", "true", "*", "", kSecure),
    ignored("ssl.allowReverseDnsLookup", "false", "false", "certificates are not held against "
                                                           "reverse lookups", kSecure),
    ignored("ssl.handshakeDetectionTimeoutMillis", "5000", "", "a handshake has 10 s", kSecure),
    ignored("ssl.sslProvider", "JDK", "*", "", kSecure),
    ignored("ssl.tcnative.*", "", "", kNoJvm, kSecure),
    ignored("netty.server.outstandingHandshake.limit", "-1", "-1", kNoThrottle, kSecure),
    ignored("fips-mode", "true", "false", "OpenSSL's own configuration decides about FIPS", kSecure),
    refused("serverCnxnFactory", "org.apache.zookeeper.server.NIOServerCnxnFactory",
            "org.apache.zookeeper.server.NIOServerCnxnFactory,"
            "org.apache.zookeeper.server.NettyServerCnxnFactory",
            "it names Java code; remove it, and name a transport with vivarium.transport.client"),

    // --- throttles --------------------------------------------------------------------------------
    ignored("request_throttle_max_requests", "0", "0", kNoThrottle),
    ignored("request_throttle_stall_time", "100", "*", ""),
    ignored("request_throttle_drop_stale", "true", "*", ""),
    ignored("request_stale_latency_check", "false", "false", kNoThrottle),
    ignored("request_stale_connection_check", "true", "*", ""),
    ignored("throttled_op_wait_time", "0", "0", kNoThrottle),
    ignored("largeRequestMaxBytes", "104857600", "*", ""),
    ignored("largeRequestThreshold", "-1", "-1", kNoThrottle),
    ignored("connection_throttle_tokens", "0", "0", kNoThrottle),
    ignored("connection_throttle_fill_time", "1", "*", ""),
    ignored("connection_throttle_fill_count", "1", "*", ""),
    ignored("connection_throttle_freeze_time", "-1", "*", ""),
    ignored("connection_throttle_drop_increase", "0.02", "*", ""),
    ignored("connection_throttle_drop_decrease", "0.002", "*", ""),
    ignored("connection_throttle_decrease_ratio", "0", "*", ""),
    ignored("connection_throttle_weight_enabled", "false", "*", ""),
    ignored("connection_throttle_global_session_weight", "3", "*", ""),
    ignored("connection_throttle_local_session_weight", "1", "*", ""),
    ignored("connection_throttle_renew_session_weight", "2", "*", ""),

    // --- the inner workings of ZooKeeper ----------------------------------------------------------
    ignored("maxResponseCacheSize", "400", "", kTuning),
    ignored("maxGetChildrenResponseCacheSize", "400", "", kTuning),
    ignored("watchManagerName", "", "", kTuning),
    ignored("watcherCleanThreshold", "1000", "", kTuning),
    ignored("watcherCleanIntervalInSeconds", "600", "", kTuning),
    ignored("watcherCleanThreadsNum", "2", "", kTuning),
    ignored("maxInProcessingDeadWatchers", "-1", "", kTuning),
    ignored("bitHashCacheSize", "10", "", kTuning),
    ignored("nio.numSelectorThreads", "", "", kTuning),
    ignored("nio.numWorkerThreads", "", "", kTuning),
    ignored("nio.directBufferBytes", "65536", "", kTuning),
    ignored("nio.shutdownTimeout", "5000", "", kTuning),
    ignored("commitProcessor.*", "", "", kTuning),
    ignored("tcpKeepAlive", "false", "", kTuning),
    ignored("clientTcpKeepAlive", "false", "", kTuning),
    ignored("jvm.pause.monitor", "false", "false", kNoJvm),
    ignored("jvm.pause.sleep.time.ms", "500", "*", kNoJvm),
    ignored("jvm.pause.warn-threshold.ms", "10000", "*", kNoJvm),
    ignored("jvm.pause.info-threshold.ms", "1000", "*", kNoJvm),

    // --- what is shown to operators ---------------------------------------------------------------
    of_service(flag("admin.enableServer", "true", "whether there are admin pages"), "false"),
    of_service(number("admin.serverPort", "8080", 0, 65535, "", "port of the admin pages; 0: a free one"), ""),
    of_service(text("admin.serverAddress", "",
                    "address of the admin pages; unset: 127.0.0.1 (ZooKeeper: every interface)"),
               ""),
    of_service(number("admin.idleTimeout", "30000", 1, kInt, "ms",
                      "how long a connection to the admin pages may be silent"),
               "30000"),
    of_service(text("admin.commandURL", "/commands", "where the commands are"), "/commands"),
    ignored("admin.httpVersion", "11", "11", "HTTP/1.1 is spoken", kService),
    refused("admin.forceHttps", "false", "false", kServiceTls, kService),
    refused("admin.needClientAuth", "false", "false", kServiceTls, kService),
    ignored("admin.portUnification", "false", "false",
            "the port of the admin pages takes one kind of connections only", kService),
    ignored("admin.*", "", "", "there is no such command", kService),
    of_service(text("metricsProvider.className", "",
                    "ZooKeeper's exporter to Prometheus, org.apache.zookeeper.metrics.prometheus."
                    "PrometheusMetricsProvider: `/metrics` has a port of its own too"),
               "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider,"
               "org.apache.zookeeper.metrics.impl.NullMetricsProvider"),
    of_service(number("metricsProvider.httpPort", "7000", 0, 65535, "", "that port; 0: a free one"), "*"),
    of_service(text("metricsProvider.httpHost", "",
                    "its address; unset: 127.0.0.1 (ZooKeeper: every interface)"),
               "*"),
    ignored("metricsProvider.httpsPort", "", "", "`/metrics` is served on httpPort alone", kService),
    ignored("metricsProvider.ssl.*", "", "*", "", kService),  // Without httpsPort they do nothing.
    ignored("metricsProvider.*", "", "*", "", kService),

    // --- ensembles --------------------------------------------------------------------------------
    text("server.*", "", "a member: host:quorumPort:electionPort[:role][;[clientHost:]clientPort]"),
    path("dynamicConfigFile", "file with the server, group and weight lines"),
    flag("standaloneEnabled", "true", "one server line means a server alone"),
    ignored("version", "", "*", ""),  // in dynamic configuration files
    text("group.*", "", "servers of a group, with colons between them: hierarchical quorums"),
    text("weight.*", "", "what a server counts for in its group; unset: 1"),
    number("initLimit", "", 1, kInt, "ticks",
           "how long a server may take to join its leader; an ensemble cannot do without"),
    number("syncLimit", "", 1, kInt, "ticks",
           "how far a server may lag behind its leader; an ensemble cannot do without"),
    text("electionAlg", "3", "3, and no other"),
    text("peerType", "participant", "participant or observer; its own server line counts"),
    ignored("connectToLearnerMasterLimit", "0", "0", kTuning, kEnsemble),
    ignored("electionPortBindRetry", "3", "3", kTuning, kEnsemble),
    ignored("quorumListenOnAllIPs", "false", "false",
            "a server listens for others at the address of its own server line", kEnsemble),
    ignored("observerMasterPort", "", "", kNoObserverMaster, kEnsemble),
    ignored("observerMaster.*", "", "*", "", kEnsemble),
    ignored("observer.*", "", "", kTuning, kEnsemble),
    ignored("leaderServes", "yes", "yes", "the leader serves clients as the others do", kEnsemble),
    ignored("leader.*", "", "", kTuning, kEnsemble),
    ignored("follower.*", "", "", kTuning, kEnsemble),
    ignored("learner.*", "", "", kTuning, kEnsemble),
    ignored("fastleader.*", "", "", kTuning, kEnsemble),
    ignored("cnxTimeout", "5000", "5000", kTuning, kEnsemble),
    ignored("quorumCnxnTimeoutMs", "-1", "-1", kTuning, kEnsemble),
    ignored("quorum.cnxn.threads.size", "20", "*", "", kEnsemble),  // For SASL alone.
    ignored("leaderConnectDelayDuringRetryMs", "100", "100", kTuning, kEnsemble),
    ignored("forceSnapshotSync", "false", "false",
            "a server that joins is sent what it lacks, and a whole snapshot where that cannot be had",
            kEnsemble),
    ignored("snapshotSizeFactor", "0.33", "0.33", kTuning, kEnsemble),
    ignored("forward_learner_requests_to_commit_processor_disabled", "false", "*", "", kEnsemble),
    ignored("multiAddress.*", "", "false", "a server has one address here", kEnsemble),
    ignored("oraclePath", "", "", "there is no oracle: of two voters one alone cannot go on", kEnsemble),
    ignored("portUnification", "false", "false", kPlainQuorum, kEnsemble),
    ignored("sslQuorumReloadCertFiles", "false", "*", "", kEnsemble),
    ignored("ssl.quorum.*", "", "*", "", kEnsemble),  // Without sslQuorum they do nothing.
    ignored("quorum.auth.kerberos.servicePrincipal", "", "*", "", kEnsemble),
    ignored("quorum.auth.learner.saslLoginContext", "", "*", "", kEnsemble),
    ignored("quorum.auth.server.saslLoginContext", "", "*", "", kEnsemble),
    refused("sslQuorum", "false", "false", kNoQuorumTls),
    refused("quorum.auth.enableSasl", "false", "false", kNoQuorumAuth),
    refused("quorum.auth.serverRequireSasl", "false", "false", kNoQuorumAuth),
    refused("quorum.auth.learnerRequireSasl", "false", "false", kNoQuorumAuth),
};

constexpr KeyAlias kAliases[] = {
    {"ssl.keyStore.location", "transport.secure", "certificate"},
    {"ssl.trustStore.location", "transport.secure", "ca"},
    {"ssl.clientAuth", "transport.secure", "client_auth"},
    {"ssl.protocol", "transport.secure", "min_version"},
    {"ssl.enabledProtocols", "transport.secure", "min_version"},
    {"ssl.ciphersuites", "transport.secure", "ciphers"},
};

bool covers(std::string_view pattern, std::string_view key) {
  if (!pattern.ends_with(".*")) return pattern == key;
  pattern.remove_suffix(1);
  return key.starts_with(pattern) && key.size() > pattern.size();
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::span<const ZooKeeperKey> zookeeper_keys() { return kKeys; }
std::span<const KeyAlias> key_aliases() { return kAliases; }

std::string_view canonical_key(std::string_view key) {
  constexpr std::string_view kPrefix = "zookeeper.";
  return key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key;
}

const ZooKeeperKey* find_zookeeper_key(std::string_view canonical) {
  const auto rows = zookeeper_keys();
  const auto exact = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto& row) { return canonical == row.option.key; });
  if (exact != rows.end()) return &*exact;
  const auto pattern = std::find_if(rows.begin(), rows.end(), [&](const auto& row) {
    return covers(row.option.key, canonical);
  });
  return pattern == rows.end() ? nullptr : &*pattern;
}

bool is_harmless(const ZooKeeperKey& row, std::string_view value) {
  const auto values = comma_list(row.harmless);
  return std::any_of(values.begin(), values.end(), [&](const std::string& harmless) {
    return harmless == "*" || equal_ignoring_case(harmless, value);
  });
}

}  // namespace vivarium
