package persist

import (
	"bytes"
	"fmt"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/persist/digest"
	"redisd/pkg/persist/rdb"
)

// commandReader sums up what the commands of a rewritten log make: the opposite of
// aofFormat, in its forms only.
type commandReader struct {
	in  scanner
	sum summer
	db  int    // selected, -1 for none
	key []byte // of the key in hand, whose commands lie one behind another
	own bool   // there is a key in hand

	group    []byte // of the stream in hand
	consumer []byte
	inGroup  bool
	owner    bool // consumer is that of the last XCLAIM of the group
}

func (r *commandReader) run() error {
	for {
		at := r.in.offset()
		args, err := r.in.next()
		if err != nil {
			return err
		}
		if args == nil {
			r.settle()
			return nil
		}
		if err := r.command(len(args)); err != nil {
			return fmt.Errorf("%w at offset %d", err, at)
		}
	}
}

// command takes one of n words.
func (r *commandReader) command(n int) error {
	name := r.in.arg(0)
	if string(name) == "SELECT" && n == 2 {
		db, ok := num.ParseInt(r.in.arg(1))
		if !ok || db < 0 || db >= maxDatabases {
			return fmt.Errorf("database %.20q", r.in.arg(1))
		}
		r.settle()
		r.db = int(db)
		return nil
	}
	if r.db < 0 && string(name) == "FUNCTION" {
		return nil // libraries come with the options: the bytes tell whether they were written
	}
	if r.db < 0 {
		return fmt.Errorf("%.20q before a database was selected", name)
	}
	switch {
	case n < 3:
	case string(name) == "SET" && n == 3:
		r.settle()
		r.start(r.in.arg(1), rdb.TypeString)
		r.sum.String(r.in.arg(2))
		return nil
	case string(name) == "PEXPIREAT" && n == 3:
		return r.expire()
	case string(name) == "RPUSH":
		return r.elements(n, rdb.TypeList, 1)
	case string(name) == "SADD":
		return r.elements(n, rdb.TypeSet, 1)
	case string(name) == "HMSET":
		return r.elements(n, rdb.TypeHash, 2)
	case string(name) == "ZADD":
		return r.elements(n, rdb.TypeZset2, 2)
	case name[0] == 'X':
		return r.stream(string(name), n)
	}
	return fmt.Errorf("%.20q of %d words, which no rewrite writes,", name, n)
}

// start begins a key.
func (r *commandReader) start(key []byte, t byte) {
	r.sum.start(r.db, key, t, -1)
	r.key, r.own = append(r.key[:0], key...), true
	r.inGroup = false
}

// settle ends the key in hand.
func (r *commandReader) settle() {
	if r.own {
		r.sum.settle()
		r.own = false
	}
}

// within makes key the one in hand.
func (r *commandReader) within(key []byte, t byte) {
	if r.own && bytes.Equal(r.key, key) {
		return
	}
	r.settle()
	r.start(key, t)
	_ = r.sum.Begin(t, 0)
}

func (r *commandReader) expire() error {
	ms, ok := num.ParseInt(r.in.arg(2))
	if !ok || !r.own || !bytes.Equal(r.key, r.in.arg(1)) {
		return fmt.Errorf("PEXPIREAT that belongs to no key")
	}
	r.sum.Expire(ms)
	r.settle()
	return nil
}

// elements takes a command that adds elements of so many words each.
func (r *commandReader) elements(n int, t byte, words int) error {
	if (n-2)%words != 0 {
		return fmt.Errorf("%s of %d words", r.in.arg(0), n)
	}
	r.within(r.in.arg(1), t)
	for i := 2; i < n; i += words {
		switch t {
		case rdb.TypeHash:
			_ = r.sum.Pair(r.in.arg(i), r.in.arg(i+1))
		case rdb.TypeZset2:
			score, ok := num.ParseFloat(r.in.arg(i))
			if !ok {
				return fmt.Errorf("score %.40q", r.in.arg(i))
			}
			_ = r.sum.Member(r.in.arg(i+1), score)
		default:
			_ = r.sum.Element(r.in.arg(i))
		}
	}
	return nil
}

// stream takes a command that makes a stream.
func (r *commandReader) stream(name string, n int) error {
	switch {
	case name == "XADD" && n >= 5 && string(r.in.arg(2)) == "MAXLEN" && string(r.in.arg(3)) == "0":
		r.within(r.in.arg(1), rdb.TypeStreamListpacks2)
		return nil // an entry that is dropped at once
	case name == "XADD" && n >= 5 && n%2 == 1:
		return r.entry(n)
	case name == "XSETID" && n == 7:
		return r.figures()
	case name == "XGROUP" && n == 7 && string(r.in.arg(1)) == "CREATE":
		return r.createGroup()
	case name == "XGROUP" && n == 5 && string(r.in.arg(1)) == "CREATECONSUMER":
		if !r.here(2, 3) {
			return fmt.Errorf("XGROUP CREATECONSUMER of another group")
		}
		return r.sum.Consumer(&rdb.StreamConsumer{Name: r.in.arg(4)})
	case name == "XCLAIM" && n == 12:
		return r.claim()
	}
	return fmt.Errorf("%s of %d words", name, n)
}

// here tells whether the words name the stream and the group in hand.
func (r *commandReader) here(key, group int) bool {
	return r.own && r.inGroup && bytes.Equal(r.in.arg(key), r.key) && bytes.Equal(r.in.arg(group), r.group)
}

func (r *commandReader) entry(n int) error {
	id, ok := parseID(r.in.arg(2))
	if !ok {
		return fmt.Errorf("ID %.50q", r.in.arg(2))
	}
	r.within(r.in.arg(1), rdb.TypeStreamListpacks2)
	h := digest.EntryHash(r.sum.Key(), id)
	for i := 3; i < n; i++ {
		h = digest.AddField(h, r.in.arg(i))
	}
	r.sum.Add(h)
	return nil
}

func (r *commandReader) figures() error {
	last, ok1 := parseID(r.in.arg(2))
	added, ok2 := num.ParseUint(r.in.arg(4))
	deleted, ok3 := parseID(r.in.arg(6))
	if !ok1 || !ok2 || !ok3 || !r.own || !bytes.Equal(r.in.arg(1), r.key) {
		return fmt.Errorf("XSETID with what is no figure, or of another stream")
	}
	return r.sum.Info(&rdb.StreamInfo{Last: last, MaxDeleted: deleted, Added: added})
}

func (r *commandReader) createGroup() error {
	last, ok1 := parseID(r.in.arg(4))
	read, ok2 := num.ParseInt(r.in.arg(6))
	if !ok1 || !ok2 || !r.own || !bytes.Equal(r.in.arg(2), r.key) {
		return fmt.Errorf("XGROUP CREATE with what is no figure, or of another stream")
	}
	r.group, r.inGroup, r.owner = append(r.group[:0], r.in.arg(3)...), true, false
	return r.sum.Group(&rdb.StreamGroup{Name: r.group, Last: last, Read: read})
}

// claim takes an XCLAIM: a pending entry, its owner, and the owner itself with its first
// one.
func (r *commandReader) claim() error {
	id, ok1 := parseID(r.in.arg(5))
	ms, ok2 := num.ParseInt(r.in.arg(7))
	count, ok3 := num.ParseUint(r.in.arg(9))
	if !ok1 || !ok2 || !ok3 || !r.here(1, 2) {
		return fmt.Errorf("XCLAIM with what is no figure, or of another group")
	}
	if name := r.in.arg(3); !r.owner || !bytes.Equal(name, r.consumer) {
		r.consumer, r.owner = append(r.consumer[:0], name...), true
		_ = r.sum.Consumer(&rdb.StreamConsumer{Name: name})
	}
	_ = r.sum.Pending(&rdb.StreamPending{ID: id, Time: ms, Count: count})
	return r.sum.Owned(id)
}

// parseID reads "ms-seq".
func parseID(b []byte) (id ds.StreamID, ok bool) {
	ms, seq, ok := bytes.Cut(b, []byte("-"))
	if !ok {
		return id, false
	}
	var ok1, ok2 bool
	id.Ms, ok1 = num.ParseUint(ms)
	id.Seq, ok2 = num.ParseUint(seq)
	return id, ok1 && ok2
}
