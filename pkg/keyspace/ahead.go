package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// A pipeline tells what will be looked up before it is. A lookup in a large table waits
// for memory two to four times in a row, a hundred nanoseconds each; here the lookups
// of several requests are walked in step, so that they wait together. Nothing depends
// on it: what is guessed wrong costs a few nanoseconds.

// aheadMost is how many requests are looked at together: the processor has about as
// many misses in flight.
const aheadMost = 16

// A table below these sizes lies in the processor's cache anyway.
const (
	aheadKeys    = 1 << 15
	aheadMembers = 1 << 13
)

// Ahead collects the next requests of a pipeline. It belongs to the loop, and is used
// again and again.
type Ahead struct {
	db   *DB
	keys bool // the table of keys is large
	n    int
	reqs [aheadMost]aheadRequest

	steps [aheadMost]aheadStep

	opened mem.Ref // root of dict; 0 for none
	dict   ds.Dict // of the last key that is a large collection
}

type aheadRequest struct {
	member, last []byte
	hash         uint64
}

// Begin forgets what was collected, and takes requests for db from now on.
func (a *Ahead) Begin(db *DB) {
	a.db, a.keys, a.n, a.opened = db, db.dict.Len() >= aheadKeys, 0, 0
}

// Add takes a request by its words, of which the second is taken for a key, the third
// and the last for elements of its value. It tells whether more are of use: there is
// room, and the table of keys is large, or the first key's value is. The words must
// stay until Warm.
func (a *Ahead) Add(words [][]byte) bool {
	if len(words) < 2 {
		return true
	}
	r := &a.reqs[a.n]
	*r = aheadRequest{hash: a.db.dict.Hash(words[1])}
	if len(words) > 2 {
		r.member, r.last = words[2], words[len(words)-1]
	}
	if !a.keys && a.n == 0 && !a.large(r) {
		return false
	}
	a.n++
	return a.n < aheadMost
}

// large tells whether the value is a large collection.
func (a *Ahead) large(r *aheadRequest) bool {
	if r.member == nil {
		return false
	}
	ref := a.db.dict.Near(r.hash)
	return ref != 0 && a.open(a.entry(ref), r)
}

func (a *Ahead) entry(r mem.Ref) Entry { return Entry{db: a.db, p: a.db.ks.arena.Ptr(r), ref: r} }

// open makes dict the table of a large collection, and member what will be looked up
// in it. It tells whether the entry is one.
func (a *Ahead) open(e Entry, r *aheadRequest) bool {
	ks := a.db.ks
	enc := e.Encoding()
	if enc != Hashtable && enc != Skiplist {
		return false
	}
	root, elements := e.root(), &ks.elements
	if enc == Skiplist {
		r.member = r.last // ZADD key score member, ZSCORE key member
		root, elements = ks.zroot(root).dict, &ks.scored
	}
	if root != a.opened {
		a.opened, a.dict = root, elements.At(root)
	}
	return a.dict.Len() >= aheadMembers
}

// Warm asks for the memory that the requests will read, one step of all lookups after
// the other.
func (a *Ahead) Warm() {
	if a.n == 0 {
		return
	}
	reqs := a.reqs[:a.n]
	d := a.db.dict
	if a.keys {
		for i := range reqs {
			d.Approach(reqs[i].hash)
		}
		for i := range reqs {
			d.Near(reqs[i].hash)
		}
	}
	n := 0
	for i := range reqs {
		if r := &reqs[i]; r.member != nil && a.approachMember(r, &a.steps[n]) {
			n++
		}
	}
	for i := range a.steps[:n] {
		s := &a.steps[i]
		s.dict.Near(s.hash)
	}
	clear(reqs) // the words are those of a client's buffer
}

// aheadStep is a lookup in the table of a collection.
type aheadStep struct {
	dict ds.Dict
	hash uint64
}

// approachMember begins the lookup of an element, or asks for a collection that is
// small, which needs no second step.
func (a *Ahead) approachMember(r *aheadRequest, s *aheadStep) bool {
	ref := a.db.dict.Near(r.hash)
	if ref == 0 {
		return false
	}
	e := a.entry(ref)
	if e.Type() == String {
		return false
	}
	if !a.open(e, r) {
		a.db.ks.arena.Prefetch(e.root())
		return false
	}
	s.dict, s.hash = a.dict, a.dict.Hash(r.member)
	s.dict.Approach(s.hash)
	return true
}
