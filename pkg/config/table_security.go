package config

// This file holds the rows of [monitoring], [security], [scripting]. Bounds and defaults are those
// of Redis 7.2 where Redis has the directive.

import "math"

// monitoringRows is the table [monitoring].
func monitoringRows() []Directive {
	return []Directive{
		{ID: SlowLogLogSlowerThan, Name: "slowlog-log-slower-than", Kind: KindInt, Default: "10000", Min: -1, Max: math.MaxInt64,
			Doc: "Microseconds above which a command is kept in the slow log."},
		{ID: SlowLogMaxLen, Name: "slowlog-max-len", Kind: KindInt, Default: "128", Max: math.MaxInt64,
			Doc: "Entries the slow log keeps; the oldest go first."},
		{ID: LatencyMonitorThreshold, Name: "latency-monitor-threshold", Kind: KindInt, Default: "0", Max: math.MaxInt64,
			Doc: "Milliseconds above which an event is recorded for the LATENCY command."},
		{ID: LatencyTracking, Name: "latency-tracking", Kind: KindBool, Default: "yes",
			Doc: "Keeps a histogram of how long each command takes."},
		{ID: LatencyTrackingInfoPercentiles, Name: "latency-tracking-info-percentiles", Kind: KindPercentiles, Default: "50 99 99.9",
			Doc: "Percentiles of it that INFO latencystats shows, each from 0 to 100."},
	}
}

// securityRows is the table [security].
func securityRows() []Directive {
	return []Directive{
		{ID: RequirePass, Name: "requirepass", Kind: KindString, Flags: Sensitive,
			Doc: "Password of the default user, asked for with AUTH."},
		{ID: ACLFile, Name: "aclfile", Kind: KindString, Flags: Immutable,
			Doc: "File that holds the users."},
		{ID: User, Name: "user", Kind: KindLines, Flags: FileOnly | Sensitive,
			Doc: "A user, with the rules for what it may do."},
		{ID: ACLLogMaxLen, Name: "acllog-max-len", Kind: KindInt, Default: "128", Max: math.MaxInt64,
			Doc: "Refused commands that ACL LOG remembers."},
		{ID: ACLPubSubDefault, Name: "acl-pubsub-default", Kind: KindEnum, Default: "resetchannels", Enum: enum("allchannels", "resetchannels"),
			Doc: "Channels a new user may use: allchannels or resetchannels (none)."},
		{ID: RenameCommand, Name: "rename-command", Kind: KindLines, Flags: FileOnly,
			Doc: "Gives a command another name, or takes it away with an empty one."},
		{ID: EnableProtectedConfigs, Name: "enable-protected-configs", Kind: KindEnum, Default: "no", Enum: enum("no", "yes", "local"), Flags: Immutable,
			Doc: "Whether CONFIG SET may change where files are written (dir, dbfilename): no, yes, or local (only for clients on this machine)."},
		{ID: EnableDebugCommand, Name: "enable-debug-command", Kind: KindEnum, Default: "no", Enum: enum("no", "yes", "local"), Flags: Immutable,
			Doc: "The same for the DEBUG command, which can stop the server."},
		{ID: EnableModuleCommand, Name: "enable-module-command", Kind: KindEnum, Default: "no", Enum: enum("no", "yes", "local"), Flags: Immutable, Inert: "modules cannot be loaded",
			Doc: "The same for the MODULE command."},
		{ID: EnableDebugAssert, Name: "enable-debug-assert", Kind: KindBool, Default: "no", Flags: Immutable | Hidden, Inert: "built in with the invariants build tag instead",
			Doc: "Turns assertions on that only tests need."},
		{ID: DebugContext, Name: "debug-context", Kind: KindString, Flags: Hidden,
			Doc: "Text that a crash report shows."},
		{ID: LoadModule, Name: "loadmodule", Kind: KindLines, Flags: FileOnly, Inert: "modules cannot be loaded",
			Doc: "Loads a module. redisd cannot run Redis's modules, and refuses to start when one is asked for."},
	}
}

// scriptingRows is the table [scripting].
func scriptingRows() []Directive {
	return []Directive{
		{ID: BusyReplyThreshold, Name: "busy-reply-threshold", Kind: KindInt, Default: "5000", Max: math.MaxInt64, Aliases: []string{"lua-time-limit"},
			Doc: "Milliseconds after which a running script lets other clients know that the server is busy."},
		{ID: LuaEnableDeprecatedAPI, Name: "lua-enable-deprecated-api", Kind: KindBool, Default: "no", Flags: Immutable | Hidden,
			Doc: "Lets scripts use functions that Redis has withdrawn."},
		{ID: LuaMemoryLimit, Name: "lua-memory-limit", Kind: KindMemory, Default: "1gb", Min: 16 << 20, Max: 2047 << 20,
			Doc: "Most memory that the interpreter of scripts, and that of functions, may use each. A script that needs more fails."},
	}
}
