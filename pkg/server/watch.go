package server

import (
	"slices"

	"redisd/pkg/command"
)

// watches knows which clients watch which keys (WATCH): a change of one of them makes
// their next EXEC fail. Changes are seen by the events that every command gives.
type watches struct {
	srv  *Server
	keys []map[string][]watcher // by database
}

// watcher is a client that watches a key.
type watcher struct {
	client  *client
	existed bool // the key, when it began
}

// watchedKey is one key that a client watches.
type watchedKey struct {
	db  int
	key string
}

func newWatches(s *Server) *watches {
	return &watches{srv: s, keys: make([]map[string][]watcher, s.ks.Databases())}
}

// touched says that a key has changed.
func (w *watches) touched(db int, key []byte) {
	if len(w.keys[db]) == 0 {
		return
	}
	for _, o := range w.keys[db][string(key)] {
		o.client.set(flagDirtyCAS, true)
	}
}

// touchedAll says that a database was flushed, or has got the contents of another
// one. A key that is not there, as before, has not changed.
func (w *watches) touchedAll(db int) {
	for key, watchers := range w.keys[db] {
		e, exists := w.srv.ks.DB(db).PeekExpired([]byte(key))
		exists = exists && !e.Expired()
		for _, o := range watchers {
			if exists || o.existed {
				o.client.set(flagDirtyCAS, true)
			}
		}
	}
}

// find gives the place of c among those who watch a key, -1 when it does not. They are
// fewer than the keys that one client may watch.
func (w *watches) find(c *client, db int, key string) int {
	return slices.IndexFunc(w.keys[db][key], func(o watcher) bool { return o.client == c })
}

func (w *watches) add(c *client, db int, key string, existed bool) {
	if w.find(c, db, key) >= 0 {
		return
	}
	if w.keys[db] == nil {
		w.keys[db] = map[string][]watcher{}
	}
	c.watched = append(c.watched, watchedKey{db, key})
	c.watchedNames += len(key)
	w.keys[db][key] = append(w.keys[db][key], watcher{c, existed})
}

// drop forgets all that c watches.
func (w *watches) drop(c *client) {
	for _, k := range c.watched {
		m, i := w.keys[k.db], w.find(c, k.db, k.key)
		if m[k.key] = slices.Delete(m[k.key], i, i+1); len(m[k.key]) == 0 {
			delete(m, k.key)
		}
	}
	c.watched, c.watchedNames = nil, 0
	c.set(flagDirtyCAS, false)
}

// changed tells whether a key that c watches has changed, or its time has passed,
// since it began to.
func (w *watches) changed(c *client) bool {
	for _, k := range c.watched {
		_, exists := w.srv.ks.DB(k.db).Peek([]byte(k.key))
		if !exists && w.keys[k.db][k.key][w.find(c, k.db, k.key)].existed {
			c.set(flagDirtyCAS, true)
		}
	}
	return c.has(flagDirtyCAS)
}

func (s *Server) watch(c *command.Ctx) {
	cl := s.exec.client
	if cl.tx != nil {
		c.Out.Error("ERR WATCH inside MULTI is not allowed")
		return
	}
	// Once a key has changed EXEC fails anyhow.
	for i := 1; i < len(c.Args) && !cl.has(flagDirtyCAS); i++ {
		_, exists := c.DB.Peek(c.Args[i])
		s.logExpired() // of the look-up: that the key is gone is no change from now on
		s.watches.add(cl, c.DB.Index(), string(c.Args[i]), exists)
	}
	c.Out.OK()
}

func (s *Server) unwatch(c *command.Ctx) {
	s.watches.drop(s.exec.client)
	c.Out.OK()
}
