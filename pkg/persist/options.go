package persist

import (
	"fmt"
	"strconv"
	"strings"
)

// Role is what a child writes.
type Role uint8

// The roles. Zero is none.
const (
	RoleRDB Role = iota + 1
	RoleAOF
)

// String returns "rdb" or "aof".
func (r Role) String() string {
	switch r {
	case RoleRDB:
		return "rdb"
	case RoleAOF:
		return "aof"
	}
	return "none"
}

// maxDatabases bounds database numbers read from the pipe; the directive's own
// limit is lower.
const maxDatabases = 1 << 20

// Attribute says which access information goes with a key: Redis writes the one
// that its eviction policy keeps.
type Attribute uint8

// The attributes.
const (
	NoAttribute Attribute = iota
	IdleAttribute
	FreqAttribute
)

// Aux is an information field at the start of an RDB file.
type Aux struct {
	Key, Value string
}

// DBSize is the size of one database at the cut.
type DBSize struct {
	Keys, Expires uint64
}

// Options say what is to be written and how. The parent sends them to the child
// in the header frame; Attribute and Databases are needed by the encoding side.
type Options struct {
	Role Role
	// Dir is the absolute path of the folder: CONFIG SET dir must not pull it
	// away from under a child.
	Dir string
	// Compress is rdbcompression, Checksum rdbchecksum.
	Compress, Checksum bool
	// Verify is verify-snapshots: the file is read back before it is believed.
	Verify bool
	// Preamble is aof-use-rdb-preamble.
	Preamble bool
	// SnapshotOnly: a rewrite ends with the snapshot; there is no difference.
	SnapshotOnly bool
	// SyncEvery is the number of bytes after which the file is synced while it
	// is written (IncrementalSync), 0 to sync only at the end.
	SyncEvery int64
	// KeySaveDelayMicros is the test hook rdb-key-save-delay: the time a child
	// sleeps after each key; -n means a microsecond after one of n keys.
	KeySaveDelayMicros int64
	// Aux is written to the start of the RDB in this order.
	Aux []Aux
	// Blocks is aof-checksum: an append-only file gets checksums behind the commands.
	Blocks bool
	// Functions is the code of the libraries of functions, written before the keys.
	Functions [][]byte
	// TimestampSecs, if not 0, puts a timestamp annotation (Unix seconds) at
	// the start of an append-only file without preamble.
	TimestampSecs int64
	// Databases are the sizes at the cut by number: hints for the loader.
	Databases []DBSize
	// Attribute chooses what is written about the accesses of a key.
	Attribute Attribute
}

// IncrementalSync is the usual Options.SyncEvery: small enough that the last
// sync is short, large enough that syncs cost nothing (Redis uses the same).
const IncrementalSync = 32 << 20

const auxPrefix = "aux:"

// append encodes the options as the payload of a header frame.
func (o *Options) append(dst []byte) []byte {
	pair := func(k, v string) { dst = appendText(appendText(dst, k), v) }
	flag := func(k string, on bool) {
		if on {
			pair(k, "1")
		}
	}
	number := func(k string, n int64) {
		if n != 0 {
			pair(k, strconv.FormatInt(n, 10))
		}
	}
	pair("role", o.Role.String())
	pair("dir", o.Dir)
	flag("compress", o.Compress)
	flag("checksum", o.Checksum)
	flag("preamble", o.Preamble)
	flag("verify", o.Verify)
	flag("blocks", o.Blocks)
	flag("snapshot-only", o.SnapshotOnly)
	number("sync-every", o.SyncEvery)
	number("key-save-delay", o.KeySaveDelayMicros)
	number("timestamp", o.TimestampSecs)
	for i, d := range o.Databases {
		if d.Keys > 0 {
			pair("db", fmt.Sprintf("%d %d %d", i, d.Keys, d.Expires))
		}
	}
	for _, a := range o.Aux {
		pair(auxPrefix+a.Key, a.Value)
	}
	for _, code := range o.Functions {
		pair("function", string(code))
	}
	return dst
}

// parseOptions decodes a header. An unknown option is an error: parent and
// child are the same binary.
func parseOptions(p []byte) (Options, error) {
	var o Options
	f := fields{p: p}
	for len(f.p) > 0 {
		k, v := f.text(), f.text()
		if f.bad {
			return o, fmt.Errorf("%w: header of %d bytes", errFrame, len(p))
		}
		if err := o.set(k, v); err != nil {
			return o, fmt.Errorf("%w: option %q=%q: %w", errFrame, k, v, err)
		}
	}
	if o.Role == 0 || o.Dir == "" {
		return o, fmt.Errorf("%w: header without role or dir", errFrame)
	}
	return o, nil
}

func (o *Options) set(k, v string) (err error) {
	if name, ok := strings.CutPrefix(k, auxPrefix); ok {
		o.Aux = append(o.Aux, Aux{name, v})
		return nil
	}
	number := func(dst *int64) { *dst, err = strconv.ParseInt(v, 10, 64) }
	switch k {
	case "role":
		switch v {
		case "rdb":
			o.Role = RoleRDB
		case "aof":
			o.Role = RoleAOF
		default:
			return fmt.Errorf("unknown role")
		}
	case "dir":
		o.Dir = v
	case "compress":
		o.Compress = true
	case "checksum":
		o.Checksum = true
	case "preamble":
		o.Preamble = true
	case "verify":
		o.Verify = true
	case "blocks":
		o.Blocks = true
	case "snapshot-only":
		o.SnapshotOnly = true
	case "sync-every":
		number(&o.SyncEvery)
	case "key-save-delay":
		number(&o.KeySaveDelayMicros)
	case "timestamp":
		number(&o.TimestampSecs)
	case "function":
		o.Functions = append(o.Functions, []byte(v))
	case "db":
		return o.setDB(v)
	default:
		return fmt.Errorf("unknown option")
	}
	return err
}

func (o *Options) setDB(v string) error {
	var i int
	var d DBSize
	if _, err := fmt.Sscanf(v, "%d %d %d", &i, &d.Keys, &d.Expires); err != nil {
		return err
	}
	if i < 0 || i >= maxDatabases {
		return fmt.Errorf("database out of range")
	}
	for len(o.Databases) <= i {
		o.Databases = append(o.Databases, DBSize{})
	}
	o.Databases[i] = d
	return nil
}
