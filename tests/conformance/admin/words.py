"""The four-letter words of two servers after the same load, to the letter.

What no load decides (ids of sessions, ports, times, what the machine and the build are called) is blurred
first, and nothing else; `mntr` is compared by its fields, as `monitor` is.
"""

import re

import server

# What a load does not decide, and what stands for it.
BLURRED = [
    (r"0x[0-9a-f]{14,16}\b", "SESSION"),
    (r"(?<=127\.0\.0\.1:)\d+(:\d+)?", "PORT"),
    (r"(?<=expire at )\w+ \w+ \d+ \d\d:\d\d:\d\d \w+ \d+", "TIME"),
    (r"(?m)^0 expire at TIME:\n", ""),
    (r"(?<=Connections Sets \()\d+", "N"),
    (r"(?<=est=)\d+|(?<=lresp=)\d+|(?<=lat=)\d+", "N"),
    (r"(?<=Latency min/avg/max: )\d+/\d+\.\d+/\d+", "N/N.N/N"),
    (r"(?<=Zookeeper version: ).*", "VERSION"),
    (r"(?<=(?:lient|ction|uorum)Port=)\d+", "PORT"),
    (r"(?<=[rg]Size=)\d+|(?<=_size: )\d+", "BYTES"),
    (r"/\S+(?=/data/version-2)", "DIRECTORY"),
]
# ZooKeeper counts what it sends of a long answer for more than one packet: `mntr` and `envi` come last.
BEFORE = ["stat", "srvr", "conf", "cons", "wchs", "wchc", "wchp", "dirs", "ruok", "isro", "gtmk", "dump"]
AFTER = ["crst", "cons", "srst", "srvr", "hash", "icfg", "lsnp", "lead", "abcd"]
# Numbers of `mntr` that the load decides; what words came before is part of it.
COUNTS = ["server_state", "znode_count", "watch_count", "ephemerals_count", "approximate_data_size",
          "num_alive_connections", "global_sessions", "outstanding_requests", "packets_sent",
          "packets_received", "auth_failed_count", "last_client_response_size",
          "min_client_response_size", "max_client_response_size", "bytes_received_count",
          "response_bytes", "watch_bytes", "connection_request_count", "connection_rejected",
          "connection_drop_count", "sessionless_connections_expired", "stale_sessions_expired",
          "digest_mismatches_count", "proposal_count", "commit_count", "cnt_updatelatency",
          "cnt_readlatency", "max_file_descriptor_count",
          "connection_revalidate_count", "outstanding_changes_queued", "outstanding_changes_removed",
          "cnt_propagation_latency", "cnt_request_throttle_queue_time_ms", "stale_replies",
          "cnt_node_changed_watch_count", "sum_node_changed_watch_count", "cnt_node_children_watch_count",
          *(f"{part}_{key}_per_namespace" for part in ("avg", "min", "max", "cnt", "sum")
            for key in ("n0_write", "n1_write", "n19_write", "e_write"))]
READER_COUNTS = [f"{part}_{key}_per_namespace" for part in ("avg", "min", "max", "cnt", "sum")
                 for key in ("n1_read", "n2_read")]
MEMBER_COUNTS = ["quorum_size", "cnt_quorum_ack_latency", "learner_proposal_received_count",
                 "learner_commit_received_count", "revalidate_count", "request_commit_queued",
                 "cnt_proposal_latency", "cnt_proposal_ack_creation_latency", "cnt_commit_propagation_latency",
                 "sync_processor_request_queued", "prep_processor_request_queued", "cnt_prep_process_time",
                 "sum_write_commit_proc_issued"]
LEADER_COUNTS = ["learners", "synced_followers", "synced_observers", "synced_non_voting_followers",
                 "pending_syncs", "last_proposal_size", "min_proposal_size", "max_proposal_size"]
COUNTS_OF = {"standalone": COUNTS + READER_COUNTS, "leader": COUNTS + MEMBER_COUNTS + LEADER_COUNTS,
             "follower": COUNTS + MEMBER_COUNTS + READER_COUNTS}


def ask(side, word):
    return server.four_letter_word(side.server.address, word)


def blurred(text):
    """Connections come in no order."""
    for pattern, name in BLURRED:
        text = re.sub(pattern, name, text)
    return re.sub(r"(?:^ /.*\n)+", lambda lines: "".join(sorted(lines[0].splitlines(True))), text,
                  flags=re.MULTILINE)


def fields(text, separator):
    """{name: value} of lines; a line without the separator is a heading."""
    return dict(line.split(separator, 1) for line in text.splitlines() if separator in line)


def number(text):
    """As `monitor` has it."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def monitor(side):
    """`mntr` without its prefix, which each of its lines has."""
    found = {}
    for name, value in fields(ask(side, "mntr"), "\t").items():
        assert name.startswith("zk_"), f"{side.name} mntr: {name!r}"
        found[name[3:]] = number(value)
    return found


def compare(java, ours, failures, compare_fields):
    """`compare_fields(command, java, ours)` holds the names and types of a command's fields against each
    other. Resets the counts of both. Returns how many values it has compared."""
    def compare_texts(words):
        for word in words:
            java_says, ours_says = (blurred(ask(side, word)) for side in (java, ours))
            failures.check(java_says == ours_says,
                           f"{word}: with Java\n{java_says}and with ours\n{ours_says}")

    compare_texts(BEFORE)
    counts = [monitor(side) for side in (java, ours)]
    compare_fields("monitor", *counts)
    names = COUNTS_OF[counts[0]["server_state"]]
    for name in names:
        java_has, ours_has = (found.get(name) for found in counts)
        failures.check(java_has is not None, f"mntr: Java has no {name}")
        failures.check(java_has == ours_has, f"mntr: {name}: {java_has} with Java, {ours_has} with ours")
    compare_fields("environment", *(fields(ask(side, "envi"), "=") for side in (java, ours)))
    compare_texts(AFTER)
    return len(BEFORE) + len(names) + len(AFTER)
