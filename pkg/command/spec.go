package command

// Handler carries out one command. The arity fits, the gates are passed.
type Handler func(c *Ctx)

// Flags say what a command does and when it may run; the names are Redis's.
type Flags uint32

// The flags of COMMAND INFO.
const (
	Write Flags = 1 << iota
	ReadOnly
	DenyOOM
	Admin
	PubSub
	NoScript
	Blocking
	Loading
	Stale
	SkipMonitor
	SkipSlowlog
	Asking
	Fast
	NoAuth
	MayReplicate
	NoMandatoryKeys
	AllowBusy
	NoAsyncLoading
	NoMulti
	MovableKeys
	Sentinel
	OnlySentinel
	Protected
)

// Category is a set of ACL categories. Those that follow from Flags and Group
// are added when the table is built; a Spec names the others.
type Category uint32

// The categories of ACL CAT.
const (
	CatKeyspace Category = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
)

// KeyFlags say what a command does with the keys of one KeySpec.
type KeyFlags uint32

// The key flags of COMMAND INFO: one of the first four, any of the others.
const (
	KeyRO KeyFlags = 1 << iota
	KeyRW
	KeyOW
	KeyRM
	KeyAccess
	KeyUpdate
	KeyInsert
	KeyDelete
	KeyNotKey
	KeyIncomplete
	KeyVariable
)

// KeySpec tells where keys stand among the arguments: a start, and a range or a
// counted run from it. The zero values of the unused half stay zero.
type KeySpec struct {
	Flags KeyFlags
	Notes string

	Index     int    // the range starts at this argument...
	Keyword   string // ...or behind this word, searched from StartFrom on
	StartFrom int

	Last, Step, Limit int // range: last key relative to the start (negative: from the end), step, limit

	KeyNum          bool // counted: argument start+NumIdx says how many keys
	NumIdx, FirstOf int  // FirstOf: first key relative to the start
	NumStep         int
	Unknown         bool // keys cannot be told from the arguments
}

// OneKey is the KeySpec of a command whose only key is argument at.
func OneKey(at int, f KeyFlags) []KeySpec { return []KeySpec{{Flags: f, Index: at, Step: 1}} }

// AllKeys is the KeySpec of a command whose arguments from at on, every step-th,
// are keys.
func AllKeys(at, step int, f KeyFlags) []KeySpec {
	return []KeySpec{{Flags: f, Index: at, Last: -1, Step: step}}
}

// Arg documents one argument for COMMAND DOCS.
type Arg struct {
	Name     string
	Type     string // key, string, integer, double, pattern, unix-time, pure-token, oneof, block
	Token    string
	Key      int // KeySpec it belongs to plus one; 0 for none
	Optional bool
	Multiple bool
	// MultipleToken says that Token is repeated with the argument.
	MultipleToken bool
	Since         string
	Sub           []Arg
}

// Spec is one row of the command table, or of a container's subcommands.
type Spec struct {
	Name       string // lower case; of a subcommand without its container
	Arity      int    // number of words, the name included; -n: at least n
	Flags      Flags
	Categories Category
	Keys       []KeySpec
	FindKeys   func(argv [][]byte) []KeyRef // finds the keys of a call where Keys does not tell all of them
	Group      string                       // generic, string, list, ..., connection, server
	Since      string
	Summary    string
	Complexity string
	History    [][2]string // version, change
	Hints      []string    // command tips
	SysCmd     bool        // for the server's own use or its tests, as COMMAND DOCS says
	Deprecated string      // version since which; "" when current
	ReplacedBy string
	Args       []Arg
	Help       []string // subcommand: the lines of its container's HELP, "NAME <arg>" first
	Handler    Handler
	Sub        []Spec

	// Set by NewTable.

	ID       int    // position among all commands and subcommands
	FullName string // "config|get"
	Parent   *Spec
	Renamed  bool // by rename-command, or its container: clients call it otherwise, or not at all
	Removed  bool // the latter
}

// Root is the container of a subcommand, and any other row itself.
func (s *Spec) Root() *Spec {
	if s.Parent != nil {
		return s.Parent
	}
	return s
}

// Writes tells whether the command may change the dataset.
func (s *Spec) Writes() bool { return s.Flags&Write != 0 }

// ArityFits tells whether n words, names included, are what the command takes.
func (s *Spec) ArityFits(n int) bool {
	if s.Arity >= 0 {
		return n == s.Arity
	}
	return n >= -s.Arity
}
