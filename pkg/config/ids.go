package config

// This file numbers the directives, one constant for each row of the table, in
// the order of the rows. Redis's page on a directive applies to its constant.

// ID addresses one directive; reading its value is an index into an array.
type ID uint16

// The directives, grouped as the TOML tables group them.
const (
	// [general]

	Databases            ID = iota // databases
	Hz                             // hz
	DynamicHz                      // dynamic-hz
	ActiveExpireEffort             // active-expire-effort
	ActiveRehashing                // activerehashing
	NotifyKeyspaceEvents           // notify-keyspace-events
	Include                        // include

	// [network]

	Bind           // bind
	BindSourceAddr // bind-source-addr
	Port           // port
	TCPBacklog     // tcp-backlog
	UnixSocket     // unixsocket
	UnixSocketPerm // unixsocketperm
	Timeout        // timeout
	TCPKeepAlive   // tcp-keepalive
	ProtectedMode  // protected-mode
	SocketMarkID   // socket-mark-id

	// [clients]

	MaxClients              // maxclients
	MaxMemoryClients        // maxmemory-clients
	ClientQueryBufferLimit  // client-query-buffer-limit
	ClientOutputBufferLimit // client-output-buffer-limit
	ProtoMaxBulkLen         // proto-max-bulk-len
	TrackingTableMaxKeys    // tracking-table-max-keys
	IOThreads               // io-threads
	IOThreadsDoReads        // io-threads-do-reads

	// [process]

	Daemonize            // daemonize
	Supervised           // supervised
	PidFile              // pidfile
	SetProcTitle         // set-proc-title
	ProcTitleTemplate    // proc-title-template
	AlwaysShowLogo       // always-show-logo
	ShutdownTimeout      // shutdown-timeout
	ShutdownOnSigInt     // shutdown-on-sigint
	ShutdownOnSigTerm    // shutdown-on-sigterm
	SignalOperations     // signal-operations
	ServerCPUList        // server-cpulist
	BIOCPUList           // bio-cpulist
	AOFRewriteCPUList    // aof-rewrite-cpulist
	BGSaveCPUList        // bgsave-cpulist
	ChildTimeout         // child-timeout
	ChildFence           // child-fence
	ChildMemoryLimit     // child-memory-limit
	OOMScoreAdj          // oom-score-adj
	OOMScoreAdjValues    // oom-score-adj-values
	DisableTHP           // disable-thp
	HugePages            // huge-pages
	IgnoreWarnings       // ignore-warnings
	LocaleCollate        // locale-collate
	CrashLogEnabled      // crash-log-enabled
	CrashMemcheckEnabled // crash-memcheck-enabled
	JemallocBgThread     // jemalloc-bg-thread
	UseExitOnPanic       // use-exit-on-panic
	WatchdogPeriod       // watchdog-period

	// [logging]

	LogLevel       // loglevel
	LogFile        // logfile
	LogFormat      // log-format
	SyslogEnabled  // syslog-enabled
	SyslogIdent    // syslog-ident
	SyslogFacility // syslog-facility

	// [snapshot]

	Dir                               // dir
	DBFilename                        // dbfilename
	Save                              // save
	StopWritesOnBGSaveError           // stop-writes-on-bgsave-error
	RDBCompression                    // rdbcompression
	RDBChecksum                       // rdbchecksum
	RDBSaveIncrementalFsync           // rdb-save-incremental-fsync
	VerifySnapshots                   // verify-snapshots
	SnapshotMaxExtraMemory            // snapshot-max-extra-memory
	SnapshotMaxBytesPerSec            // snapshot-max-bytes-per-sec
	SnapshotCheckFreeSpace            // snapshot-check-free-space
	SnapshotMinFreeSpace              // snapshot-min-free-space
	RDBDelSyncFiles                   // rdb-del-sync-files
	SanitizeDumpPayload               // sanitize-dump-payload
	RDBKeySaveDelay                   // rdb-key-save-delay
	KeyLoadDelay                      // key-load-delay
	LoadingProcessEventsIntervalBytes // loading-process-events-interval-bytes

	// [append-only]

	AppendOnly                 // appendonly
	AppendFilename             // appendfilename
	AppendDirname              // appenddirname
	AOFLayout                  // aof-layout
	AppendFsync                // appendfsync
	NoAppendFsyncOnRewrite     // no-appendfsync-on-rewrite
	AutoAOFRewritePercentage   // auto-aof-rewrite-percentage
	AutoAOFRewriteMinSize      // auto-aof-rewrite-min-size
	AOFLoadTruncated           // aof-load-truncated
	AOFLoadCorruptTailMaxSize  // aof-load-corrupt-tail-max-size
	AOFUseRDBPreamble          // aof-use-rdb-preamble
	AOFChecksum                // aof-checksum
	AOFTimestampEnabled        // aof-timestamp-enabled
	AOFRewriteIncrementalFsync // aof-rewrite-incremental-fsync
	AOFDisableAutoGC           // aof-disable-auto-gc
	AOFMaxSizeSoft             // aof-max-size-soft
	AOFMaxSizeHard             // aof-max-size-hard

	// [memory]

	MaxMemory                  // maxmemory
	MaxMemoryPolicy            // maxmemory-policy
	MaxMemorySamples           // maxmemory-samples
	MaxMemoryEvictionTenacity  // maxmemory-eviction-tenacity
	LFULogFactor               // lfu-log-factor
	LFUDecayTime               // lfu-decay-time
	LazyFreeLazyEviction       // lazyfree-lazy-eviction
	LazyFreeLazyExpire         // lazyfree-lazy-expire
	LazyFreeLazyServerDel      // lazyfree-lazy-server-del
	LazyFreeLazyUserDel        // lazyfree-lazy-user-del
	LazyFreeLazyUserFlush      // lazyfree-lazy-user-flush
	ActiveDefrag               // activedefrag
	ActiveDefragIgnoreBytes    // active-defrag-ignore-bytes
	ActiveDefragThresholdLower // active-defrag-threshold-lower
	ActiveDefragThresholdUpper // active-defrag-threshold-upper
	ActiveDefragCycleMin       // active-defrag-cycle-min
	ActiveDefragCycleMax       // active-defrag-cycle-max
	ActiveDefragMaxScanFields  // active-defrag-max-scan-fields

	// [encoding]

	HashMaxListpackEntries // hash-max-listpack-entries
	HashMaxListpackValue   // hash-max-listpack-value
	ListMaxListpackSize    // list-max-listpack-size
	ListCompressDepth      // list-compress-depth
	SetMaxIntsetEntries    // set-max-intset-entries
	SetMaxListpackEntries  // set-max-listpack-entries
	SetMaxListpackValue    // set-max-listpack-value
	ZsetMaxListpackEntries // zset-max-listpack-entries
	ZsetMaxListpackValue   // zset-max-listpack-value
	HLLSparseMaxBytes      // hll-sparse-max-bytes
	StreamNodeMaxBytes     // stream-node-max-bytes
	StreamNodeMaxEntries   // stream-node-max-entries

	// [monitoring]

	SlowLogLogSlowerThan           // slowlog-log-slower-than
	SlowLogMaxLen                  // slowlog-max-len
	LatencyMonitorThreshold        // latency-monitor-threshold
	LatencyTracking                // latency-tracking
	LatencyTrackingInfoPercentiles // latency-tracking-info-percentiles

	// [security]

	RequirePass            // requirepass
	ACLFile                // aclfile
	User                   // user
	ACLLogMaxLen           // acllog-max-len
	ACLPubSubDefault       // acl-pubsub-default
	RenameCommand          // rename-command
	EnableProtectedConfigs // enable-protected-configs
	EnableDebugCommand     // enable-debug-command
	EnableModuleCommand    // enable-module-command
	EnableDebugAssert      // enable-debug-assert
	DebugContext           // debug-context
	LoadModule             // loadmodule

	// [scripting]

	BusyReplyThreshold     // busy-reply-threshold
	LuaEnableDeprecatedAPI // lua-enable-deprecated-api
	LuaMemoryLimit         // lua-memory-limit

	// [replication]

	ReplicaOf                    // replicaof
	MasterAuth                   // masterauth
	MasterUser                   // masteruser
	ReplicaServeStaleData        // replica-serve-stale-data
	ReplicaReadOnly              // replica-read-only
	ReplicaPriority              // replica-priority
	ReplicaAnnounced             // replica-announced
	ReplicaAnnounceIP            // replica-announce-ip
	ReplicaAnnouncePort          // replica-announce-port
	ReplicaIgnoreMaxMemory       // replica-ignore-maxmemory
	ReplicaIgnoreDiskWriteErrors // replica-ignore-disk-write-errors
	ReplicaLazyFlush             // replica-lazy-flush
	ReplDisklessSync             // repl-diskless-sync
	ReplDisklessSyncDelay        // repl-diskless-sync-delay
	ReplDisklessSyncMaxReplicas  // repl-diskless-sync-max-replicas
	ReplDisklessLoad             // repl-diskless-load
	ReplPingReplicaPeriod        // repl-ping-replica-period
	ReplTimeout                  // repl-timeout
	ReplDisableTCPNoDelay        // repl-disable-tcp-nodelay
	ReplBacklogSize              // repl-backlog-size
	ReplBacklogTTL               // repl-backlog-ttl
	MinReplicasToWrite           // min-replicas-to-write
	MinReplicasMaxLag            // min-replicas-max-lag
	PropagationErrorBehavior     // propagation-error-behavior

	// [cluster]

	ClusterEnabled                  // cluster-enabled
	ClusterConfigFile               // cluster-config-file
	ClusterNodeTimeout              // cluster-node-timeout
	ClusterPort                     // cluster-port
	ClusterReplicaValidityFactor    // cluster-replica-validity-factor
	ClusterMigrationBarrier         // cluster-migration-barrier
	ClusterAllowReplicaMigration    // cluster-allow-replica-migration
	ClusterRequireFullCoverage      // cluster-require-full-coverage
	ClusterReplicaNoFailover        // cluster-replica-no-failover
	ClusterAllowReadsWhenDown       // cluster-allow-reads-when-down
	ClusterAllowPubSubShardWhenDown // cluster-allow-pubsubshard-when-down
	ClusterLinkSendBufLimit         // cluster-link-sendbuf-limit
	ClusterAnnounceIP               // cluster-announce-ip
	ClusterAnnouncePort             // cluster-announce-port
	ClusterAnnounceTLSPort          // cluster-announce-tls-port
	ClusterAnnounceBusPort          // cluster-announce-bus-port
	ClusterAnnounceHostname         // cluster-announce-hostname
	ClusterAnnounceHumanNodeName    // cluster-announce-human-nodename
	ClusterPreferredEndpointType    // cluster-preferred-endpoint-type

	// [tls]

	TLSPort                // tls-port
	TLSCertFile            // tls-cert-file
	TLSKeyFile             // tls-key-file
	TLSKeyFilePass         // tls-key-file-pass
	TLSClientCertFile      // tls-client-cert-file
	TLSClientKeyFile       // tls-client-key-file
	TLSClientKeyFilePass   // tls-client-key-file-pass
	TLSDHParamsFile        // tls-dh-params-file
	TLSCACertFile          // tls-ca-cert-file
	TLSCACertDir           // tls-ca-cert-dir
	TLSAuthClients         // tls-auth-clients
	TLSReplication         // tls-replication
	TLSCluster             // tls-cluster
	TLSProtocols           // tls-protocols
	TLSCiphers             // tls-ciphers
	TLSCipherSuites        // tls-ciphersuites
	TLSPreferServerCiphers // tls-prefer-server-ciphers
	TLSSessionCaching      // tls-session-caching
	TLSSessionCacheSize    // tls-session-cache-size
	TLSSessionCacheTimeout // tls-session-cache-timeout

	idCount // number of directives
)
