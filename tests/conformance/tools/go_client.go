// What the Go client (github.com/samuel/go-zookeeper) does with a server: its own readers of srvr, cons and
// ruok, and a session. One line for each check, as the runner beside this file reads them.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

const patience = 10 * time.Second

var failed bool

func check(good bool, what string, detail ...interface{}) {
	if good {
		fmt.Println("ok   " + what)
		return
	}
	failed = true
	fmt.Println("FAIL "+what+" --", fmt.Sprint(detail...))
}

func words(servers []string, connection *zk.Conn) {
	for _, ok := range zk.FLWRuok(servers, patience) {
		check(ok, "go reads ruok")
	}
	seen := false
	clients, _ := zk.FLWCons(servers, patience) // Not all: the line of who asks has no session.
	for _, server := range clients {
		for _, c := range server.Clients {
			seen = seen || c.SessionID == connection.SessionID() && c.Timeout > 0 && c.Received > 0
		}
	}
	check(seen, "go reads its session in cons", clients)
	stats, ok := zk.FLWSrvr(servers, patience)
	if !ok {
		fmt.Println("skip go reads srvr -- this release takes no fractions, which 3.6 and later write")
		return
	}
	for _, s := range stats {
		check(s.Error == nil && s.Mode != zk.ModeUnknown && s.NodeCount > 5, "go reads srvr", *s)
	}
}

func main() {
	servers := strings.Split(os.Getenv("HOSTS"), ",")
	connection, _, err := zk.Connect(servers, patience, zk.WithLogInfo(false))
	if err != nil {
		panic(err)
	}
	acl := zk.WorldACL(zk.PermAll)
	path, err := connection.Create("/go", []byte("one"), 0, acl)
	check(path == "/go" && err == nil, "go creates", path, err)
	_, _, event, err := connection.GetW("/go")
	_, err2 := connection.Set("/go", []byte("two"), 0)
	check(err == nil && err2 == nil, "go sets", err, err2)
	select {
	case e := <-event:
		check(e.Type == zk.EventNodeDataChanged && e.Path == "/go", "go hears of it", e)
	case <-time.After(patience):
		check(false, "go hears of it", "nothing came")
	}
	data, stat, err := connection.Get("/go")
	check(string(data) == "two" && err == nil && stat.Version == 1, "go gets", string(data), stat, err)
	_, err = connection.Set("/go", nil, 7)
	check(err == zk.ErrBadVersion, "go is told of a wrong version", err)
	answers, err := connection.Multi(&zk.CreateRequest{Path: "/go/a", Acl: acl},
		&zk.CreateRequest{Path: "/go/b", Acl: acl, Flags: zk.FlagEphemeral},
		&zk.CheckVersionRequest{Path: "/go", Version: 1})
	check(err == nil && len(answers) == 3, "go's multi", answers, err)
	names, _, err := connection.Children("/go")
	check(err == nil && len(names) == 2, "go lists", names, err)
	lock := zk.NewLock(connection, "/go-lock", acl)
	err = lock.Lock()
	check(err == nil, "go locks", err)
	check(lock.Unlock() == nil, "go unlocks")
	words(servers, connection)
	connection.Close()
	if failed {
		os.Exit(1)
	}
}
