package acl

import (
	"slices"
	"strings"
)

// Here: one set of rights, and the rules that change it.

// Access is what is done with a key, or how a channel is named.
type Access uint8

// Reading and writing of keys; Pattern is a channel pattern, which PSUBSCRIBE takes.
const (
	Read Access = 1 << iota
	Write
	Pattern

	readWrite = Read | Write
)

// keyPattern allows an access to the keys that match it.
type keyPattern struct {
	glob   []byte
	access Access
}

// selector is one set of rights.
type selector struct {
	allowed     []uint64 // a bit a command
	allCommands bool     // +@all, and nothing was taken away since
	future      bool     // began with +@all: commands of later versions are allowed
	allKeys     bool
	allChannels bool
	keys        []keyPattern
	channels    [][]byte
	firstArgs   map[int][]string // of a forbidden command: first arguments that are allowed, lower case
	rules       []string         // the command rules in force, in their order, "+get", "-@write"
}

func newSelector(b *book) *selector {
	return &selector{allowed: make([]uint64, (len(b.table.commands)+63)/64), allChannels: b.allChannels}
}

func (s *selector) clone() *selector {
	c := *s
	c.allowed = slices.Clone(s.allowed)
	c.keys = slices.Clone(s.keys)
	c.channels = slices.Clone(s.channels)
	c.rules = slices.Clone(s.rules)
	c.firstArgs = nil
	for id, args := range s.firstArgs {
		c.addFirstArgs(id, args...)
	}
	return &c
}

func (s *selector) has(id int) bool { return s.allowed[id/64]&(1<<(id%64)) != 0 }

// allow allows or forbids a command, and of a container all subcommands.
func (s *selector) allow(t *Table, id int, on bool) {
	s.setBit(id, on)
	delete(s.firstArgs, id)
	for _, sub := range t.commands[id].Subs {
		s.setBit(sub, on)
	}
}

func (s *selector) setBit(id int, on bool) {
	if on {
		s.allowed[id/64] |= 1 << (id % 64)
		return
	}
	s.allowed[id/64] &^= 1 << (id % 64)
	s.allCommands = false
}

func (s *selector) addFirstArgs(id int, args ...string) {
	if s.firstArgs == nil {
		s.firstArgs = map[int][]string{}
	}
	for _, a := range args {
		if !slices.Contains(s.firstArgs[id], a) {
			s.firstArgs[id] = append(s.firstArgs[id], a)
		}
	}
}

// all is +@all and -@all: it makes all rules before it void.
func (s *selector) all(on bool) {
	fill := uint64(0)
	if on {
		fill = ^fill
	}
	for i := range s.allowed {
		s.allowed[i] = fill
	}
	s.allCommands, s.future = on, on
	s.firstArgs, s.rules = nil, nil
}

// set carries out one rule. On an error nothing is changed.
func (s *selector) set(t *Table, rule string) error {
	switch strings.ToLower(rule) {
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
	case "allcommands", "+@all":
		s.all(true)
	case "nocommands", "-@all":
		s.all(false)
	default:
		return s.setOther(t, rule)
	}
	return nil
}

func (s *selector) setOther(t *Table, rule string) error {
	switch {
	case rule == "":
		return ErrSyntax
	case rule[0] == '~':
		return s.addKeys(rule[1:], readWrite)
	case rule[0] == '%':
		return s.addKeysFor(rule[1:])
	case rule[0] == '&':
		return s.addChannels(rule[1:])
	case strings.HasPrefix(rule, "+@"), strings.HasPrefix(rule, "-@"):
		return s.setCategory(t, rule[1:], rule[0] == '+')
	case rule[0] == '+' && strings.Contains(rule, "|"):
		return s.allowSub(t, rule[1:])
	case rule[0] == '+', rule[0] == '-':
		id, ok := t.find(rule[1:])
		if !ok {
			return ErrUnknown
		}
		s.allow(t, id, rule[0] == '+')
		s.note(t.commands[id].Name, rule[0] == '+')
		return nil
	}
	return ErrSyntax
}

// addKeysFor reads what follows the % of a pattern with its own access. Redis takes
// one without ~ for an empty pattern, which no key matches.
func (s *selector) addKeysFor(rest string) error {
	if s.allKeys {
		return ErrAllKeys
	}
	access := Access(0)
	for i := range len(rest) {
		a := Access(0)
		switch rest[i] {
		case 'r', 'R':
			a = Read
		case 'w', 'W':
			a = Write
		case '~':
			if access == 0 {
				return ErrSyntax
			}
			return s.addKeys(rest[i+1:], access)
		}
		if a == 0 || access&a != 0 {
			return ErrSyntax
		}
		access |= a
	}
	if access == 0 {
		return ErrSyntax
	}
	return s.addKeys("", access)
}

func (s *selector) addKeys(glob string, access Access) error {
	if s.allKeys {
		return ErrAllKeys
	}
	if hasSpaces(glob) {
		return ErrSyntax
	}
	for i := range s.keys {
		if string(s.keys[i].glob) == glob {
			s.keys[i].access |= access
			return nil
		}
	}
	s.keys = append(s.keys, keyPattern{[]byte(glob), access})
	return nil
}

func (s *selector) addChannels(glob string) error {
	if s.allChannels {
		return ErrAllChans
	}
	if hasSpaces(glob) {
		return ErrSyntax
	}
	for _, c := range s.channels {
		if string(c) == glob {
			return nil
		}
	}
	s.channels = append(s.channels, []byte(glob))
	return nil
}

// setCategory allows or forbids all commands of a category, "@read".
func (s *selector) setCategory(t *Table, name string, on bool) error {
	bit, ok := t.category(name[1:])
	if !ok {
		return ErrUnknown
	}
	for id := range t.commands {
		// Subcommands come after their container and have categories of their own.
		if t.commands[id].Categories&bit != 0 {
			s.allow(t, id, on)
		}
	}
	s.note(strings.ToLower(name), on)
	return nil
}

// allowSub is +container|subcommand, or +command|firstarg of a command that has no
// subcommands.
func (s *selector) allowSub(t *Table, name string) error {
	cut := strings.LastIndexByte(name, '|')
	first := strings.ToLower(name[cut+1:])
	id, ok := t.find(name[:cut])
	switch {
	case !ok:
		return ErrUnknown
	case t.commands[id].Parent >= 0:
		return ErrFirstArg
	case first == "" || hasSpaces(first):
		return ErrSyntax
	case len(t.commands[id].Subs) == 0:
		s.addFirstArgs(id, first)
	default:
		sub, ok := t.find(name)
		if !ok {
			return ErrUnknown
		}
		s.allow(t, sub, true)
	}
	s.note(strings.ToLower(name), true)
	return nil
}

// note adds a rule about commands to those in force, and drops the ones that it
// makes void: about the same thing, or about subcommands of it.
func (s *selector) note(name string, on bool) {
	s.rules = slices.DeleteFunc(s.rules, func(old string) bool {
		return old[1:] == name || strings.HasPrefix(old[1:], name+"|")
	})
	sign := "-"
	if on {
		sign = "+"
	}
	s.rules = append(s.rules, sign+name)
}

// hasSpaces tells whether s has a byte that would end a word of an ACL file.
func hasSpaces(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' || r == 0 })
}
