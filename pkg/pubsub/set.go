package pubsub

// Set is what one Subscriber is subscribed to. Create it with NewSet; give it to
// Hub.Drop before it is let go.
type Set struct {
	owner       Subscriber
	byName      [kinds]map[string]*link
	first, last [kinds]*link
	bytes       int
}

// NewSet gives the empty Set of a Subscriber.
func NewSet(owner Subscriber) *Set { return &Set{owner: owner} }

// linkBytes is about what a subscription takes beside its name.
const linkBytes = 128

func (s *Set) add(l *link) {
	k := l.topic.kind
	if s.byName[k] == nil {
		s.byName[k] = map[string]*link{}
	}
	s.byName[k][l.topic.name] = l
	l.older = s.last[k]
	if l.older != nil {
		l.older.newer = l
	} else {
		s.first[k] = l
	}
	s.last[k] = l
	s.bytes += linkBytes + len(l.topic.name)
}

func (s *Set) remove(l *link) {
	k := l.topic.kind
	delete(s.byName[k], l.topic.name)
	if l.older != nil {
		l.older.newer = l.newer
	} else {
		s.first[k] = l.newer
	}
	if l.newer != nil {
		l.newer.older = l.older
	} else {
		s.last[k] = l.older
	}
	s.bytes -= linkBytes + len(l.topic.name)
}

// Count is how many subscriptions of a kind there are; a nil Set has none.
func (s *Set) Count(k Kind) int {
	if s == nil {
		return 0
	}
	return len(s.byName[k])
}

// Total is how many subscriptions of all kinds there are.
func (s *Set) Total() int { return s.Count(Channel) + s.Count(Pattern) + s.Count(Shard) }

// Bytes is about how much memory the subscriptions take.
func (s *Set) Bytes() int {
	if s == nil {
		return 0
	}
	return s.bytes
}

// Each calls fn with every name of a kind, in the order in which they were subscribed
// to, until it returns false. fn may unsubscribe from the name it is given.
func (s *Set) Each(k Kind, fn func(name string) bool) {
	if s == nil {
		return
	}
	for l := s.first[k]; l != nil; {
		next := l.newer
		if !fn(l.topic.name) {
			return
		}
		l = next
	}
}
