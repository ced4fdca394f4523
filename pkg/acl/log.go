package acl

import "slices"

// Entry is one line of ACL LOG: something that was refused, once or several times.
type Entry struct {
	ID        int64 // position among all entries since the start
	Count     int64
	Reason    Reason
	Context   string // toplevel, multi, lua, module
	Object    string // the command, key or channel; of DeniedAuth the command that tried
	User      string
	Client    string // the last client, as CLIENT LIST shows it
	CreatedMs int64  // Unix milliseconds
	UpdatedMs int64
}

// Log keeps what was refused, the newest first.
type Log struct {
	Most    int // entries to keep: acllog-max-len
	entries []*Entry
	next    int64
}

// What goes into one entry: the same refusal again within so many milliseconds,
// looked for among so many entries.
const (
	groupMs   = 60_000
	groupScan = 10
)

// Add records a refusal at e.UpdatedMs. Count, ID and CreatedMs are filled in.
func (l *Log) Add(e Entry) {
	for i, old := range l.entries[:min(groupScan, len(l.entries))] {
		if !old.same(&e) {
			continue
		}
		old.Client, old.UpdatedMs = e.Client, e.UpdatedMs
		old.Count++
		copy(l.entries[1:i+1], l.entries[:i])
		l.entries[0] = old
		return
	}
	e.ID, e.Count, e.CreatedMs = l.next, 1, e.UpdatedMs
	l.next++
	l.entries = slices.Insert(l.entries, 0, &e)
	if len(l.entries) > l.Most {
		clear(l.entries[l.Most:])
		l.entries = l.entries[:l.Most]
	}
}

func (e *Entry) same(o *Entry) bool {
	return e.Reason == o.Reason && e.Context == o.Context && e.Object == o.Object && e.User == o.User &&
		max(e.UpdatedMs-o.UpdatedMs, o.UpdatedMs-e.UpdatedMs) <= groupMs
}

// Entries gives at most n entries, the newest first. The caller must not change them.
func (l *Log) Entries(n int) []*Entry { return l.entries[:min(n, len(l.entries))] }

// Reset is ACL LOG RESET. Numbers go on.
func (l *Log) Reset() { l.entries = nil }
