package main

import (
	"os"
	"path/filepath"

	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// runTool is the check tools, under Redis's program names or as a first argument.
func runTool(args []string) (code int, ok bool) {
	name := filepath.Base(args[0])
	if len(args) > 1 && (args[1] == "check-aof" || args[1] == "check-rdb") {
		name, args = "redis-"+args[1], args[1:]
	}
	now := clock.Millis(clock.System())
	switch name {
	case "redis-check-aof":
		return aof.Check(aof.CheckEnv{FS: vfs.OS(), In: os.Stdin, Out: os.Stdout, NowMillis: now}, args), true
	case "redis-check-rdb":
		return rdb.Tool(rdb.ToolEnv{FS: vfs.OS(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr, NowMillis: now}, args), true
	}
	return 0, false
}
