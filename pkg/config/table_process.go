package config

// This file holds the rows of [process], [logging]. Bounds and defaults are those
// of Redis 7.2 where Redis has the directive.

import "math"

// processRows is the table [process].
func processRows() []Directive {
	return []Directive{
		{ID: Daemonize, Name: "daemonize", Kind: KindBool, Default: "no", Flags: Immutable,
			Doc: "Goes to the background after the start and writes a pid file."},
		{ID: Supervised, Name: "supervised", Kind: KindEnum, Default: "no", Enum: enum("upstart", "systemd", "auto", "no"), Flags: Immutable,
			Doc: "Tells a supervisor about the start: systemd (readiness, status and watchdog messages), upstart, auto (whichever the environment shows), or no."},
		{ID: PidFile, Name: "pidfile", Kind: KindString, Flags: Immutable,
			Doc: "File that holds the process number while the daemon runs."},
		{ID: SetProcTitle, Name: "set-proc-title", Kind: KindBool, Default: "yes", Flags: Immutable,
			Doc: "Shows what the process is and where it listens in ps and top."},
		{ID: ProcTitleTemplate, Name: "proc-title-template", Kind: KindString, Default: "{title} {listen-addr} {server-mode}", check: checkTitleTemplate,
			Doc: "How that title is put together."},
		{ID: AlwaysShowLogo, Name: "always-show-logo", Kind: KindBool, Default: "no", Flags: Immutable, Inert: "redisd prints no logo",
			Doc: "Whether Redis prints its logo even where nobody sees it."},
		{ID: ShutdownTimeout, Name: "shutdown-timeout", Kind: KindInt, Default: "10", Max: math.MaxInt32, Inert: "there are no replicas to wait for",
			Doc: "Seconds that a shutdown waits for replicas that lag behind."},
		{ID: ShutdownOnSigInt, Name: "shutdown-on-sigint", Kind: KindEnumSet, Default: "default", Enum: shutdownFlags(), check: checkShutdownFlags,
			Doc: "What SIGINT does: default (save when there are save points), or one or more of save, nosave, now (do not wait for replicas), force (exit even when saving fails)."},
		{ID: ShutdownOnSigTerm, Name: "shutdown-on-sigterm", Kind: KindEnumSet, Default: "default", Enum: shutdownFlags(), check: checkShutdownFlags,
			Doc: "The same for SIGTERM, which is what systemctl stop sends."},
		{ID: SignalOperations, Name: "signal-operations", Kind: KindBool, Default: "yes",
			Doc: "Lets SIGUSR1 start a rewrite of the append-only file and SIGUSR2 a snapshot, so that scripts need no client."},
		{ID: ServerCPUList, Name: "server-cpulist", Kind: KindString, Flags: Immutable, Aliases: []string{"server_cpulist"}, check: checkCPUList,
			Doc: "Processors the main process may use, for example \"0-7:2\" (0, 2, 4, 6) or \"1,3\"."},
		{ID: BIOCPUList, Name: "bio-cpulist", Kind: KindString, Flags: Immutable, Aliases: []string{"bio_cpulist"}, check: checkCPUList,
			Doc: "Processors for the background work on files and memory. Empty: those of server-cpulist."},
		{ID: AOFRewriteCPUList, Name: "aof-rewrite-cpulist", Kind: KindString, Flags: Immutable, Aliases: []string{"aof_rewrite_cpulist"}, check: checkCPUList,
			Doc: "Processors for the child that rewrites the append-only file."},
		{ID: BGSaveCPUList, Name: "bgsave-cpulist", Kind: KindString, Flags: Immutable, Aliases: []string{"bgsave_cpulist"}, check: checkCPUList,
			Doc: "Processors for the child that writes a snapshot."},
		{ID: ChildTimeout, Name: "child-timeout", Kind: KindInt, Default: "60", Max: math.MaxInt32,
			Doc: "Seconds without any progress after which a child that saves or rewrites is ended. A slow disk is no lack of progress. 0 waits for ever."},
		{ID: ChildFence, Name: "child-fence", Kind: KindEnumSet, Default: "yes", Enum: fenceParts(),
			Doc: "What is taken from a child that saves or rewrites, where the system can: files (all but the data folder), syscalls (programs, sockets, privileges), io (disk priority), memory (child-memory-limit), cgroup (a group of its own). yes is all of them, no none."},
		{ID: ChildMemoryLimit, Name: "child-memory-limit", Kind: KindMemory, Default: "0", Max: math.MaxInt64,
			Doc: "The most memory that such a child may take; when it needs more, it fails and the server goes on. 0 computes it: 512 MB, and eight times the longest string allowed, or the data when that is less."},
		{ID: OOMScoreAdj, Name: "oom-score-adj", Kind: KindEnum, Default: "no", Enum: oomModes(),
			Doc: "Tells the kernel whom to kill first when memory runs out: no leaves it alone, yes or relative adds the values below to the score that the process had before, absolute sets them."},
		{ID: OOMScoreAdjValues, Name: "oom-score-adj-values", Kind: KindOOMValues, Default: "0 200 800",
			Doc: "The three values, for a master, a replica, and the children that save and rewrite."},
		{ID: DisableTHP, Name: "disable-thp", Kind: KindBool, Default: "yes", Flags: Immutable, Inert: "huge-pages decides",
			Doc: "Redis turns transparent huge pages off for itself, because its fork copies them. redisd does not fork its data and profits from huge pages: see huge-pages."},
		{ID: HugePages, Name: "huge-pages", Kind: KindBool, Default: "yes", Flags: Immutable,
			Doc: "Asks the system for huge pages behind the data, which makes reads faster."},
		{ID: IgnoreWarnings, Name: "ignore-warnings", Kind: KindString, Inert: "redisd makes none of these checks",
			Doc: "Names of system warnings that do not end the start."},
		{ID: LocaleCollate, Name: "locale-collate", Kind: KindString, Inert: "text is compared byte by byte",
			Doc: "Language rules by which text is compared when sorted."},
		{ID: CrashLogEnabled, Name: "crash-log-enabled", Kind: KindBool, Default: "yes",
			Doc: "Writes a report with the stack, INFO, the clients and the current command before the process dies of a fault."},
		{ID: CrashMemcheckEnabled, Name: "crash-memcheck-enabled", Kind: KindBool, Default: "yes", Inert: "no memory test is made after a crash",
			Doc: "Redis tests its memory after a crash."},
		{ID: JemallocBgThread, Name: "jemalloc-bg-thread", Kind: KindBool, Default: "yes", Inert: ownAllocator,
			Doc: "Lets Redis's allocator give memory back in a thread of its own."},
		{ID: UseExitOnPanic, Name: "use-exit-on-panic", Kind: KindBool, Default: "no", Flags: Hidden, Inert: "a fault always exits with status 70",
			Doc: "Exits instead of aborting after a fault."},
		{ID: WatchdogPeriod, Name: "watchdog-period", Kind: KindInt, Default: "0", Max: math.MaxInt32, Flags: Hidden,
			Doc: "Milliseconds without a beat of the loop after which its stack is written to the log, once each time it is stuck; at least two beats (see hz). 0 turns it off."},
	}
}

// loggingRows is the table [logging].
func loggingRows() []Directive {
	return []Directive{
		{ID: LogLevel, Name: "loglevel", Kind: KindEnum, Default: "notice", Enum: enum("debug", "verbose", "notice", "warning", "nothing"),
			Doc: "How much is logged: debug, verbose, notice, warning, or nothing."},
		{ID: LogFile, Name: "logfile", Kind: KindString, Flags: Immutable,
			Doc: "File to log to; empty logs to standard output."},
		{ID: LogFormat, Name: "log-format", Kind: KindEnum, Default: "redis", Enum: enum("redis", "json", "logfmt"), Flags: Immutable,
			Doc: "Form of a line: redis (as Redis prints it: pid:role date level message), json (one object a line), or logfmt (key=value)."},
		{ID: SyslogEnabled, Name: "syslog-enabled", Kind: KindBool, Default: "no", Flags: Immutable,
			Doc: "Also sends the log to syslog."},
		{ID: SyslogIdent, Name: "syslog-ident", Kind: KindString, Default: "redis", Flags: Immutable,
			Doc: "Name under which syslog shows it."},
		{ID: SyslogFacility, Name: "syslog-facility", Kind: KindEnum, Default: "local0", Enum: enum("user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"), Flags: Immutable,
			Doc: "Facility of syslog: user, or local0 to local7."},
	}
}
