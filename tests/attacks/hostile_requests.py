"""Attacks by what requests say: lengths, counts, paths, identities, and asking for what is not allowed."""

import base64
import hashlib
import random
import select
import struct

import client
import wire
from connections import closed_by_peer

HUGE_COUNTS = (0x7FFFFFFF, 0x10000000, 1_000_000)
NEGATIVE_COUNTS = (-2, -0x80000000)  # Of a vector: none, as for ZooKeeper. Of bytes: an error.
DIGEST_OWNER = "owner:" + base64.b64encode(hashlib.sha1(b"owner:secret").digest()).decode()
DIGEST_SUPER = "super:" + base64.b64encode(hashlib.sha1(b"super:secret").digest()).decode()


def answer(t, operation, body, c=None):
    """The error of a fresh client's request; "closed" when the connection ends instead."""
    own = c or t.client()
    try:
        return own.call(operation, body).err
    except client.Closed:
        return "closed"
    finally:
        if not c:
            own.close()


def counts(t):
    """Vectors and multis that promise more than the frame holds, in every request that has one."""
    path, text = wire.string("/counts"), wire.string("x")
    none = wire.i32(0)
    part = wire.i32(wire.CREATE) + wire.boolean(False) + wire.i32(-1)
    end = wire.i32(-1) + wire.boolean(True) + wire.i32(-1)
    nested = b"".join(wire.i32(wire.MULTI) + wire.boolean(False) + wire.i32(-1)
                      for _ in range(100_000))
    bodies = [
        ("create", wire.CREATE, lambda n: path + text + n),
        ("create2", wire.CREATE2, lambda n: path + text + n),
        ("createContainer", wire.CREATE_CONTAINER, lambda n: path + text + n),
        ("createTTL", wire.CREATE_TTL, lambda n: path + text + n),
        ("setACL", wire.SET_ACL, lambda n: wire.string("/bystander") + n),
        *((f"setWatches, vector {i}", client.SET_WATCHES,
           lambda n, i=i: wire.i64(0) + none * i + n) for i in range(3)),
        *((f"setWatches2, vector {i}", client.SET_WATCHES2,
           lambda n, i=i: wire.i64(0) + none * i + n) for i in range(5)),
        ("create in a multi", wire.MULTI, lambda n: part + path + text + n),
        ("a text in a vector", client.SET_WATCHES, lambda n: wire.i64(0) + wire.i32(1) + n),
        ("an ACL's scheme", wire.CREATE, lambda n: path + text + wire.i32(1) + wire.i32(31) + n),
        ("a path", wire.EXISTS, lambda n: n + b"/"),
        ("data", wire.SET_DATA, lambda n: wire.string("/bystander") + n),
        ("credentials", client.AUTH, lambda n: wire.i32(0) + wire.string("digest") + n),
    ]
    with t.memory_bound(32):
        for name, operation, body in bodies:
            answers = {answer(t, operation, body(wire.i32(n))) for n in HUGE_COUNTS}
            t.check(answers <= {client.MARSHALLING_ERROR, "closed"}, f"{name}: {answers}")
            answers = {answer(t, operation, body(wire.i32(n))) for n in NEGATIVE_COUNTS}
            t.check(answers <= {client.MARSHALLING_ERROR, client.INVALID_ACL, "closed"} or
                    "vector" in name and answers == {client.OK}, f"{name}, negative: {answers}")
        for name, body in (("multis in a multi", nested), ("a multi without an end", part * 100_000),
                           ("parts that are not there", part + wire.string("/x"))):
            for operation in (wire.MULTI, client.MULTI_READ):
                got = answer(t, operation, body[:1_000_000])
                t.check(got in (client.MARSHALLING_ERROR, client.UNIMPLEMENTED, client.BAD_ARGUMENTS,
                                "closed"), f"{name} ({operation}): {got}")
        # Many parts of few bytes, each refused: what comes back is no longer than what was asked.
        checks = b"".join(wire.i32(wire.CHECK) + wire.boolean(False) + wire.i32(-1) +
                          wire.string("/n") + wire.i32(0) for _ in range(40_000)) + end
        with t.client() as c:
            reply = c.call(wire.MULTI, checks)
            t.check(len(reply.body) <= 2 * len(checks), f"a multi of 40000 parts that fail: "
                                                       f"{len(reply.body)} bytes come back")
    with t.client() as c:
        t.check(c.exists("/counts").err == client.NO_NODE, "nothing was created")


def lengths_and_paths(t):
    """Paths that are none, requests cut at every byte, opcodes that nobody knows."""
    bad = [b"", b"a", b"/a/", b"//", b"/a//b", b"/.", b"/..", b"/a/../b", b"/a/.", b"/\0", b"/\x01",
           b"/\n", b"/\x1f", b"/\x7f", b"/\xc2\x80", b"/\xc2\x9f", b"/\xed\xa0\x80", b"/\xee\x80\x80",
           b"/\xef\xbf\xb0", b"/\xef\xbf\xbf", b"/\xf0\x9f\x98\x80", b"/\xff", b"/a\0b"]
    good = [b"/x", b"/...", b"/.x", b"/x..", "/ä".encode(), "/名".encode(), b"/ ", b"/" + b"y" * 2000]
    with t.client() as c, t.memory_bound(64):
        def created(path):
            return c.call(wire.CREATE, wire.buffer(path) + wire.buffer(b"") + wire.OPEN_ACL +
                          wire.i32(0)).err
        wrong = {path: err for path in bad
                 if (err := created(path)) not in (client.BAD_ARGUMENTS, client.NO_NODE)}
        t.check(not wrong, f"{len(bad)} paths that are none are BadArguments, or have no parent {wrong}")
        wrong = {path: err for path in good if (err := created(path)) != client.OK}
        t.check(not wrong, f"{len(good)} odd ones that are paths are created {wrong}")
        deep = b"/d" * 100_000
        t.check(created(deep) == client.NO_NODE, "a path of 100000 levels has no parent")
        for operation in (wire.EXISTS, wire.GET_DATA, client.GET_CHILDREN2, client.ADD_WATCH):
            body = wire.buffer(deep) + (wire.i32(1) if operation == client.ADD_WATCH else b"\1")
            t.check(c.call(operation, body).err in (client.OK, client.NO_NODE),
                    f"and opcode {operation} takes it")
        children = c.call(wire.GET_CHILDREN, wire.string("/") + b"\0")
        t.check(wire.Reader(children.body).i32() == len(good) + 2, "nothing else was created")
    requests = [wire.create("/cut"), wire.set_data("/bystander", b"12345"), wire.delete("/none"),
                wire.set_acl("/none"), client.get_data("/bystander"), wire.create_ttl("/cut"),
                wire.multi([wire.create("/cut"), wire.check("/none", 0)]),
                client.set_watches(0, ["/a"], ["/b"], ["/c"]),
                (client.AUTH, wire.i32(0) + wire.string("digest") + wire.buffer(b"a:b"))]
    answers = {}
    cuts = 0
    c = t.client()
    for operation, body in requests:
        for end in range(len(body)):
            cuts += 1
            got = answer(t, operation, body[:end], c)
            answers.setdefault(got, set()).add(operation)
            if got == "closed":
                c = t.client()
    c.close()
    # A multi that ends early is told so; so is every record, or its connection ends.
    t.check(set(answers) <= {client.MARSHALLING_ERROR, client.BAD_ARGUMENTS, client.AUTH_FAILED,
                             "closed"}, f"{cuts} requests cut short: {answers}")
    t.check(answer(t, *client.exists("/cut")) == client.NO_NODE, "none of them did anything")
    known = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19, 21, 22, 100, 101, 102, 103,
             104, 105, 106, 107, -11}
    wrong = [operation for operation in [*range(-12, 130), 1000, 0x7FFFFFFF, -0x80000000]
             if operation not in known and
             answer(t, operation, wire.string("/bystander")) != client.UNIMPLEMENTED]
    t.check(not wrong, f"opcodes that clients have not are Unimplemented {wrong}")
    t.check(answer(t, *client.exists("/bystander")) == client.OK, "/bystander is there")


def denied(t):
    """Each request with each set of permissions, as owner, stranger, nobody and super, alone and in multi."""
    create, delete, read, write, admin = 4, 8, 1, 2, 16
    acl_of = {perms: client.acl((perms, "digest", DIGEST_OWNER)) for perms in range(32)}
    who = {"nobody": t.client(), "owner": t.client(), "stranger": t.client(), "super": t.client()}
    for name in ("owner", "stranger", "super"):
        t.check(who[name].add_auth("digest", f"{name}:secret".encode()).err == client.OK,
                f"{name} is authenticated")
    root = who["super"]
    root.create("/denied")

    def requests(perms):
        """name: (request, permissions of which one is needed, may it be in a multi?)"""
        p = f"/denied/{perms}"
        new = wire.string(p + "/new") + wire.buffer(b"") + wire.OPEN_ACL
        return {
            "create": ((wire.CREATE, new + wire.i32(0)), create, True),
            "create2": ((wire.CREATE2, new + wire.i32(0)), create, True),
            "createContainer": ((wire.CREATE_CONTAINER, new + wire.i32(4)), create, True),
            "createTTL": ((wire.CREATE_TTL, new + wire.i32(5) + wire.i64(10**6)), create, True),
            "delete": (wire.delete(p + "/child"), delete, True),
            "setData": (wire.set_data(p, b"new"), write, True),
            "check": (wire.check(p, -1), read, "only"),
            "setACL": ((wire.SET_ACL, wire.string(p) + acl_of[perms] + wire.i32(-1)), admin, False),
            "exists": (client.exists(p), read, False),
            "getData": (client.get_data(p), read, False),
            "getACL": ((client.GET_ACL, wire.string(p)), read | admin, False),
            "getChildren": ((wire.GET_CHILDREN, wire.string(p) + b"\0"), read, False),
            "getChildren2": ((client.GET_CHILDREN2, wire.string(p) + b"\0"), read, False),
            "getAllChildrenNumber": ((client.GET_ALL_CHILDREN_NUMBER, wire.string(p)), read, False),
        }

    def outcome(c, request):
        reply = c.call(*request)
        if reply.err or request[0] not in (wire.MULTI, client.MULTI_READ):
            return reply.err
        reader = wire.Reader(reply.body)
        kind, _, err = reader.i32(), reader.boolean(), reader.i32()
        return err if kind == -1 else client.OK

    asked, wrong = 0, []
    for perms in range(32):
        p = f"/denied/{perms}"
        root.call(*client.create_with(p, acl_of[perms], b"data"))
        root.create(p + "/child")
        for name, (request, needed, in_multi) in requests(perms).items():
            forms = [] if in_multi == "only" else [("", request)]
            if in_multi:
                forms.append((" in a multi", wire.multi([request])))
            if name in ("getData", "getChildren"):
                forms.append((" in a multiRead", (client.MULTI_READ, wire.multi([request])[1])))
            for form, whole in forms:
                for role, c in who.items():
                    allowed = role == "super" or (role == "owner" and perms & needed)
                    got = outcome(c, whole)
                    asked += 1
                    if got != (client.OK if allowed else client.NO_AUTH):
                        wrong.append((name + form, perms, role, got))
                    if allowed and name.startswith("create"):
                        root.call(*wire.delete(p + "/new"))
                    if allowed and name == "delete":
                        root.create(p + "/child")
    t.check(not wrong, f"{asked} requests are allowed or NoAuth as the ACL says {wrong[:5]}")
    t.fact(f"{asked} requests")
    for c in who.values():
        c.close()


denied.settings = [f"DigestAuthenticationProvider.superDigest={DIGEST_SUPER}"]


def watch_leaks(t):
    """Watches of all kinds by one who may not read: neither events nor zxids."""
    with t.client() as owner, t.client() as spy:
        owner.add_auth("digest", b"owner:secret")
        secret = client.acl((31, "digest", DIGEST_OWNER))
        owner.create("/open")
        begin = owner.call(*client.create_with("/open/secret", secret, b"1")).zxid
        for _ in range(20):
            owner.call(*wire.set_data("/open/secret", b"2"))
        owner.call(*client.create_with("/open/secret/child", secret))
        replies = set()
        for zxid in range(begin - 5, begin + 40):
            spy.events.clear()
            reply = spy.call(*client.set_watches(zxid, ["/open/secret"], ["/open/secret"],
                                                 ["/open/secret"]), xid=client.SET_WATCHES_XID)
            replies.add((reply.err, len(spy.events)))
        t.check(replies == {(0, 0)}, f"setWatches says the same about every zxid: {replies}")
        t.check(spy.call(client.ADD_WATCH, wire.string("/") + wire.i32(1)).err == client.OK,
                "the spy watches all below /")
        for operation in (client.exists, client.get_data):
            t.check(spy.call(*operation("/open/secret", watch=True)).err == client.NO_AUTH,
                    "and may not read the node")
        spy.events.clear()
        owner.call(*wire.set_data("/open/secret", b"3"))
        owner.call(*wire.delete("/open/secret/child"))
        owner.call(*wire.delete("/open/secret"))
        owner.call(*client.create_with("/open/secret", secret))
        owner.create("/open/seen")
        spy.call(*client.exists("/"))
        paths = [wire.Reader(event.body, 8).string() for event in spy.events]
        paths = [path for path in paths if path != "/bystander"]
        t.check(paths == ["/open/seen"], f"what reaches the spy: {paths}")


def auth(scheme, credential):
    return wire.frame(wire.request(client.AUTH_XID, client.AUTH, wire.i32(0) +
                                   wire.string(scheme) + wire.buffer(credential)))


def who_is_who(t):
    """Guessed sessions, foreign addresses, failed authentication with requests behind it."""
    with t.client() as victim, t.client() as other:
        victim.create("/mine", flags=wire.EPHEMERAL)
        guesses = [bytes(16), other.password, victim.password[:15], victim.password + b"\0", b"",
                   *(bytes(b ^ (1 << bit if i == at else 0) for i, b in enumerate(victim.password))
                     for at in range(16) for bit in range(8)),
                   *(random.Random(1).randbytes(16) for _ in range(100))]
        stolen = 0
        for guess in guesses:
            with t.client(session=victim.session, password=guess) as thief:
                stolen += thief.session != 0
        t.check(stolen == 0, f"{len(guesses)} wrong passwords open no session")
        with t.client(session=victim.session, password=victim.password) as again:
            t.check(again.session == victim.session, "the right one does")
            t.check(again.exists("/mine").err == client.OK, "and the session has lived on")

        # The scheme ip takes the connection's address and no word of its client.
        other.call(*client.create_with("/of-2", client.acl((31, "ip", "127.0.0.2"))))
        other.call(*client.create_with("/of-all", client.acl((31, "ip", "0.0.0.0/0"))))
        t.check(other.call(*client.get_data("/of-2")).err == client.NO_AUTH,
                "what 127.0.0.2 may read 127.0.0.1 may not")
        for claim in (b"127.0.0.2", b"127.0.0.2:1", b"::ffff:127.0.0.2", b""):
            other.add_auth("ip", claim)
            t.check(other.call(*client.get_data("/of-2")).err == client.NO_AUTH,
                    f"nor when it says that it is {claim}")
        with t.client(source="127.0.0.2") as two:
            t.check(two.call(*client.get_data("/of-2")).err == client.OK, "127.0.0.2 may")
        for name in ("127.0.0.2/33", "127.0.0.2/-1", "127.0.0", "127.0.0.2.1", "0x7f000002", "/8",
                     "127.0.0.2/8/8", "localhost"):
            err = other.call(*client.create_with("/of-x", client.acl((31, "ip", name)))).err
            t.check(err == -114, f"ip:{name} is no id: {err}")

    def behind(first, closes=True):
        """What the client hears when a create is sent behind `first` in one segment."""
        c = t.client()
        c.raw(first + wire.frame(wire.request(5, *wire.create("/never"))) +
              wire.frame(wire.request(6, *wire.multi([wire.create("/never")]))))
        heard = []
        try:
            while True:
                heard.append(c.reply())
        except client.Closed:
            pass
        c.close()
        return [(reply.xid, reply.err) for reply in heard]

    for name, first, expected in (
            ("an unknown scheme", auth("nobody", b"x"), [(-4, client.AUTH_FAILED)]),
            ("credentials that are null", auth("digest", None), [(-4, client.AUTH_FAILED)]),
            ("sasl", wire.frame(wire.request(4, client.SASL, wire.buffer(b"x"))),
             [(4, client.AUTH_FAILED)]),
            ("the end of the session", wire.frame(wire.request(4, *wire.close_session())), [(4, 0)]),
            ("an unknown opcode", wire.frame(wire.request(4, 77, b"")), [(4, client.UNIMPLEMENTED)]),
            ("a frame that makes no sense", wire.frame(b"\0"), [])):
        heard = behind(first)
        t.check(heard == expected, f"behind {name} nothing is carried out: {heard}")
    t.check(answer(t, *client.exists("/never")) == client.NO_NODE, "nothing was created")


def clear_credentials(t):
    """A password in clear at a server that takes passwords on encrypted connections only."""
    with t.client() as c:
        c.raw(auth("digest", b"listener:overheard") +
              wire.frame(wire.request(1, *wire.create("/never"))))
        reply = c.reply()
        t.check((reply.xid, reply.err) == (client.AUTH_XID, client.AUTH_FAILED), f"refused: {reply.xid, reply.err}")
        try:
            t.check(False, f"the connection goes on: {c.reply()}")
        except client.Closed:
            t.check(True, "the connection ends")
    t.check(answer(t, *client.exists("/never")) == client.NO_NODE, "what came behind it is not carried out")
    t.check("secure_only" in t.log() and "overheard" not in t.log(),
            "the log says why, and not the password")


clear_credentials.settings = ["vivarium.auth.digest.secure_only=true"]


def forged_lines(t):
    """New lines in whatever a client may name."""
    forged = "\n2026-01-01 00:00:00.000 error FORGED\r\n\x1b[31mFORGED\x85FORGED"
    for operation, body in (
            (client.AUTH, wire.i32(0) + wire.string("digest" + forged) + wire.buffer(b"x")),
            (client.AUTH, wire.i32(0) + wire.string("digest") + wire.buffer(forged.encode())),
            (client.AUTH, wire.i32(0) + wire.string("digest") + wire.buffer(b"a:b" + forged.encode())),
            wire.create("/a" + forged), client.exists("/a" + forged, watch=True),
            client.create_with("/b", client.acl((31, "digest", "x:" + forged))),
            client.create_with("/b", client.acl((31, "nobody" + forged, "x"))),
            client.create_with("/b", client.acl((31, "ip", forged))),
            client.set_watches(0, ["/a" + forged], [], []),
            (client.ADD_WATCH, wire.string("/a" + forged) + wire.i32(0)),
            (wire.SYNC, wire.string("/a" + forged)),
            (client.GET_EPHEMERALS, wire.string(forged))):
        answer(t, operation, body)
    with t.client() as c:
        c.add_auth("digest", ("user" + forged + ":p").encode())
        for request in (wire.create("/c"), wire.delete("/c"), (client.WHO_AM_I, b"")):
            c.call(*request)
    for word in (b"\nFOR", b"GED\n", b"srvr"):
        s = client.connected(t.address)
        s.sendall(word)
        closed_by_peer([s], 5)
        s.close()
    lines = t.log().splitlines()
    with open(t.server.log, "rb") as f:
        raw = f.read()
    dated = [line for line in raw.split(b"\n") if line and not line.startswith(b"20")]
    t.check(len(lines) > 10 and not dated, f"every one of the log's lines is the server's own {dated[:3]}")
    t.check(not any(line.startswith(b"2026-01-01") for line in raw.split(b"\n")),
            "and none has the forged date")
    t.check(b"\x1b" not in raw and b"\r" not in raw and b"\xc2\x85" not in raw,
            "control characters are escaped")


forged_lines.settings = ["vivarium.log.level=debug"]

ATTACKS = [counts, lengths_and_paths, denied, watch_leaks, who_is_who, clear_credentials, forged_lines]
