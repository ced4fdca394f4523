package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"redisd/internal/check"
)

// constants are the fields of INFO whose value the source writes down, each with the
// reason why nothing has to be counted for it.
var constants = map[string]string{
	"redis_mode": "no cluster, no Sentinel", "arch_bits": "64-bit only", "monotonic_clock": "what the clock is", "multiplexing_api": "epoll only",
	"io_threads_active": "one loop", "io_threaded_reads_processed": "one loop", "io_threaded_writes_processed": "one loop",
	"shutdown_in_milliseconds": "a shutdown waits for replicas, and there are none",
	"cluster_connections":      "no cluster", "cluster_enabled": "no cluster", "mem_cluster_links": "no cluster",
	"role": "no replication", "connected_slaves": "no replication", "master_failover_state": "no replication", "master_repl_offset": "no replication",
	"second_repl_offset": "no replication", "repl_backlog_active": "no replication", "repl_backlog_first_byte_offset": "no replication",
	"repl_backlog_histlen": "no replication", "mem_replication_backlog": "no replication", "mem_total_replication_buffers": "no replication",
	"mem_clients_slaves": "no replication", "total_net_repl_input_bytes": "no replication", "total_net_repl_output_bytes": "no replication",
	"instantaneous_input_repl_kbps": "no replication", "instantaneous_output_repl_kbps": "no replication", "sync_full": "no replication",
	"sync_partial_ok": "no replication", "sync_partial_err": "no replication", "slave_expires_tracked_keys": "no replication",
	"async_loading": "replicas load so", "mem_allocator": "there is one",
	"current_cow_peak": "no copy on write", "current_cow_size": "no copy on write", "current_cow_size_age": "no copy on write",
	"rdb_last_cow_size": "no copy on write", "aof_last_cow_size": "no copy on write",
	"module_fork_in_progress": "no modules", "module_fork_last_cow_size": "no modules",
	"active_defrag_running": "nothing to defragment", "active_defrag_hits": "nothing to defragment", "active_defrag_misses": "nothing to defragment",
	"active_defrag_key_hits": "nothing to defragment", "active_defrag_key_misses": "nothing to defragment",
	"total_active_defrag_time": "nothing to defragment", "current_active_defrag_time": "nothing to defragment",
	"reply_buffer_shrinks": "reply buffers are borrowed", "reply_buffer_expands": "reply buffers are borrowed",
	"replication.backlog": "no replication", "clients.slaves": "no replication", "cluster.links": "no cluster",
}

// TestInfoConstants: a field of INFO or of MEMORY STATS that the source gives a fixed
// value is in the table above, and nothing else is. What is zero by accident would look
// like a daemon to which nothing ever happens.
func TestInfoConstants(t *testing.T) {
	files, err := filepath.Glob("*.go")
	check.NoErr(t, err)
	found := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		check.NoErr(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && inInfo(file) {
				for _, name := range fixedFields(call) {
					found[name] = true
				}
			}
			return true
		})
	}
	check.Eq(t, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(constants)))
}

func inInfo(file string) bool {
	ok, _ := filepath.Match("info*.go", file) // of a fixed pattern: no error
	test, _ := filepath.Match("*_test.go", file)
	return (ok || file == "cmd_memory.go") && !test
}

// fixedFields are the names of the fields that a call gives a fixed value: all of
// w.zeros, and w.int("name", 64) or w.text("name", "word").
func fixedFields(call *ast.CallExpr) []string {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	var names []string
	switch name {
	case "zeros":
		for _, a := range call.Args {
			names = append(names, literal(a))
		}
	case "int", "uint", "text", "bool", "decimal", "bytes", "size", "share":
		if len(call.Args) > 1 && fixed(call.Args[1]) && literal(call.Args[0]) != "" {
			names = append(names, literal(call.Args[0]))
		}
	}
	return names
}

// fixed tells whether an expression is a literal or a constant of this package.
func fixed(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.UnaryExpr:
		return fixed(e.X)
	case *ast.Ident:
		return e.Name == "true" || e.Name == "false" || e.Name == "allocatorName"
	}
	return false
}

func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value) // the parser has taken it
	return s
}
