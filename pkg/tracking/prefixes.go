package tracking

import (
	"cmp"
	"slices"
	"strings"

	"redisd/pkg/resp"
)

// Listener is a client that hears of every key with one of its prefixes.
type Listener interface {
	// Skips is the number of the client whose changes it does not want to hear of, 0
	// when it wants all.
	Skips() uint64
	// Changed is called for each prefix with the keys that changed, encoded as an array
	// of bulk strings. keys is good until it returns. It must not change the prefixes.
	Changed(keys []byte)
}

// Prefixes says who listens to which prefix, and which keys changed since the last
// Deliver. The zero value is ready.
type Prefixes struct {
	byName  map[string]*prefix
	lengths []length  // of the prefixes that there are, ascending
	dirty   []*prefix // have changes to deliver
	out     resp.Writer
}

type length struct{ bytes, prefixes int }

type prefix struct {
	name      string
	listeners []Listener
	changes   changes
}

// Join makes l a listener of a prefix; false when it is one already.
func (p *Prefixes) Join(name string, l Listener) bool {
	x := p.byName[name]
	if x == nil {
		if p.byName == nil {
			p.byName = map[string]*prefix{}
		}
		x = &prefix{name: name}
		p.byName[name] = x
		p.count(len(name), 1)
	}
	if slices.Contains(x.listeners, l) {
		return false
	}
	x.listeners = append(x.listeners, l)
	return true
}

// Leave takes a listener away. A prefix that nobody listens to any more is forgotten,
// with its changes.
func (p *Prefixes) Leave(name string, l Listener) {
	x := p.byName[name]
	if x == nil {
		return
	}
	if i := slices.Index(x.listeners, l); i >= 0 {
		x.listeners = slices.Delete(x.listeners, i, i+1)
	}
	if len(x.listeners) > 0 {
		return
	}
	delete(p.byName, name)
	p.count(len(name), -1)
	if i := slices.Index(p.dirty, x); i >= 0 {
		p.dirty = slices.Delete(p.dirty, i, i+1)
	}
}

// count notes n more prefixes of so many bytes.
func (p *Prefixes) count(size, n int) {
	i, found := slices.BinarySearchFunc(p.lengths, size, func(l length, size int) int { return cmp.Compare(l.bytes, size) })
	if !found {
		p.lengths = slices.Insert(p.lengths, i, length{bytes: size})
	}
	if p.lengths[i].prefixes += n; p.lengths[i].prefixes == 0 {
		p.lengths = slices.Delete(p.lengths, i, i+1)
	}
}

// Len is the number of prefixes that somebody listens to.
func (p *Prefixes) Len() int { return len(p.byName) }

// Touch notes that client by changed a key; 0 when it was nobody, as of a key whose time
// is over.
func (p *Prefixes) Touch(key []byte, by uint64) {
	for _, l := range p.lengths {
		if l.bytes > len(key) {
			return
		}
		x := p.byName[string(key[:l.bytes])]
		if x == nil {
			continue
		}
		if len(x.changes.list) == 0 {
			p.dirty = append(p.dirty, x)
		}
		x.changes.add(key, by)
	}
}

// Pending tells whether there is something to deliver. It is cheap.
func (p *Prefixes) Pending() bool { return len(p.dirty) > 0 }

// keepBytes is how large a buffer may be that is used again.
const keepBytes = 64 << 10

// Deliver tells the listeners what changed, one prefix after the other in the order of
// their names, and each key once.
func (p *Prefixes) Deliver() {
	slices.SortFunc(p.dirty, func(a, b *prefix) int { return strings.Compare(a.name, b.name) })
	for _, x := range p.dirty {
		x.changes.tidy()
		p.tell(x)
		x.changes.reset()
	}
	clear(p.dirty)
	p.dirty = p.dirty[:0]
	if cap(p.out.Buf) > keepBytes {
		p.out.Buf = nil
	}
}

func (p *Prefixes) tell(x *prefix) {
	encoded := uint64(0) // whose changes are left out of what is in p.out
	p.encode(&x.changes, encoded)
	for _, l := range x.listeners {
		if skip := l.Skips(); skip != encoded {
			encoded = skip
			p.encode(&x.changes, encoded)
		}
		if len(p.out.Buf) > 0 {
			l.Changed(p.out.Buf)
		}
	}
}

// encode writes the keys that others than the client skip changed last; nothing when
// there are none.
func (p *Prefixes) encode(c *changes, skip uint64) {
	n := len(c.list)
	if skip != 0 {
		for _, ch := range c.list {
			if ch.by == skip {
				n--
			}
		}
	}
	p.out.Reset()
	if n == 0 {
		return
	}
	p.out.Array(n)
	for _, ch := range c.list {
		if skip == 0 || ch.by != skip {
			p.out.Bulk(c.key(ch))
		}
	}
}
