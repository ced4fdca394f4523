package server

import (
	"slices"

	"redisd/pkg/command"
)

// watches knows which clients watch which keys (WATCH): a change of one of them makes
// their next EXEC fail. Changes are seen by the events that every command gives.
type watches struct {
	srv  *Server
	keys []map[string][]*client // by database
}

// watched is one key that a client watches.
type watchedKey struct {
	db      int
	key     string
	existed bool // when it began
}

func newWatches(s *Server) *watches {
	return &watches{srv: s, keys: make([]map[string][]*client, s.ks.Databases())}
}

// touched says that a key has changed.
func (w *watches) touched(db int, key []byte) {
	if len(w.keys[db]) == 0 {
		return
	}
	for _, c := range w.keys[db][string(key)] {
		c.set(flagDirtyCAS, true)
	}
}

// touchedAll says that a database was flushed, or has got the contents of another
// one. A key that is not there, as before, has not changed.
func (w *watches) touchedAll(db int) {
	for key, clients := range w.keys[db] {
		e, exists := w.srv.ks.DB(db).PeekExpired([]byte(key))
		exists = exists && !e.Expired()
		for _, c := range clients {
			i := slices.IndexFunc(c.watched, func(k watchedKey) bool { return k.db == db && k.key == key })
			if exists || c.watched[i].existed {
				c.set(flagDirtyCAS, true)
			}
		}
	}
}

func (w *watches) add(c *client, db int, key string, existed bool) {
	if slices.ContainsFunc(c.watched, func(k watchedKey) bool { return k.db == db && k.key == key }) {
		return
	}
	if w.keys[db] == nil {
		w.keys[db] = map[string][]*client{}
	}
	c.watched = append(c.watched, watchedKey{db, key, existed})
	w.keys[db][key] = append(w.keys[db][key], c)
}

// drop forgets all that c watches.
func (w *watches) drop(c *client) {
	for _, k := range c.watched {
		m := w.keys[k.db]
		m[k.key] = slices.DeleteFunc(m[k.key], func(o *client) bool { return o == c })
		if len(m[k.key]) == 0 {
			delete(m, k.key)
		}
	}
	c.watched = nil
	c.set(flagDirtyCAS, false)
}

// changed tells whether a key that c watches has changed, or its time has passed,
// since it began to.
func (w *watches) changed(c *client) bool {
	for _, k := range c.watched {
		_, exists := w.srv.ks.DB(k.db).Peek([]byte(k.key))
		if k.existed && !exists {
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
