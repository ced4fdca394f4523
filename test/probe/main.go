// Probe runs one Redis-compatible server binary and measures what its users
// feel: the stall and the slowdown while a background child saves, the memory
// that costs, and what a kill -9 loses. The same run serves redis-server and
// redisd, so a bar can print the two side by side.
//
//	probe stall -server BIN [-mode aof|rdb] [-keys N] [-conns N] [-size B] [-- DIRECTIVES]
//	probe crash -server BIN [-rounds N] [-conns N] [-rewrite=false] [-layout file|multipart]
//	probe bench -server BIN [-pipeline N] [-conns N] [-secs N] [-keys N] [-size B]
//	probe idle -server BIN [-clients N]
//	probe commit -server BIN [-peer BIN] [-writers N] [-readers N] [-delay US] [-secs N]
//	probe report -server BIN -peer BIN [-quick]
//	probe types -server BIN -peer BIN [-secs N] [-rounds N] [-big N]
//	probe sizes -server BIN -peer BIN [-elements N]
//	probe script -server BIN -peer BIN [-secs N] [-rounds N]
//	probe evict -server BIN -peer BIN [-limit MB] [-policy P] [-secs N] [-rounds N]
//	probe expire -server BIN [-keys N]
//	probe clients -server BIN -peer BIN [-secs N] [-rounds N]
//	probe tls -server BIN -peer BIN [-secs N] [-rounds N] [-plain]
//	probe load -server BIN -peer BIN [-keys N] [-rounds N] [-only WORD] [-dir DIR]
//
// Every subcommand prints one line of JSON, except report, types, script,
// sizes, tls, clients, load, evict, and commit with a peer, which measure both binaries and print a table.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: probe stall|crash|bench|idle|commit|report|script|types|sizes|tls|clients|load|evict|expire -server BIN ...")
		os.Exit(2)
	}
	var out any
	var err error
	switch os.Args[1] {
	case "stall":
		out, err = stall(os.Args[2:])
	case "crash":
		out, err = crash(os.Args[2:])
	case "bench":
		out, err = bench(os.Args[2:])
	case "commit":
		out, err = commit(os.Args[2:])
	case "idle":
		out, err = idle(os.Args[2:])
	case "types":
		out, err = types(os.Args[2:])
	case "sizes":
		out, err = sizes(os.Args[2:])
	case "load":
		out, err = load(os.Args[2:])
	case "tls":
		out, err = encrypted(os.Args[2:])
	case "evict":
		out, err = evicts(os.Args[2:])
	case "expire":
		out, err = expires(os.Args[2:])
	case "clients":
		out, err = besideData(os.Args[2:])
	case "script":
		out, err = scripts(os.Args[2:])
	case "report":
		out, err = report(os.Args[2:])
	default:
		err = fmt.Errorf("unknown subcommand %q", os.Args[1])
	}
	if out != nil {
		json.NewEncoder(os.Stdout).Encode(out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}
