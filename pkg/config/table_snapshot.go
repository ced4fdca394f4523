package config

// This file holds the rows of [snapshot], [append-only]. Bounds and defaults are those
// of Redis 7.2 where Redis has the directive.

import "math"

// snapshotRows is the table [snapshot].
func snapshotRows() []Directive {
	return []Directive{
		{ID: Dir, Name: "dir", Kind: KindString, Default: "./", Flags: Protected | DenyLoading, check: checkDir,
			Doc: "Folder of the snapshot, the append-only file, and everything else that is written."},
		{ID: DBFilename, Name: "dbfilename", Kind: KindString, Default: "dump.rdb", Flags: Protected, check: checkDBFilename,
			Doc: "Name of the snapshot in that folder; a name, not a path."},
		{ID: Save, Name: "save", Kind: KindSavePoints, Default: "3600 1 300 100 60 10000",
			Doc: "Save points: pairs of seconds and changes."},
		{ID: StopWritesOnBGSaveError, Name: "stop-writes-on-bgsave-error", Kind: KindBool, Default: "yes",
			Doc: "Refuses writes after a background save has failed, until one succeeds, so that a full or broken disk does not go unnoticed."},
		{ID: RDBCompression, Name: "rdbcompression", Kind: KindBool, Default: "yes",
			Doc: "Compresses strings in the snapshot."},
		{ID: RDBChecksum, Name: "rdbchecksum", Kind: KindBool, Default: "yes", Flags: Immutable,
			Doc: "Ends the snapshot with a checksum, and compares it when loading."},
		{ID: RDBSaveIncrementalFsync, Name: "rdb-save-incremental-fsync", Kind: KindBool, Default: "yes",
			Doc: "Syncs the snapshot to disk a piece at a time while it is written, so that the disk is never stalled by one great flush."},
		{ID: VerifySnapshots, Name: "verify-snapshots", Kind: KindBool, Default: "no",
			Doc: "Reads every snapshot and rewritten file back from the disk and compares it with what the daemon holds, before it replaces the old one."},
		{ID: SnapshotMaxExtraMemory, Name: "snapshot-max-extra-memory", Kind: KindMemory, Default: "256mb", Max: math.MaxInt64,
			Doc: "Most memory that a running save or rewrite may take in the daemon; from half of it on writers are slowed down, at all of it the job is given up. 0: no limit."},
		{ID: SnapshotMaxBytesPerSec, Name: "snapshot-max-bytes-per-sec", Kind: KindString, Default: "0", check: checkSnapshotRate,
			Doc: "How fast a save or a rewrite may be sent to the child that writes it: bytes a second, 0 for no limit, or auto, which slows down while syncs of the append-only file are slow."},
		{ID: SnapshotCheckFreeSpace, Name: "snapshot-check-free-space", Kind: KindBool, Default: "yes",
			Doc: "Refuses a save or a rewrite at once when the disk has not the room for it."},
		{ID: SnapshotMinFreeSpace, Name: "snapshot-min-free-space", Kind: KindMemory, Default: "0", Max: math.MaxInt64,
			Doc: "What must be free on the disk beside the file that is to be written."},
		{ID: RDBDelSyncFiles, Name: "rdb-del-sync-files", Kind: KindBool, Default: "no", Inert: noReplication,
			Doc: "Removes snapshot files that exist only for replication, on instances with persistence off."},
		{ID: SanitizeDumpPayload, Name: "sanitize-dump-payload", Kind: KindEnum, Default: "no", Enum: enum("no", "yes", "clients"), // SanitizeNo and so on
			Doc: "Looks in files too for members that come twice in a packed value: no, yes, or clients (no). The structure of every value is checked whatever is set here, and what RESTORE gets in full."},
		{ID: RDBKeySaveDelay, Name: "rdb-key-save-delay", Kind: KindInt, Default: "0", Min: math.MinInt32, Max: math.MaxInt32, Flags: Hidden,
			Doc: "Microseconds to wait after each key of a snapshot; for tests."},
		{ID: KeyLoadDelay, Name: "key-load-delay", Kind: KindInt, Default: "0", Min: math.MinInt32, Max: math.MaxInt32, Flags: Hidden,
			Doc: "Microseconds to wait after each key while loading; for tests."},
		{ID: LoadingProcessEventsIntervalBytes, Name: "loading-process-events-interval-bytes", Kind: KindInt, Default: "2097152", Min: 1024, Max: math.MaxInt32, Flags: Hidden, Inert: "the loaders have an interval of their own",
			Doc: "Bytes to load before the loop looks after its clients again."},
	}
}

// appendOnlyRows is the table [append-only].
func appendOnlyRows() []Directive {
	return []Directive{
		{ID: AppendOnly, Name: "appendonly", Kind: KindBool, Default: "no", Flags: DenyLoading,
			Doc: "Turns the append-only file on."},
		{ID: AppendFilename, Name: "appendfilename", Kind: KindString, Default: "appendonly.aof", Flags: Immutable, check: checkAppendFilename,
			Doc: "Its name in the data folder; a name, not a path."},
		{ID: AppendDirname, Name: "appenddirname", Kind: KindString, Default: "appendonlydir", Flags: Immutable, check: checkAppendDirname,
			Doc: "Folder, inside the data folder, of Redis 7's layout with several files."},
		{ID: AOFLayout, Name: "aof-layout", Kind: KindEnum, Default: "file", Enum: layouts(),
			Doc: "The layout that a new directory gets; one that holds a log keeps its own. file: one append-only file, which Redis up to 6.2 also writes and which redis-server 7 upgrades by itself. multipart (or directory): Redis 7's folder with a manifest. CONFIG SET converts the log of a running server."},
		{ID: AppendFsync, Name: "appendfsync", Kind: KindEnum, Default: "everysec", Enum: enum("everysec", "always", "no"),
			Doc: "When the log reaches the disk. always: before the reply is sent, so nothing acknowledged is ever lost; slowest. everysec: once a second, so a power failure loses about a second (a killed process loses nothing). no: when the system likes."},
		{ID: NoAppendFsyncOnRewrite, Name: "no-appendfsync-on-rewrite", Kind: KindBool, Default: "no",
			Doc: "Makes no sync while a child saves or rewrites."},
		{ID: AutoAOFRewritePercentage, Name: "auto-aof-rewrite-percentage", Kind: KindInt, Default: "100", Max: math.MaxInt32,
			Doc: "Rewrites the file when it has grown by so many percent since the last rewrite."},
		{ID: AutoAOFRewriteMinSize, Name: "auto-aof-rewrite-min-size", Kind: KindMemory, Default: "64mb", Max: math.MaxInt64,
			Doc: "Smallest size at which that happens, so that small files are left alone."},
		{ID: AOFLoadTruncated, Name: "aof-load-truncated", Kind: KindBool, Default: "yes",
			Doc: "Loads a file whose last command is incomplete, as a crash leaves it, and cuts the rest off; the log says so."},
		{ID: AOFLoadCorruptTailMaxSize, Name: "aof-load-corrupt-tail-max-size", Kind: KindMemory, Default: "0", Max: math.MaxInt64,
			Doc: "Cuts damage off that begins at most so many bytes in front of the end of the file, and keeps the bytes in a file beside; 0 refuses to start."},
		{ID: AOFUseRDBPreamble, Name: "aof-use-rdb-preamble", Kind: KindBool, Default: "yes",
			Doc: "Begins a rewritten file with a snapshot instead of commands: written and loaded faster, and smaller."},
		{ID: AOFChecksum, Name: "aof-checksum", Kind: KindBool, Default: "no",
			Doc: "Writes checksums between the commands, about one every 4 kB and every second, which a start verifies. Redis 7 and Valkey skip these lines; older versions refuse the file."},
		{ID: AOFTimestampEnabled, Name: "aof-timestamp-enabled", Kind: KindBool, Default: "no",
			Doc: "Writes a note of the time into the log before the first command of each second, for redis-check-aof --truncate-to-timestamp. Redis before 7.0 cannot read such a file."},
		{ID: AOFRewriteIncrementalFsync, Name: "aof-rewrite-incremental-fsync", Kind: KindBool, Default: "yes",
			Doc: "Syncs the new file a piece at a time during a rewrite."},
		{ID: AOFDisableAutoGC, Name: "aof-disable-auto-gc", Kind: KindBool, Default: "no",
			Doc: "Keeps files of Redis 7's layout that a rewrite made superfluous."},
		{ID: AOFMaxSizeSoft, Name: "aof-max-size-soft", Kind: KindMemory, Default: "0", Max: math.MaxInt64,
			Doc: "Size above which the log warns and is rewritten, whatever auto-aof-rewrite-percentage says. 0: none."},
		{ID: AOFMaxSizeHard, Name: "aof-max-size-hard", Kind: KindMemory, Default: "0", Max: math.MaxInt64,
			Doc: "Size above which writes are refused until a rewrite has made the log smaller. 0: none."},
	}
}
