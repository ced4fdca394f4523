// What blocks are for: the split that INFO and MEMORY STATS show.

package mem

// Purpose says what a block is for. Every Alloc and Free names it, and each purpose is counted for itself.
type Purpose uint8

// The purposes. Free must name the one that Alloc named.
const (
	Entry    Purpose = iota // an entry of a keyspace: header, key, small value
	Table                   // buckets of hash tables
	Value                   // a value or element with a block of its own
	Snapshot                // what a running snapshot holds back
	Scratch                 // working memory of one command or job
	Node                    // inner structure of collections: tree and list nodes, indexes
	Client                  // what is kept for clients: which keys they have copies of, long arguments on their way
	Backlog                 // replication backlog and log buffers
	Purposes                // how many there are; not a purpose
)

// String returns the name that statistics show, in lower case.
func (p Purpose) String() string {
	switch p {
	case Entry:
		return "entry"
	case Table:
		return "table"
	case Value:
		return "value"
	case Snapshot:
		return "snapshot"
	case Scratch:
		return "scratch"
	case Node:
		return "node"
	case Client:
		return "client"
	case Backlog:
		return "backlog"
	}
	return "unknown"
}
