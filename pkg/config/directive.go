package config

import "strings"

// This file says what a directive is; the table_*.go files hold the rows.

// Kind is the type of a directive's value.
type Kind uint8

// The kinds. Those after KindReplicaOf take several arguments.
const (
	KindBool            Kind = iota // yes or no
	KindInt                         // decimal number within Min and Max
	KindMemory                      // bytes, "100mb" when written
	KindMemoryOrPercent             // bytes, or a percentage kept as a negative number
	KindOctal                       // octal number
	KindEnum                        // one of Enum
	KindString                      // any bytes
	KindEvents                      // letters of notify-keyspace-events, kept as Notify bits
	KindLines                       // lines of a file that are kept as they are
	KindReplicaOf                   // host and port
	KindEnumSet                     // bits of Enum
	KindList                        // words
	KindSavePoints                  // pairs of seconds and changes
	KindOutputLimits                // class, hard limit, soft limit, seconds
	KindOOMValues                   // three numbers
	KindPercentiles                 // numbers from 0 to 100
)

// multi tells whether the value consists of several arguments.
func (k Kind) multi() bool { return k >= KindReplicaOf }

// Flags say how a directive may be used.
type Flags uint8

// The flags.
const (
	Immutable   Flags = 1 << iota // read at the start only
	Sensitive                     // must not appear in logs
	Hidden                        // CONFIG GET finds it by its exact name only
	Protected                     // CONFIG SET needs enable-protected-configs
	DenyLoading                   // CONFIG SET is refused while the data is loaded
	FileOnly                      // unknown to CONFIG GET and CONFIG SET
	Volatile                      // names a file: CONFIG SET with the same value applies it again
)

// EnumValue is one word of an enumeration and the number it stands for. Several
// words may stand for one number; the first of them is shown.
type EnumValue struct {
	Name  string
	Value int64
}

// Directive is one row of the table. Rows are never changed.
type Directive struct {
	ID      ID
	Name    string   // Redis's name, lower case
	Aliases []string // older names, lower case
	Kind    Kind
	Default string // as CONFIG SET would take it; empty is the zero value
	Min     int64  // bounds of the number kinds, both inclusive
	Max     int64
	Enum    []EnumValue // words of KindEnum and KindEnumSet
	Flags   Flags
	Table   string // TOML table that groups it
	Doc     string // one line for people
	Inert   string // why the value has no effect; empty when it has one

	// check refuses or adjusts a value that its kind accepts; nil accepts all.
	check func(v *value) error
}

// Is tells whether f is set.
func (d *Directive) Is(f Flags) bool { return d.Flags&f != 0 }

const (
	noReplication = "replication is not part of this version"
	noCluster     = "cluster mode is not part of this version"
	notOutgoing   = "the server opens no encrypted connections in this version"
	goTLS         = "Go's TLS decides that by itself"
	ownAllocator  = "redisd keeps its data in an allocator of its own"
)

// tables returns the groups of rows in the order of the IDs.
func tables() []group {
	return []group{
		{"general", generalRows()},
		{"network", networkRows()},
		{"clients", clientsRows()},
		{"process", processRows()},
		{"logging", loggingRows()},
		{"snapshot", snapshotRows()},
		{"append-only", appendOnlyRows()},
		{"memory", memoryRows()},
		{"encoding", encodingRows()},
		{"monitoring", monitoringRows()},
		{"security", securityRows()},
		{"scripting", scriptingRows()},
		{"replication", replicationRows()},
		{"cluster", clusterRows()},
		{"tls", tlsRows()},
	}
}

type group struct {
	name string
	rows []Directive
}

// Directives returns a copy of the table in the order of the IDs.
func Directives() []Directive {
	rows := make([]Directive, 0, idCount)
	for _, g := range tables() {
		for _, d := range g.rows {
			d.Table = g.name
			rows = append(rows, d)
		}
	}
	return rows
}

// index finds rows by name.
type index struct {
	rows   []Directive
	byName map[string]ID
	tables map[string]bool
}

func newIndex() *index {
	x := &index{rows: Directives(), byName: make(map[string]ID, 2*idCount), tables: map[string]bool{}}
	for i := range x.rows {
		d := &x.rows[i]
		if int(d.ID) != i {
			panic("BUG: config: row " + d.Name + " is not in the order of the IDs")
		}
		for _, n := range append([]string{d.Name}, d.Aliases...) {
			if _, dup := x.byName[n]; dup {
				panic("BUG: config: two directives are named " + n)
			}
			x.byName[n] = d.ID
		}
		x.tables[d.Table] = true
	}
	return x
}

// find returns the row of a name or alias, in any case.
func (x *index) find(name string) (*Directive, bool) {
	id, ok := x.byName[name]
	if !ok {
		if id, ok = x.byName[strings.ToLower(name)]; !ok {
			return nil, false
		}
	}
	return &x.rows[id], true
}

// findKey is find for TOML, where _ may stand for -.
func (x *index) findKey(key string) (*Directive, bool) {
	if d, ok := x.find(key); ok {
		return d, true
	}
	return x.find(strings.ReplaceAll(key, "_", "-"))
}
