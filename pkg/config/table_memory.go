package config

// This file holds the rows of [memory], [encoding]. Bounds and defaults are those
// of Redis 7.2 where Redis has the directive.

import "math"

// memoryRows is the table [memory].
func memoryRows() []Directive {
	return []Directive{
		{ID: MaxMemory, Name: "maxmemory", Kind: KindMemory, Default: "0", Max: math.MaxInt64,
			Doc: "Most memory the data may take."},
		{ID: MaxMemoryPolicy, Name: "maxmemory-policy", Kind: KindEnum, Default: "noeviction", Enum: enum("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"),
			Doc: "Which keys go at the limit: volatile-lru, volatile-lfu, volatile-random, volatile-ttl (only keys with an expiry), allkeys-lru, allkeys-lfu, allkeys-random, or noeviction (none: writes fail)."},
		{ID: MaxMemorySamples, Name: "maxmemory-samples", Kind: KindInt, Default: "5", Min: 1, Max: math.MaxInt32,
			Doc: "Keys that are compared to find the one to evict."},
		{ID: MaxMemoryEvictionTenacity, Name: "maxmemory-eviction-tenacity", Kind: KindInt, Default: "10", Max: 100,
			Doc: "How long one round of eviction may go on: 0 shortest delay, 10 the usual, 100 until the limit is met whatever the delay."},
		{ID: LFULogFactor, Name: "lfu-log-factor", Kind: KindInt, Default: "10", Max: math.MaxInt32,
			Doc: "How many hits it takes to fill a key's counter under the lfu policies."},
		{ID: LFUDecayTime, Name: "lfu-decay-time", Kind: KindInt, Default: "1", Max: math.MaxInt32,
			Doc: "Minutes after which that counter is lowered by one."},
		{ID: LazyFreeLazyEviction, Name: "lazyfree-lazy-eviction", Kind: KindBool, Default: "no",
			Doc: "Frees evicted values in the background."},
		{ID: LazyFreeLazyExpire, Name: "lazyfree-lazy-expire", Kind: KindBool, Default: "no",
			Doc: "Frees expired values in the background."},
		{ID: LazyFreeLazyServerDel, Name: "lazyfree-lazy-server-del", Kind: KindBool, Default: "no",
			Doc: "Frees in the background what a command removes on the way, as RENAME does with its target."},
		{ID: LazyFreeLazyUserDel, Name: "lazyfree-lazy-user-del", Kind: KindBool, Default: "no",
			Doc: "Makes DEL work as UNLINK does."},
		{ID: LazyFreeLazyUserFlush, Name: "lazyfree-lazy-user-flush", Kind: KindBool, Default: "no",
			Doc: "Makes FLUSHALL and FLUSHDB run in the background unless SYNC is given."},
		{ID: ActiveDefrag, Name: "activedefrag", Kind: KindBool, Default: "no", check: checkActiveDefrag, Inert: ownAllocator,
			Doc: "Redis can move values together to give memory back. redisd's allocator keeps equal sizes together and frees whole chunks; there is nothing to turn on."},
		{ID: ActiveDefragIgnoreBytes, Name: "active-defrag-ignore-bytes", Kind: KindMemory, Default: "100mb", Min: 1, Max: math.MaxInt64, Inert: ownAllocator,
			Doc: "Waste below which Redis does not defragment."},
		{ID: ActiveDefragThresholdLower, Name: "active-defrag-threshold-lower", Kind: KindInt, Default: "10", Max: 1000, Inert: ownAllocator,
			Doc: "Percentage of waste at which it begins."},
		{ID: ActiveDefragThresholdUpper, Name: "active-defrag-threshold-upper", Kind: KindInt, Default: "100", Max: 1000, Inert: ownAllocator,
			Doc: "Percentage of waste at which it works hardest."},
		{ID: ActiveDefragCycleMin, Name: "active-defrag-cycle-min", Kind: KindInt, Default: "1", Min: 1, Max: 99, Inert: ownAllocator,
			Doc: "Percentage of processor time it takes at least."},
		{ID: ActiveDefragCycleMax, Name: "active-defrag-cycle-max", Kind: KindInt, Default: "25", Min: 1, Max: 99, Inert: ownAllocator,
			Doc: "Percentage of processor time it takes at most."},
		{ID: ActiveDefragMaxScanFields, Name: "active-defrag-max-scan-fields", Kind: KindInt, Default: "1000", Min: 1, Max: math.MaxInt64, Inert: ownAllocator,
			Doc: "Elements it looks at in one go within a large value."},
	}
}

// encodingRows is the table [encoding].
func encodingRows() []Directive {
	return []Directive{
		{ID: HashMaxListpackEntries, Name: "hash-max-listpack-entries", Kind: KindInt, Default: "512", Max: math.MaxInt64, Aliases: []string{"hash-max-ziplist-entries"},
			Doc: "Fields up to which a hash stays compact."},
		{ID: HashMaxListpackValue, Name: "hash-max-listpack-value", Kind: KindMemory, Default: "64", Max: math.MaxInt64, Aliases: []string{"hash-max-ziplist-value"},
			Doc: "Longest field or value, in bytes, of a compact hash."},
		{ID: ListMaxListpackSize, Name: "list-max-listpack-size", Kind: KindInt, Default: "-2", Min: math.MinInt32, Max: math.MaxInt32, Aliases: []string{"list-max-ziplist-size"},
			Doc: "Size of one node of a list."},
		{ID: ListCompressDepth, Name: "list-compress-depth", Kind: KindInt, Default: "0", Max: math.MaxInt32,
			Doc: "Nodes at both ends of a list that are not compressed; those between are."},
		{ID: SetMaxIntsetEntries, Name: "set-max-intset-entries", Kind: KindInt, Default: "512", Max: math.MaxInt64,
			Doc: "Elements up to which a set of integers stays compact."},
		{ID: SetMaxListpackEntries, Name: "set-max-listpack-entries", Kind: KindInt, Default: "128", Max: math.MaxInt64,
			Doc: "Elements up to which another set stays compact."},
		{ID: SetMaxListpackValue, Name: "set-max-listpack-value", Kind: KindMemory, Default: "64", Max: math.MaxInt64,
			Doc: "Longest element, in bytes, of a compact set."},
		{ID: ZsetMaxListpackEntries, Name: "zset-max-listpack-entries", Kind: KindInt, Default: "128", Max: math.MaxInt64, Aliases: []string{"zset-max-ziplist-entries"},
			Doc: "Elements up to which a sorted set stays compact."},
		{ID: ZsetMaxListpackValue, Name: "zset-max-listpack-value", Kind: KindMemory, Default: "64", Max: math.MaxInt64, Aliases: []string{"zset-max-ziplist-value"},
			Doc: "Longest element, in bytes, of a compact sorted set."},
		{ID: HLLSparseMaxBytes, Name: "hll-sparse-max-bytes", Kind: KindMemory, Default: "3000", Max: math.MaxInt64,
			Doc: "Size up to which a HyperLogLog stays in its sparse form."},
		{ID: StreamNodeMaxBytes, Name: "stream-node-max-bytes", Kind: KindMemory, Default: "4096", Max: math.MaxInt64,
			Doc: "Size of one node of a stream."},
		{ID: StreamNodeMaxEntries, Name: "stream-node-max-entries", Kind: KindInt, Default: "100", Max: math.MaxInt64,
			Doc: "Entries of one node of a stream."},
	}
}
