package server

import (
	"cmp"
	"slices"

	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/resp"
	"redisd/pkg/tracking"
)

// caches knows what clients keep copies of (CLIENT TRACKING) and tells them when a copy
// is stale. The loop owns it.
//
// Every command that only reads, and every event of a key, passes here; with nobody who
// tracks it costs them one test each: a flag of the client, and active.
type caches struct {
	srv      *Server
	active   bool // there may be somebody to tell of a key
	clients  map[uint64]*client
	holders  int // connected clients that keys may name
	keys     *tracking.Keys
	prefixes tracking.Prefixes
	most     uint64 // tracking-table-max-keys, 0 for no limit
	rounds   uint64 // of evictions that did not meet the limit
	found    []command.KeyRef
	push     resp.Writer // a message for RESP3, and one for RESP2
	message  resp.Writer
}

// cache is a client that tracks, or once did.
type cache struct {
	of       *client
	redirect uint64   // the number of the client that is told in its place, 0 for none
	to       *client  // that client; its descriptor tells whether it is still there
	prefixes []string // that it listens to, sorted
	bytes    int      // about what these take
	holder   bool     // it is counted in caches.holders
}

// The states of a client that tracks.
const flagsTracking = flagTracking | flagBroadcast | flagOptIn | flagOptOut | flagNoLoop | flagBrokenRedirect | flagCaching

func newCaches(s *Server) *caches {
	return &caches{srv: s, clients: map[uint64]*client{}, keys: tracking.NewKeys(s.arena)}
}

// note sees whether there is anybody to tell of keys.
func (t *caches) note() { t.active = t.keys.Len() > 0 || t.prefixes.Len() > 0 }

// enable turns tracking on for c, or changes how it tracks. Prefixes come on top of
// those that it has.
func (t *caches) enable(c *client, how clientFlags, redirect *client, prefixes []string) {
	if c.cache == nil {
		c.cache = &cache{of: c}
	}
	c.set(flagsTracking&^flagCaching, false)
	c.set(flagTracking|how, true)
	c.cache.to, c.cache.redirect = redirect, 0
	if redirect != nil {
		c.cache.redirect = redirect.id
	}
	t.clients[c.id] = c
	for _, name := range prefixes {
		if t.prefixes.Join(name, c.cache) {
			at, _ := slices.BinarySearch(c.cache.prefixes, name)
			c.cache.prefixes = slices.Insert(c.cache.prefixes, at, name)
			c.cache.bytes += prefixBytes + len(name)
		}
	}
	if !c.has(flagBroadcast) && !c.cache.holder {
		c.cache.holder = true
		t.holders++
	}
	t.note()
}

// disable turns tracking off. The keys that name c stay: they are told to it if it
// turns tracking on again.
func (t *caches) disable(c *client) {
	if !c.has(flagTracking) {
		return
	}
	for _, name := range c.cache.prefixes {
		t.prefixes.Leave(name, c.cache)
	}
	c.cache.prefixes, c.cache.bytes = nil, 0
	c.set(flagsTracking, false)
	delete(t.clients, c.id)
	t.note()
}

// drop forgets a client that goes. Its number is never used again: when nobody is left
// whom keys could name, they are forgotten too.
func (t *caches) drop(c *client) {
	if c.cache == nil {
		return
	}
	t.disable(c)
	if c.cache.holder {
		if t.holders--; t.holders == 0 {
			t.clear()
		}
	}
	c.cache = nil
}

// clear forgets all keys; their memory comes back in slices.
func (t *caches) clear() {
	t.keys.Clear()
	t.note()
	t.srv.loop.Busy()
}

// remember notes the keys that a command of c read, which tracks. Those of a script are
// all that it was called with, as soon as it reads one.
func (t *caches) remember(c *client, spec *command.Spec, argv [][]byte) {
	if spec.Group == "scripting" || spec.Flags&command.PubSub != 0 {
		return
	}
	if c.has(flagScript) {
		run := t.srv.scripts.run
		c, spec, argv = run.caller, run.spec, run.argv
	}
	caching := c.has(flagCaching)
	if c.has(flagBroadcast) || c.has(flagOptIn) && !caching || c.has(flagOptOut) && caching {
		return
	}
	found, ok := spec.AppendKeys(t.found[:0], argv)
	if !ok {
		return
	}
	for _, k := range found {
		t.keys.Add(argv[k.Pos], c.id)
	}
	if spec.FindKeys == nil && cap(found) <= keepFound {
		t.found = found
	}
	t.active = true
	t.limit()
}

// keepFound is for how many keys room is kept.
const keepFound = 1024

// touched says that client by changed a key; 0 when it was nobody's command, as when
// its time is over. A key is the same one in all databases.
func (t *caches) touched(key []byte, by uint64) {
	if t.prefixes.Len() > 0 {
		t.prefixes.Touch(key, by)
	}
	if clients := t.keys.Take(key); len(clients) > 0 {
		t.invalidate(key, clients, t.srv.exec.caller())
	}
}

// invalidate tells clients that their copies of key are stale. by is the client whose
// command made them so, nil for none: with NOLOOP it knows.
func (t *caches) invalidate(key []byte, clients []uint64, by *client) {
	w := t.begin()
	w.Array(1)
	w.Bulk(key)
	for _, id := range clients {
		c := t.clients[id]
		// A client that broadcasts now has no copies that it was told of one by one.
		if c == nil || c.has(flagBroadcast) || c.has(flagNoLoop) && c == by {
			continue
		}
		t.tell(c)
	}
	t.end()
}

// Skips implements tracking.Listener.
func (k *cache) Skips() uint64 {
	if k.of.has(flagNoLoop) {
		return k.of.id
	}
	return 0
}

// Changed implements tracking.Listener.
func (k *cache) Changed(keys []byte) {
	t := k.of.srv.caches
	t.begin().Raw(keys)
	t.tell(k.of)
	t.end()
}

// flushed says that all keys of a database are others now: one null for all.
func (t *caches) flushed() {
	all := make([]*client, 0, len(t.clients))
	for _, c := range t.clients {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *client) int { return cmp.Compare(a.id, b.id) })
	t.begin().Null()
	for _, c := range all {
		t.tell(c)
	}
	t.end()
	t.clear()
}

// begin starts a message; what is stale is written behind it.
func (t *caches) begin() *resp.Writer {
	w := &t.push
	w.Reset()
	w.Proto = 3
	w.Push(2)
	w.BulkString("invalidate")
	return w
}

// pushHead is how long what begin writes is.
const pushHead = len(">2\r\n$10\r\ninvalidate\r\n")

// asMessage is the message for a RESP2 client that listens to the channel.
func (t *caches) asMessage() []byte {
	w := &t.message
	if len(w.Buf) > 0 {
		return w.Buf
	}
	w.Array(3)
	w.BulkString("message")
	w.BulkString("__redis__:invalidate")
	if rest := t.push.Buf[pushHead:]; rest[0] == '_' {
		w.Null()
	} else {
		w.Raw(rest)
	}
	return w.Buf
}

func (t *caches) end() {
	if cap(t.push.Buf) > poolBuffer {
		t.push.Buf = nil
	}
	if cap(t.message.Buf) > poolBuffer {
		t.message.Buf = nil
	}
	t.message.Reset()
}

// tell sends the message to c, or to the client that hears it in its place. A RESP2
// client can only be told as a message of a channel, and only for another one.
func (t *caches) tell(c *client) {
	to := c
	if c.cache.redirect != 0 {
		if to = c.cache.to; to == nil || to.fd < 0 {
			t.broken(c)
			return
		}
	}
	switch {
	case to.proto >= 3:
		t.srv.push(to, t.push.Buf)
	case c.cache.redirect != 0 && to.has(flagPubSub):
		t.srv.push(to, t.asMessage())
	}
}

// broken tells c that whom it named hears nothing any more.
func (t *caches) broken(c *client) {
	c.cache.to = nil
	c.set(flagBrokenRedirect, true)
	if c.proto < 3 {
		return
	}
	w := resp.NewWriter(3)
	w.Push(2)
	w.BulkString("tracking-redir-broken")
	w.Int(int64(c.cache.redirect))
	t.srv.push(c, w.Buf)
}

// evictKeys is how many keys one round of limit forgets, times the rounds that were not
// enough; Redis's number.
const evictKeys = 100

// limit forgets keys by chance, as if they had changed, when there are more than
// tracking-table-max-keys.
func (t *caches) limit() {
	for n := evictKeys * (t.rounds + 1); t.above(); n-- {
		if n == 0 {
			t.rounds++
			t.srv.loop.Busy() // the turns go on with it
			return
		}
		key, clients, _ := t.keys.TakeAny()
		t.invalidate(key, clients, nil)
	}
	t.rounds = 0
}

func (t *caches) above() bool { return t.most > 0 && t.keys.Len() > t.most }

func (s *Server) applyTrackingLimit() error {
	s.caches.most = uint64(s.cfg.Int(config.TrackingTableMaxKeys))
	s.caches.limit()
	return nil
}

// beforeSleep delivers what changed under prefixes in this turn, goes on with evicting
// and with freeing.
func (t *caches) beforeSleep() {
	if t.prefixes.Pending() {
		t.prefixes.Deliver()
	}
	if t.above() {
		t.limit()
	}
	if t.keys.FreeSome() {
		t.srv.loop.Busy()
	}
}

// figures are those of INFO.
func (t *caches) figures() (keys, pairs, prefixes uint64) {
	return t.keys.Len(), t.keys.Pairs(), uint64(t.prefixes.Len())
}

// prefixBytes is about what a prefix takes beside its name.
const prefixBytes = 160

// memory is about what its prefixes take of a client's memory, bytes.
func (k *cache) memory() int {
	if k == nil {
		return 0
	}
	return k.bytes
}
