package main

import (
	"fmt"
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
	switch name {
	case "redis-check-aof":
		return aof.Check(aof.CheckEnv{FS: vfs.OS(), In: os.Stdin, Out: os.Stdout, NowMillis: clock.Millis(clock.System())}, args), true
	case "redis-check-rdb":
		return checkRDB(args), true
	}
	return 0, false
}

func checkRDB(args []string) int {
	if len(args) != 2 {
		fmt.Fprintf(os.Stderr, "Usage: %s <rdb-file-name>\n", args[0])
		return 1
	}
	f, err := os.Open(args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "Cannot open file %s: %s\n", args[1], err)
		return 1
	}
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	if !rdb.Check(f, size, os.Stdout, rdb.CheckOptions{Name: args[1], NowMillis: clock.Millis(clock.System())}) {
		return 1
	}
	return 0
}
