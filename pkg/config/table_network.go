package config

// This file holds the rows of [network], [clients]. Bounds and defaults are those
// of Redis 7.2 where Redis has the directive.

import "math"

// networkRows is the table [network].
func networkRows() []Directive {
	return []Directive{
		{ID: Bind, Name: "bind", Kind: KindList, Default: "* -::*",
			Doc: "Addresses to listen on; * means every IPv4 address, ::* every IPv6 one."},
		{ID: BindSourceAddr, Name: "bind-source-addr", Kind: KindString, Inert: noReplication,
			Doc: "Local address for connections that the daemon itself opens, on a machine with several."},
		{ID: Port, Name: "port", Kind: KindInt, Default: "6379", Max: 65535,
			Doc: "TCP port."},
		{ID: TCPBacklog, Name: "tcp-backlog", Kind: KindInt, Default: "511", Max: math.MaxInt32, Flags: Immutable,
			Doc: "Length of the queue of connections that wait to be accepted."},
		{ID: UnixSocket, Name: "unixsocket", Kind: KindString, Flags: Immutable, check: checkSocketPath,
			Doc: "Path of a unix socket to listen on."},
		{ID: UnixSocketPerm, Name: "unixsocketperm", Kind: KindOctal, Default: "0", Max: 0o777, Flags: Immutable,
			Doc: "Permissions of the unix socket as an octal number, for example \"770\"."},
		{ID: Timeout, Name: "timeout", Kind: KindInt, Default: "0", Max: math.MaxInt32,
			Doc: "Seconds after which the connection of an idle client is closed."},
		{ID: TCPKeepAlive, Name: "tcp-keepalive", Kind: KindInt, Default: "300", Max: math.MaxInt32,
			Doc: "Seconds between the probes that find dead peers and keep firewalls from forgetting a connection."},
		{ID: ProtectedMode, Name: "protected-mode", Kind: KindBool, Default: "yes",
			Doc: "Refuses clients from other machines as long as the default user has no password."},
		{ID: SocketMarkID, Name: "socket-mark-id", Kind: KindInt, Default: "0", Max: math.MaxUint32, Flags: Immutable, Inert: "no socket is marked yet",
			Doc: "Mark put on listening sockets so that routing and firewall rules can name them."},
	}
}

// clientsRows is the table [clients].
func clientsRows() []Directive {
	return []Directive{
		{ID: MaxClients, Name: "maxclients", Kind: KindInt, Default: "10000", Min: 1, Max: math.MaxUint32,
			Doc: "Highest number of clients at one time."},
		{ID: MaxMemoryClients, Name: "maxmemory-clients", Kind: KindMemoryOrPercent, Default: "0", Min: -100, Max: math.MaxInt64,
			Doc: "Memory that all clients' buffers may take together, in bytes or as a share of maxmemory (\"5%\")."},
		{ID: ClientQueryBufferLimit, Name: "client-query-buffer-limit", Kind: KindMemory, Default: "1gb", Min: 1 << 20, Max: math.MaxInt64,
			Doc: "Most that one client may have sent without completing a command."},
		{ID: ClientOutputBufferLimit, Name: "client-output-buffer-limit", Kind: KindOutputLimits, Default: "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
			Doc: "Limits on replies a client has not fetched."},
		{ID: ProtoMaxBulkLen, Name: "proto-max-bulk-len", Kind: KindMemory, Default: "512mb", Min: 1 << 20, Max: math.MaxInt64,
			Doc: "Largest single argument or value a client may send."},
		{ID: TrackingTableMaxKeys, Name: "tracking-table-max-keys", Kind: KindInt, Default: "1000000", Max: math.MaxInt64,
			Doc: "Keys to remember on behalf of clients that cache them."},
		{ID: IOThreads, Name: "io-threads", Kind: KindInt, Default: "1", Min: 1, Max: 128, Flags: Immutable, Inert: "one loop does all socket work",
			Doc: "Threads for socket work in Redis. redisd's loop does not use them; the number is kept for tools that read it."},
		{ID: IOThreadsDoReads, Name: "io-threads-do-reads", Kind: KindBool, Default: "no", Flags: Immutable, Inert: "one loop does all socket work",
			Doc: "Whether those threads read as well as write."},
	}
}
