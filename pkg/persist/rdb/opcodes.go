package rdb

import "strconv"

const (
	// Version is the format version that is written. 10 is what Redis 7.0, 7.2
	// and Valkey all load.
	Version = 10
	// MaxVersion is the newest format version that is read (Redis 7.2).
	MaxVersion = 11
)

// Value types, the byte before each key.
const (
	TypeString           byte = 0
	TypeList             byte = 1
	TypeSet              byte = 2
	TypeZset             byte = 3 // scores as text
	TypeHash             byte = 4
	TypeZset2            byte = 5 // scores as IEEE 754 little endian
	TypeModule           byte = 6 // opaque without its module
	TypeModule2          byte = 7
	TypeHashZipmap       byte = 9
	TypeListZiplist      byte = 10
	TypeSetIntset        byte = 11
	TypeZsetZiplist      byte = 12
	TypeHashZiplist      byte = 13
	TypeListQuicklist    byte = 14
	TypeStreamListpacks  byte = 15
	TypeHashListpack     byte = 16
	TypeZsetListpack     byte = 17
	TypeListQuicklist2   byte = 18
	TypeStreamListpacks2 byte = 19
	TypeSetListpack      byte = 20
	TypeStreamListpacks3 byte = 21
	lastType                  = TypeStreamListpacks3
	missingType          byte = 8 // never given out
)

// Containers of a node of TypeListQuicklist2.
const (
	ListPlain  = 1 // one element as it is
	ListPacked = 2 // a listpack
)

// Opcodes, which stand where a value type would.
const (
	OpFunction2    byte = 245 // function library: code
	OpFunction     byte = 246 // the same as 7.0-rc1 and rc2 wrote it
	OpModuleAux    byte = 247
	OpIdle         byte = 248 // seconds since last access of the next key
	OpFreq         byte = 249 // LFU counter of the next key
	OpAux          byte = 250 // information field: name, value
	OpResizeDB     byte = 251 // number of keys, of keys with an expiry
	OpExpireMillis byte = 252 // of the next key, 8 bytes little endian
	OpExpire       byte = 253 // of the next key in seconds, 4 bytes
	OpSelectDB     byte = 254
	OpEOF          byte = 255 // followed by the checksum, since version 5
)

// First byte of a length: the two top bits choose the form.
const (
	len6       = 0    // 00xxxxxx: the length itself
	len14      = 0x40 // 01xxxxxx xxxxxxxx: 14 bits, big endian
	len32      = 0x80 // then 4 bytes, big endian
	len64      = 0x81 // then 8 bytes, big endian
	lenEncoded = 0xC0 // 11xxxxxx: not a length but one of enc*
	lenMask    = 0xC0

	encInt8  = 0
	encInt16 = 1 // little endian, as encInt32
	encInt32 = 2
	encLZF   = 3 // packed length, unpacked length, packed bytes
)

// Opcodes inside a module value.
const (
	moduleEOF    = 0
	moduleSInt   = 1
	moduleUInt   = 2
	moduleFloat  = 3
	moduleDouble = 4
	moduleString = 5
)

// KnownType reports whether t is a value type of versions 1 to MaxVersion.
func KnownType(t byte) bool { return t <= lastType && t != missingType }

// CheckTypeName returns the name redis-check-rdb prints for a value type, or
// "unknown".
func CheckTypeName(t byte) string {
	names := [...]string{
		"string", "list-linked", "set-hashtable", "zset-v1", "hash-hashtable",
		"zset-v2", "module-value", "module-value-2", "", "hash-zipmap",
		"list-ziplist", "set-intset", "zset-ziplist", "hash-ziplist",
		"quicklist", "stream", "hash-listpack", "zset-listpack",
		"quicklist-v2", "stream-v2", "set-listpack", "stream-v3",
	}
	if !KnownType(t) {
		return "unknown"
	}
	return names[t]
}

// TypeName returns a name for people: the type as the TYPE command calls it,
// and in brackets the encoding, for example "list (quicklist2)". A byte that is
// no type gives "unknown (N)".
func TypeName(t byte) string {
	names := [...]string{
		"string", "list (linked)", "set (hashtable)", "zset (v1)",
		"hash (hashtable)", "zset (v2)", "module (v1)", "module (v2)", "",
		"hash (zipmap)", "list (ziplist)", "set (intset)", "zset (ziplist)",
		"hash (ziplist)", "list (quicklist)", "stream (listpacks)",
		"hash (listpack)", "zset (listpack)", "list (quicklist2)",
		"stream (listpacks2)", "set (listpack)", "stream (listpacks3)",
	}
	if !KnownType(t) {
		return "unknown (" + strconv.Itoa(int(t)) + ")"
	}
	return names[t]
}
