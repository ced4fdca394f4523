// Command redisd is the daemon, its child processes and its check tools in one
// binary.
//
//	redisd [/path/to/redisd.toml | /path/to/redis.conf | -] [--directive value ...]
//	redisd check-aof [--fix | --fix-any | --truncate-to-timestamp SECS] FILE
//	redisd check-rdb [--fix] FILE
//
// Called as redis-check-aof or redis-check-rdb it is that tool. A child process is
// the same binary, started by pkg/proc in a role (child.go).
//
// Exit codes of the daemon: 0 after a shutdown, 1 when it cannot start or can no
// longer keep a promise, 70 after a crash. Of a child: 0 done, 1 error, 255 stopped.
package main
