package pubsub

import "redisd/internal/glob"

// Kind is what a subscription is to.
type Kind uint8

// The kinds.
const (
	Channel Kind = iota // a channel, by name
	Pattern             // all channels whose names fit a pattern
	Shard               // a shard channel, by name
	kinds
)

// Subscriber gets messages.
type Subscriber interface {
	// Deliver is called for each message. m is good until it returns. It must not
	// change subscriptions.
	Deliver(m *Message)
}

// topic is a name that somebody is subscribed to, with all who are.
type topic struct {
	name        string
	glob        []byte // the name of a Pattern
	kind        Kind
	n           int
	first, last *link
	prev, next  *topic // of the kind, in the order of their first subscription
}

// link is one subscription: a place among those of its topic, and one among those of
// its Set.
type link struct {
	topic        *topic
	set          *Set
	prev, next   *link // of the topic, older ones first
	older, newer *link // of the set and the kind
}

// world is all topics of a kind.
type world struct {
	byName      map[string]*topic
	most        int // topics since byName was made
	first, last *topic
}

// keepTopics is for how many topics a map is used again: Go's do not shrink.
const keepTopics = 1024

// Hub is all subscriptions. Create it with New.
type Hub struct {
	worlds [kinds]world
	msg    Message
	busy   bool // a message is on its way
}

// New gives a Hub without subscriptions.
func New() *Hub { return &Hub{} }

// Subscribe adds a subscription; false when it was there already. name is copied.
func (h *Hub) Subscribe(s *Set, k Kind, name []byte) bool {
	h.mustRest()
	if _, ok := s.byName[k][string(name)]; ok {
		return false
	}
	w := &h.worlds[k]
	t := w.byName[string(name)]
	if t == nil {
		t = w.add(string(name), k)
	}
	l := &link{topic: t, set: s, prev: t.last}
	if t.last != nil {
		t.last.next = l
	} else {
		t.first = l
	}
	t.last = l
	t.n++
	s.add(l)
	return true
}

// Unsubscribe takes a subscription away; false when there was none.
func (h *Hub) Unsubscribe(s *Set, k Kind, name []byte) bool {
	h.mustRest()
	l := s.byName[k][string(name)]
	if l != nil {
		h.remove(l)
	}
	return l != nil
}

// Drop takes all subscriptions of a set away.
func (h *Hub) Drop(s *Set) {
	h.mustRest()
	for k := range s.first {
		for s.first[k] != nil {
			h.remove(s.first[k])
		}
	}
}

func (h *Hub) mustRest() {
	if h.busy {
		panic("BUG: pubsub: subscriptions are changed while a message is delivered")
	}
}

func (h *Hub) remove(l *link) {
	t := l.topic
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		t.first = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		t.last = l.prev
	}
	t.n--
	if t.n == 0 {
		h.worlds[t.kind].remove(t)
	}
	l.set.remove(l)
}

func (w *world) add(name string, k Kind) *topic {
	t := &topic{name: name, kind: k, prev: w.last}
	if k == Pattern {
		t.glob = []byte(name)
	}
	if w.byName == nil {
		w.byName = map[string]*topic{}
	}
	w.byName[name] = t
	w.most = max(w.most, len(w.byName))
	if w.last != nil {
		w.last.next = t
	} else {
		w.first = t
	}
	w.last = t
	return t
}

func (w *world) remove(t *topic) {
	delete(w.byName, t.name)
	if len(w.byName) == 0 && w.most > keepTopics {
		w.byName, w.most = nil, 0
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		w.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		w.last = t.prev
	}
}

// Publish hands a message to the subscribers of a channel, then to those of each
// pattern that its name fits, and tells how many deliveries that were.
func (h *Hub) Publish(channel, payload []byte) int {
	n := h.deliver(h.worlds[Channel].byName[string(channel)], channel, payload)
	for t := h.worlds[Pattern].first; t != nil; t = t.next {
		if glob.Match(t.glob, channel, false) {
			n += h.deliver(t, channel, payload)
		}
	}
	return n
}

// PublishShard hands a message to the subscribers of a shard channel and tells how
// many they are.
func (h *Hub) PublishShard(channel, payload []byte) int {
	return h.deliver(h.worlds[Shard].byName[string(channel)], channel, payload)
}

func (h *Hub) deliver(t *topic, channel, payload []byte) int {
	if t == nil {
		return 0
	}
	if h.busy {
		panic("BUG: pubsub: a message is published while another one is delivered")
	}
	h.busy = true
	h.msg.begin(t, channel, payload)
	for l := t.first; l != nil; l = l.next {
		l.set.owner.Deliver(&h.msg)
	}
	h.msg.end()
	h.busy = false
	return t.n
}

// Len is how many names of a kind somebody is subscribed to.
func (h *Hub) Len(k Kind) int { return len(h.worlds[k].byName) }

// Subscribers is how many are subscribed to a name.
func (h *Hub) Subscribers(k Kind, name []byte) int {
	if t := h.worlds[k].byName[string(name)]; t != nil {
		return t.n
	}
	return 0
}

// Each calls fn with every name of a kind that somebody is subscribed to, the first
// subscribed first.
func (h *Hub) Each(k Kind, fn func(name string)) {
	for t := h.worlds[k].first; t != nil; t = t.next {
		fn(t.name)
	}
}

// Heard tells whether a message to any channel could reach anybody. It is cheap.
func (h *Hub) Heard() bool { return h.worlds[Channel].first != nil || h.worlds[Pattern].first != nil }
