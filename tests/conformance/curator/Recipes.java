import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.Collectors;
import org.apache.curator.framework.*;
import org.apache.curator.framework.api.CuratorWatcher;
import org.apache.curator.framework.api.transaction.*;
import org.apache.curator.framework.recipes.atomic.*;
import org.apache.curator.framework.recipes.barriers.*;
import org.apache.curator.framework.recipes.cache.*;
import org.apache.curator.framework.recipes.leader.*;
import org.apache.curator.framework.recipes.locks.*;
import org.apache.curator.framework.recipes.nodes.*;
import org.apache.curator.framework.recipes.queue.*;
import org.apache.curator.framework.recipes.shared.*;
import org.apache.curator.retry.*;
import org.apache.curator.x.discovery.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.data.*;

/** Curator's recipes at work on the ZooKeeper server at the address given as the first argument. */
public class Recipes {
  static String hosts;
  static int passed, failed;
  static final String base = "/recipes";

  interface Body {
    void run() throws Exception;
  }

  static CuratorFramework client() throws Exception {
    CuratorFramework c = CuratorFrameworkFactory.builder()
                             .connectString(hosts)
                             .sessionTimeoutMs(8000)
                             .connectionTimeoutMs(5000)
                             .retryPolicy(new ExponentialBackoffRetry(100, 8))
                             .build();
    c.start();
    if (!c.blockUntilConnected(30, TimeUnit.SECONDS)) {
      throw new Exception("no connection");
    }
    return c;
  }

  static void check(boolean b, String what) throws Exception {
    if (!b) {
      throw new Exception(what);
    }
  }

  static void until(Callable<Boolean> c, String what) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(25);
    while (!c.call()) {
      if (System.nanoTime() > end) {
        throw new Exception("not in 25 s: " + what);
      }
      Thread.sleep(20);
    }
  }

  static void test(String name, Body b) {
    long t = System.nanoTime();
    ExecutorService x = Executors.newSingleThreadExecutor(r -> {
      Thread th = new Thread(r);
      th.setDaemon(true);
      return th;
    });
    Future<?> f = x.submit(() -> {
      b.run();
      return null;
    });
    String bad = null;
    try {
      f.get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      bad = String.valueOf(e.getCause());
    } catch (Exception e) {
      bad = e.toString();
    }
    x.shutdownNow();
    if (bad == null) {
      passed++;
    } else {
      failed++;
    }
    System.out.printf("%-4s %5.2fs %s%s%n", bad == null ? "ok" : "FAIL",
        (System.nanoTime() - t) / 1e9, name, bad == null ? "" : " -- " + bad);
  }

  /** Ends a client's session on the server: a second connection takes it over and closes it. */
  static void kill(CuratorFramework client) throws Exception {
    ZooKeeper session = client.getZookeeperClient().getZooKeeper();
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper second = new ZooKeeper(hosts, session.getSessionTimeout(), e -> {
      if (e.getState() == Watcher.Event.KeeperState.SyncConnected) {
        connected.countDown();
      }
    }, session.getSessionId(), session.getSessionPasswd());
    check(connected.await(10, TimeUnit.SECONDS), "a second connection of the session");
    second.close();
  }

  /** The one latch that leads, or null while there is none or more than one. */
  static LeaderLatch leader(List<LeaderLatch> latches) {
    List<LeaderLatch> leaders =
        latches.stream().filter(LeaderLatch::hasLeadership).collect(Collectors.toList());
    return leaders.size() == 1 ? leaders.get(0) : null;
  }

  public static void main(String[] a) throws Exception {
    hosts = a[0];
    CuratorFramework c1 = client(), c2 = client();
    c1.create().forPath(base);
    test("InterProcessMutex: 4 clients, 40 turns, never two at once", () -> {
      AtomicInteger in = new AtomicInteger(), worst = new AtomicInteger(),
                    turns = new AtomicInteger();
      List<Thread> ts = new ArrayList<>();
      List<CuratorFramework> cs = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        CuratorFramework c = client();
        cs.add(c);
        Thread t = new Thread(() -> {
          try {
            InterProcessMutex m = new InterProcessMutex(c, base + "/mutex");
            for (int k = 0; k < 10; k++) {
              m.acquire();
              m.acquire();
              worst.accumulateAndGet(in.incrementAndGet(), Math::max);
              Thread.sleep(2);
              in.decrementAndGet();
              turns.incrementAndGet();
              m.release();
              m.release();
            }
          } catch (Exception e) {
            worst.set(99);
          }
        });
        t.start();
        ts.add(t);
      }
      for (Thread t : ts) {
        t.join(40000);
      }
      for (CuratorFramework c : cs) {
        c.close();
      }
      check(worst.get() == 1 && turns.get() == 40, "worst " + worst + " turns " + turns);
    });
    test("InterProcessMutex is freed when the holder's session is killed", () -> {
      CuratorFramework c = client();
      InterProcessMutex m = new InterProcessMutex(c, base + "/m2");
      m.acquire();
      kill(c);
      check(new InterProcessMutex(c2, base + "/m2").acquire(20, TimeUnit.SECONDS), "not freed");
      c.close();
    });
    test("InterProcessReadWriteLock: readers share, the writer waits", () -> {
      InterProcessReadWriteLock l1 = new InterProcessReadWriteLock(c1, base + "/rw"),
                                l2 = new InterProcessReadWriteLock(c2, base + "/rw");
      l1.readLock().acquire();
      check(l2.readLock().acquire(5, TimeUnit.SECONDS), "second reader");
      l2.readLock().release();
      ExecutorService x = Executors.newSingleThreadExecutor();
      Future<Boolean> w = x.submit(() -> {
        boolean r = l2.writeLock().acquire(20, TimeUnit.SECONDS);
        if (r) {
          l2.writeLock().release();
        }
        return r;
      });
      Thread.sleep(400);
      check(!w.isDone(), "writer got in");
      l1.readLock().release();
      check(w.get(20, TimeUnit.SECONDS), "writer never got in");
      x.shutdown();
    });
    test("InterProcessSemaphoreV2: three leases", () -> {
      InterProcessSemaphoreV2 s1 = new InterProcessSemaphoreV2(c1, base + "/sem", 3),
                              s2 = new InterProcessSemaphoreV2(c2, base + "/sem", 3);
      Collection<Lease> l = s1.acquire(3);
      check(s2.acquire(500, TimeUnit.MILLISECONDS) == null, "a fourth lease");
      s1.returnAll(l);
      Lease n = s2.acquire(10, TimeUnit.SECONDS);
      check(n != null, "none after return");
      s2.returnLease(n);
    });
    test("InterProcessMultiLock", () -> {
      InterProcessMultiLock m =
          new InterProcessMultiLock(c1, Arrays.asList(base + "/ml1", base + "/ml2"));
      m.acquire();
      check(!new InterProcessMutex(c2, base + "/ml2").acquire(300, TimeUnit.MILLISECONDS),
          "not held");
      m.release();
    });
    test("LeaderLatch: one leader, hand-over on close and on session kill", () -> {
      List<CuratorFramework> cs = new ArrayList<>();
      List<LeaderLatch> ls = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        CuratorFramework c = client();
        cs.add(c);
        LeaderLatch l = new LeaderLatch(c, base + "/latch", "n" + i);
        l.start();
        ls.add(l);
      }
      until(() -> leader(ls) != null, "one leader");
      until(() -> ls.get(0).getParticipants().size() == 3, "three participants");
      LeaderLatch first = leader(ls);
      kill(cs.get(ls.indexOf(first)));
      // The first leader comes back as the last participant.
      until(() -> leader(ls) != null && leader(ls) != first, "another after the kill");
      until(() -> ls.get(0).getParticipants().size() == 3, "three again after the kill");
      LeaderLatch second = leader(ls);
      second.close();
      until(() -> leader(ls) != null && leader(ls) != second, "another after the close");
      for (LeaderLatch l : ls) {
        if (l != second) {
          l.close();
        }
      }
      for (CuratorFramework c : cs) {
        c.close();
      }
    });
    test("LeaderSelector: each of three leads in turn", () -> {
      Set<String> led = ConcurrentHashMap.newKeySet();
      AtomicInteger at = new AtomicInteger(), worst = new AtomicInteger();
      List<LeaderSelector> ls = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        String n = "s" + i;
        LeaderSelector l = new LeaderSelector(
            i % 2 == 0 ? c1 : c2, base + "/sel", new LeaderSelectorListenerAdapter() {
              public void takeLeadership(CuratorFramework c) throws Exception {
                worst.accumulateAndGet(at.incrementAndGet(), Math::max);
                led.add(n);
                Thread.sleep(50);
                at.decrementAndGet();
              }
            });
        l.autoRequeue();
        l.start();
        ls.add(l);
      }
      until(() -> led.size() == 3, "all lead");
      for (LeaderSelector l : ls) {
        l.close();
      }
      check(worst.get() == 1, "two leaders");
    });
    test("PathChildrenCache sees add, update, remove", () -> {
      PathChildrenCache pc = new PathChildrenCache(c2, base + "/pcc", true);
      List<String> ev = new CopyOnWriteArrayList<>();
      c1.create().forPath(base + "/pcc");
      pc.getListenable().addListener((c, e) -> {
        if (e.getData() != null) {
          ev.add(e.getType() + e.getData().getPath().substring(base.length() + 4));
        }
      });
      pc.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
      c1.create().forPath(base + "/pcc/a", "1".getBytes());
      until(() -> ev.size() == 1, "add");
      c1.setData().forPath(base + "/pcc/a", "2".getBytes());
      until(() -> ev.size() == 2, "update");
      c1.delete().forPath(base + "/pcc/a");
      until(() -> ev.size() == 3, "remove");
      check(
          ev.toString().equals("[CHILD_ADDED/a, CHILD_UPDATED/a, CHILD_REMOVED/a]"), ev.toString());
      pc.close();
    });
    test("CuratorCache (persistent recursive watch) mirrors a tree through a session kill", () -> {
      CuratorFramework c = client();
      CuratorCache cc = CuratorCache.build(c, base + "/cc");
      cc.start();
      for (int i = 0; i < 20; i++) {
        c1.create().creatingParentsIfNeeded().forPath(
            base + "/cc/d" + i % 4 + "/n" + i, ("v" + i).getBytes());
      }
      until(() -> cc.size() == 25, "25 nodes");
      kill(c);
      for (int i = 0; i < 20; i += 2) {
        c1.delete().forPath(base + "/cc/d" + i % 4 + "/n" + i);
      }
      c1.setData().forPath(base + "/cc/d1/n1", "new".getBytes());
      until(() -> cc.size() == 15
              && cc.get(base + "/cc/d1/n1")
                     .map(d -> new String(d.getData()).equals("new"))
                     .orElse(false),
          "caught up");
      cc.close();
      c.close();
    });
    test("TreeCache (one-shot watches) mirrors a tree", () -> {
      TreeCache tc = TreeCache.newBuilder(c2, base + "/cc").build();
      tc.start();
      until(() -> tc.getCurrentChildren(base + "/cc") != null
              && tc.getCurrentChildren(base + "/cc").size() == 4,
          "children");
      c1.create().forPath(base + "/cc/d9", "x".getBytes());
      until(() -> tc.getCurrentData(base + "/cc/d9") != null, "new");
      tc.close();
    });
    test("SharedCount and versioned compare-and-set", () -> {
      SharedCount s1 = new SharedCount(c1, base + "/cnt", 5),
                  s2 = new SharedCount(c2, base + "/cnt", 0);
      s1.start();
      s2.start();
      until(() -> s2.getCount() == 5, "seed");
      VersionedValue<Integer> v = s1.getVersionedValue();
      s2.setCount(6);
      check(!s1.trySetCount(v, 7), "stale set went through");
      until(() -> s1.getCount() == 6, "seen");
      s1.close();
      s2.close();
    });
    test("DistributedAtomicLong: 2 x 50 increments", () -> {
      List<Thread> ts = new ArrayList<>();
      for (CuratorFramework c : List.of(c1, c2)) {
        Thread t = new Thread(() -> {
          try {
            DistributedAtomicLong l =
                new DistributedAtomicLong(c, base + "/al", new RetryNTimes(100, 3));
            for (int i = 0; i < 50; i++) {
              if (!l.increment().succeeded()) {
                i--;
              }
            }
          } catch (Exception e) {
            e.printStackTrace();
          }
        });
        t.start();
        ts.add(t);
      }
      for (Thread t : ts) {
        t.join(40000);
      }
      check(
          new DistributedAtomicLong(c1, base + "/al", new RetryOneTime(1)).get().postValue() == 100,
          "sum");
    });
    test("DistributedBarrier and DistributedDoubleBarrier", () -> {
      DistributedBarrier b = new DistributedBarrier(c1, base + "/bar");
      b.setBarrier();
      ExecutorService x = Executors.newCachedThreadPool();
      Future<Boolean> f = x.submit(
          () -> new DistributedBarrier(c2, base + "/bar").waitOnBarrier(20, TimeUnit.SECONDS));
      Thread.sleep(300);
      check(!f.isDone(), "early");
      b.removeBarrier();
      check(f.get(), "late");
      AtomicInteger in = new AtomicInteger();
      List<Future<Boolean>> fs = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        CuratorFramework c = i % 2 == 0 ? c1 : c2;
        fs.add(x.submit(() -> {
          DistributedDoubleBarrier d = new DistributedDoubleBarrier(c, base + "/dbl", 4);
          boolean r = d.enter(20, TimeUnit.SECONDS);
          in.incrementAndGet();
          return r && d.leave(20, TimeUnit.SECONDS);
        }));
      }
      for (Future<Boolean> q : fs) {
        check(q.get(), "double barrier");
      }
      x.shutdown();
    });
    test("DistributedQueue: 60 items once each, in order", () -> {
      List<String> got = new CopyOnWriteArrayList<>();
      QueueSerializer<String> ser = new QueueSerializer<String>() {
        public byte[] serialize(String s) {
          return s.getBytes();
        }
        public String deserialize(byte[] b) {
          return new String(b);
        }
      };
      QueueConsumer<String> con = new QueueConsumer<String>() {
        public void consumeMessage(String s) {
          got.add(s);
        }
        public void stateChanged(
            CuratorFramework c, org.apache.curator.framework.state.ConnectionState s) {}
      };
      DistributedQueue<String>
          q = QueueBuilder.builder(c2, con, ser, base + "/q").buildQueue(),
          p = QueueBuilder.builder(c1, (QueueConsumer<String>) null, ser, base + "/q").buildQueue();
      q.start();
      p.start();
      List<String> want = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        want.add("i" + i);
        p.put("i" + i);
      }
      until(() -> got.size() >= 60, "all");
      check(got.equals(want), got.toString());
      q.close();
      p.close();
    });
    test("PersistentNode comes back after a session kill and a deletion", () -> {
      CuratorFramework c = client();
      PersistentNode n =
          new PersistentNode(c, CreateMode.EPHEMERAL, false, base + "/pn", "p".getBytes());
      n.start();
      check(n.waitForInitialCreate(10, TimeUnit.SECONDS), "create");
      long o = c1.checkExists().forPath(base + "/pn").getEphemeralOwner();
      kill(c);
      until(() -> {
        Stat s = c1.checkExists().forPath(base + "/pn");
        return s != null && s.getEphemeralOwner() != o;
      }, "back after kill");
      c1.delete().forPath(base + "/pn");
      until(() -> c1.checkExists().forPath(base + "/pn") != null, "back after delete");
      n.close();
      c.close();
    });
    test("GroupMember", () -> {
      GroupMember g1 = new GroupMember(c1, base + "/grp", "a"),
                  g2 = new GroupMember(c2, base + "/grp", "b");
      g1.start();
      g2.start();
      until(() -> g1.getCurrentMembers().keySet().equals(Set.of("a", "b")), "two");
      g2.close();
      until(() -> g1.getCurrentMembers().size() == 1, "one");
      g1.close();
    });
    test("ServiceDiscovery registers, finds, sees leaving", () -> {
      ServiceDiscovery<Void> d1 = ServiceDiscoveryBuilder.builder(Void.class)
                                      .client(c1)
                                      .basePath(base + "/disc")
                                      .thisInstance(ServiceInstance.<Void>builder()
                                                        .name("svc")
                                                        .port(1)
                                                        .address("127.0.0.1")
                                                        .build())
                                      .build(),
                             d2 = ServiceDiscoveryBuilder.builder(Void.class)
                                      .client(c2)
                                      .basePath(base + "/disc")
                                      .build();
      d1.start();
      d2.start();
      ServiceProvider<Void> p = d2.serviceProviderBuilder().serviceName("svc").build();
      p.start();
      until(() -> p.getInstance() != null, "found");
      d1.close();
      until(() -> p.getInstance() == null, "left");
      p.close();
      d2.close();
    });
    test("transaction: all or nothing, results typed", () -> {
      List<CuratorTransactionResult> r = c1.transaction().forOperations(
          c1.transactionOp().create().forPath(base + "/tx", "1".getBytes()),
          c1.transactionOp().setData().withVersion(0).forPath(base + "/tx", "2".getBytes()),
          c1.transactionOp().check().withVersion(1).forPath(base + "/tx"));
      check(r.size() == 3 && r.get(1).getResultStat().getVersion() == 1, "results");
      try {
        c1.transaction().forOperations(c1.transactionOp().delete().forPath(base + "/tx"),
            c1.transactionOp().create().forPath(base + "/no/such/x"));
        check(false, "went through");
      } catch (KeeperException.NoNodeException e) {
        check(e.getResults().size() == 2, "results of a failure");
      }
      check(c1.checkExists().forPath(base + "/tx") != null, "rolled back");
    });
    test("ACL: digest owner only, then visible with the credential", () -> {
      CuratorFramework o = CuratorFrameworkFactory.builder()
                               .connectString(hosts)
                               .authorization("digest", "u:p".getBytes())
                               .retryPolicy(new RetryOneTime(100))
                               .build();
      o.start();
      o.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath(base + "/own", "s".getBytes());
      try {
        c1.getData().forPath(base + "/own");
        check(false, "read");
      } catch (KeeperException.NoAuthException e) {
      }
      check(new String(o.getData().forPath(base + "/own")).equals("s"), "owner");
      o.delete().forPath(base + "/own");
      o.close();
    });
    test("namespaces, protection, container parents, compressed data, background calls", () -> {
      CuratorFramework n = c1.usingNamespace(base.substring(1) + "/ns");
      n.create()
          .creatingParentContainersIfNeeded()
          .withProtection()
          .withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
          .forPath("/p/q-", "z".getBytes());
      List<String> k = c2.getChildren().forPath(base + "/ns/p");
      check(k.size() == 1 && k.get(0).startsWith("_c_"), k.toString());
      c1.create().compressed().forPath(base + "/gz", new byte[20000]);
      check(c2.getData().decompressed().forPath(base + "/gz").length == 20000, "gzip");
      CountDownLatch l = new CountDownLatch(50);
      for (int i = 0; i < 50; i++) {
        c1.create()
            .inBackground((c, e) -> {
              if (e.getResultCode() == 0) {
                l.countDown();
              }
            })
            .forPath(base + "/bg" + i);
      }
      check(l.await(15, TimeUnit.SECONDS), "background");
    });
    test("persistent watches: add, fire many, remove", () -> {
      List<String> ev = new CopyOnWriteArrayList<>();
      CuratorWatcher w = e -> ev.add(e.getType() + " " + e.getPath().substring(base.length()));
      c2.watchers()
          .add()
          .withMode(AddWatchMode.PERSISTENT_RECURSIVE)
          .usingWatcher(w)
          .forPath(base + "/pw");
      c1.create().forPath(base + "/pw");
      c1.create().forPath(base + "/pw/a");
      c1.setData().forPath(base + "/pw/a", "1".getBytes());
      c1.delete().forPath(base + "/pw/a");
      until(() -> ev.size() >= 4, "4 events");
      check(ev.toString().equals(
                "[NodeCreated /pw, NodeCreated /pw/a, NodeDataChanged /pw/a, NodeDeleted /pw/a]"),
          ev.toString());
      c2.watchers().remove(w).ofType(Watcher.WatcherType.Any).forPath(base + "/pw");
      c1.setData().forPath(base + "/pw", "9".getBytes());
      Thread.sleep(300);
      check(
          ev.stream().filter(e -> e.contains("DataChanged /pw") && !e.contains("/a")).count() == 0,
          "after removal " + ev);
    });
    c1.close();
    c2.close();
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed > 0 ? 1 : 0);
  }
}
