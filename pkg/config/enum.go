package config

// This file names the numbers of the enumerations. Each block lists the words of
// one directive in the order of its row.

// Values of AppendFsync.
const (
	FsyncEverysec = iota
	FsyncAlways
	FsyncNo
)

// Values of AOFLayout.
const (
	LayoutFile = iota
	LayoutParts
)

// Values of LogLevel.
const (
	LogDebug = iota
	LogVerbose
	LogNotice
	LogWarning
	LogNothing
)

// Values of LogFormat.
const (
	FormatRedis = iota
	FormatJSON
	FormatLogfmt
)

// Values of Supervised.
const (
	SupervisedUpstart = iota
	SupervisedSystemd
	SupervisedAuto
	SupervisedNo
)

// Values of OOMScoreAdj; "yes" and "relative" are the same.
const (
	OOMNo = iota
	OOMRelative
	OOMAbsolute
)

// Values of SanitizeDumpPayload.
const (
	SanitizeNo = iota
	SanitizeYes
	SanitizeClients
)

// Bits of ShutdownOnSigInt and ShutdownOnSigTerm; none of them is "default".
const (
	ShutdownSave = 1 << iota
	ShutdownNoSave
	ShutdownNow
	ShutdownForce
)

// Values of EnableProtectedConfigs, EnableDebugCommand and EnableModuleCommand.
const (
	ActionNo = iota
	ActionYes
	ActionLocal // for clients on this machine
)

// Values of MaxMemoryPolicy.
const (
	VolatileLRU = iota
	VolatileLFU
	VolatileRandom
	VolatileTTL
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	NoEviction
)

// Values of PropagationErrorBehavior.
const (
	PropagationIgnore = iota
	PropagationPanic
	PropagationPanicOnReplicas
)

// Bits of NotifyKeyspaceEvents, with Redis's letter for each.
const (
	NotifyKeyspace = 1 << iota // K
	NotifyKeyevent             // E
	NotifyGeneric              // g
	NotifyString               // $
	NotifyList                 // l
	NotifySet                  // s
	NotifyHash                 // h
	NotifyZSet                 // z
	NotifyExpired              // x
	NotifyEvicted              // e
	NotifyStream               // t
	NotifyKeyMiss              // m, not in A
	NotifyModule               // d
	NotifyNew                  // n, not in A

	NotifyAll = NotifyGeneric | NotifyString | NotifyList | NotifySet | NotifyHash |
		NotifyZSet | NotifyExpired | NotifyEvicted | NotifyStream | NotifyModule // A
)

// Classes of client-output-buffer-limit.
const (
	ClassNormal = iota
	ClassReplica
	ClassPubSub
	classCount
)

// Roles of oom-score-adj-values.
const (
	OOMMaster = iota
	OOMReplica
	OOMChild
	oomCount
)

// enum numbers words from 0.
func enum(words ...string) []EnumValue {
	e := make([]EnumValue, len(words))
	for i, w := range words {
		e[i] = EnumValue{Name: w, Value: int64(i)}
	}
	return e
}

func layouts() []EnumValue {
	return []EnumValue{{"file", LayoutFile}, {"multipart", LayoutParts}, {"directory", LayoutParts}}
}

func oomModes() []EnumValue {
	return []EnumValue{{"no", OOMNo}, {"yes", OOMRelative}, {"relative", OOMRelative}, {"absolute", OOMAbsolute}}
}

func shutdownFlags() []EnumValue {
	return []EnumValue{
		{"default", 0},
		{"save", ShutdownSave},
		{"nosave", ShutdownNoSave},
		{"now", ShutdownNow},
		{"force", ShutdownForce},
	}
}

// eventLetters lists the single events in the order in which Redis shows them.
func eventLetters() []struct {
	letter byte
	bit    int64
} {
	return []struct {
		letter byte
		bit    int64
	}{
		{'g', NotifyGeneric}, {'$', NotifyString}, {'l', NotifyList}, {'s', NotifySet}, {'h', NotifyHash},
		{'z', NotifyZSet}, {'x', NotifyExpired}, {'e', NotifyEvicted}, {'t', NotifyStream}, {'d', NotifyModule},
		{'n', NotifyNew}, {'K', NotifyKeyspace}, {'E', NotifyKeyevent}, {'m', NotifyKeyMiss},
	}
}

// Bits of child-fence.
const (
	FenceFiles = 1 << iota
	FenceSyscalls
	FenceIO
	FenceMemory
	FenceCgroup

	FenceAll = FenceFiles | FenceSyscalls | FenceIO | FenceMemory | FenceCgroup
)

func fenceParts() []EnumValue {
	return []EnumValue{
		{"no", 0}, {"yes", FenceAll}, {"files", FenceFiles}, {"syscalls", FenceSyscalls}, {"io", FenceIO},
		{"memory", FenceMemory}, {"cgroup", FenceCgroup},
	}
}
