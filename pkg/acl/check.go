package acl

import (
	"slices"
	"strings"

	"redisd/internal/glob"
)

// Here: may a user do this?

// Reason says why something is refused. A larger one tells more about a call that
// several selectors refuse.
type Reason uint8

// The reasons; Allowed is none. DeniedAuth is a login that failed.
const (
	Allowed Reason = iota
	DeniedCommand
	DeniedKey
	DeniedAuth
	DeniedChannel
)

// String is the word of ACL LOG.
func (r Reason) String() string {
	return [...]string{"", "command", "key", "auth", "channel"}[r]
}

// Verdict is the answer to whether a command may run.
type Verdict struct {
	Reason Reason
	Pos    int // of DeniedKey and DeniedChannel: the word that is to blame
}

// Word is a word of a call that names a key or a channel.
type Word struct {
	Pos    int
	Access Access
}

// Words tells which words of a call are keys, and which channels, that access is
// needed to. Both are asked at most once for a selector.
type Words interface {
	Keys() []Word
	Channels() []Word
}

// Check decides whether the user may run command number id with these words. When
// none of several selectors allows it, the verdict is that of the one that came
// nearest.
func (u *User) Check(id int, argv [][]byte, words Words) Verdict {
	if u.Free() {
		return Verdict{}
	}
	worst := Verdict{Reason: DeniedCommand}
	for _, s := range u.selectors {
		v := s.check(&u.book.table.commands[id], id, argv, words)
		if v.Reason == Allowed {
			return v
		}
		if v.Reason > worst.Reason || v.Reason == worst.Reason && v.Pos > worst.Pos {
			worst = v
		}
	}
	return worst
}

// ReadsAll tells whether a selector that allows the call lets it read every key too:
// SORT looks at keys that its words do not name.
func (u *User) ReadsAll(id int, argv [][]byte, words Words) bool {
	return u.Free() || slices.ContainsFunc(u.selectors, func(s *selector) bool {
		return s.readsAll() && s.check(&u.book.table.commands[id], id, argv, words).Reason == Allowed
	})
}

// Channel tells whether the user may publish to a channel or subscribe to it; pattern
// says that the name is a pattern, which must be allowed literally.
func (u *User) Channel(name []byte, pattern bool) bool {
	return u.Free() || slices.ContainsFunc(u.selectors, func(s *selector) bool { return s.channel(name, pattern) })
}

func (s *selector) check(cmd *Command, id int, argv [][]byte, words Words) Verdict {
	if !s.allCommands && !cmd.NoAuth && !s.has(id) && !s.firstArg(id, argv) {
		return Verdict{Reason: DeniedCommand}
	}
	if !s.allKeys {
		for _, w := range words.Keys() {
			if !s.key(argv[w.Pos], w.Access) {
				return Verdict{DeniedKey, w.Pos}
			}
		}
	}
	if !s.allChannels {
		for _, w := range words.Channels() {
			if !s.channel(argv[w.Pos], w.Access&Pattern != 0) {
				return Verdict{DeniedChannel, w.Pos}
			}
		}
	}
	return Verdict{}
}

func (s *selector) firstArg(id int, argv [][]byte) bool {
	list := s.firstArgs[id]
	return len(list) > 0 && len(argv) > 1 && slices.Contains(list, strings.ToLower(string(argv[1])))
}

func (s *selector) key(key []byte, need Access) bool {
	for i := range s.keys {
		if k := &s.keys[i]; k.access&need == need && glob.Match(k.glob, key, false) {
			return true
		}
	}
	return false
}

func (s *selector) readsAll() bool {
	return s.allKeys || slices.ContainsFunc(s.keys, func(k keyPattern) bool { return k.access&Read != 0 && string(k.glob) == "*" })
}

func (s *selector) channel(name []byte, pattern bool) bool {
	if s.allChannels {
		return true
	}
	for _, c := range s.channels {
		if pattern && string(c) == string(name) || !pattern && glob.Match(c, name, false) {
			return true
		}
	}
	return false
}
