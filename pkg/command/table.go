package command

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Table finds commands by name. It does not change after NewTable.
type Table struct {
	byName   map[string]*Spec
	original map[string]*Spec // renamed commands by their own names
	all      []*Spec          // commands and subcommands, by ID
	top      []*Spec          // commands, by name
}

// maxName bounds the names that a lookup folds on the stack; none is longer.
const maxName = 64

// NewTable joins the rows of all families. Two rows of one name are a bug.
func NewTable(families ...[]Spec) *Table {
	t := &Table{byName: map[string]*Spec{}, original: map[string]*Spec{}}
	for _, rows := range families {
		for i := range rows {
			s := &rows[i]
			if t.byName[s.Name] != nil || len(s.Name) > maxName {
				panic(fmt.Sprintf("BUG: command table: bad or double row %q", s.Name))
			}
			t.byName[s.Name] = s
			t.top = append(t.top, s)
		}
	}
	slices.SortFunc(t.top, func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range t.top {
		t.add(s, nil)
	}
	return t
}

func (t *Table) add(s, parent *Spec) {
	s.ID, s.Parent, s.FullName = len(t.all), parent, s.Name
	if parent != nil {
		s.FullName = parent.Name + "|" + s.Name
		if s.Group == "" {
			s.Group = parent.Group
		}
	}
	s.Categories |= implied(s)
	t.all = append(t.all, s)
	for i := range s.Sub {
		t.add(&s.Sub[i], s)
	}
}

// groupCategories gives the ACL category that a command's group implies.
var groupCategories = map[string]Category{
	"string": CatString, "list": CatList, "set": CatSet, "sorted-set": CatSortedSet, "hash": CatHash,
	"stream": CatStream, "bitmap": CatBitmap, "hyperloglog": CatHyperLogLog, "geo": CatGeo,
	"generic": CatKeyspace, "connection": CatConnection, "transactions": CatTransaction,
	"scripting": CatScripting,
}

// groupKinds are the categories that stand for a kind of data or a matter.
const groupKinds = CatKeyspace | CatSet | CatSortedSet | CatList | CatHash | CatString | CatBitmap | CatHyperLogLog |
	CatGeo | CatStream | CatPubSub | CatConnection | CatTransaction | CatScripting

// implied gives the categories that follow from flags and group. As in Redis, a
// container is in none of its group's, and a row that names its kinds itself
// (WAIT, SORT) is in those alone.
func implied(s *Spec) Category {
	c := groupCategories[s.Group]
	if s.Handler == nil || s.Categories&groupKinds != 0 {
		c = 0
	}
	for _, f := range []struct {
		flag Flags
		cat  Category
	}{
		{Write, CatWrite}, {Admin, CatAdmin | CatDangerous}, {PubSub, CatPubSub},
		{Blocking, CatBlocking}, {Fast, CatFast},
	} {
		if s.Flags&f.flag != 0 {
			c |= f.cat
		}
	}
	if s.Flags&ReadOnly != 0 && s.Group != "scripting" {
		c |= CatRead
	}
	if s.Flags&Fast == 0 {
		c |= CatSlow
	}
	return c
}

// Rename gives a command another name, or none at all when to is empty
// (rename-command). Original still finds it by its own.
func (t *Table) Rename(from, to string) error {
	s := t.byName[from]
	switch {
	case s == nil:
		return errors.New("No such command in rename-command")
	case to != "" && t.byName[strings.ToLower(to)] != nil:
		return errors.New("Target command name already exists")
	case len(to) > maxName:
		return errors.New("The new name in rename-command is too long")
	}
	delete(t.byName, from)
	s.Renamed, s.Removed = true, to == ""
	for i := range s.Sub {
		s.Sub[i].Renamed, s.Sub[i].Removed = true, s.Removed
	}
	if s.Removed {
		t.top = slices.DeleteFunc(t.top, func(o *Spec) bool { return o == s })
	}
	t.original[from] = s
	if to != "" {
		t.byName[strings.ToLower(to)] = s
	}
	return nil
}

// Original is Lookup that also finds renamed commands by their own names, in
// lower or upper case: those are what the log holds.
func (t *Table) Original(name []byte) *Spec {
	if len(t.original) > 0 {
		if s := t.original[strings.ToLower(string(name))]; s != nil {
			return s
		}
	}
	return t.Lookup(name)
}

// Lookup finds a command by its name, in any case; nil when there is none. It
// does not allocate.
func (t *Table) Lookup(name []byte) *Spec {
	var folded [maxName]byte
	if len(name) > maxName {
		return nil
	}
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		folded[i] = b
	}
	return t.byName[string(folded[:len(name)])]
}

// Subcommand finds a container's subcommand by its name, in any case; nil when
// there is none.
func (s *Spec) Subcommand(name []byte) *Spec {
	for i := range s.Sub {
		if len(name) == len(s.Sub[i].Name) && bytes.EqualFold(name, []byte(s.Sub[i].Name)) {
			return &s.Sub[i]
		}
	}
	return nil
}

// Resolve finds the row that argv calls: a command, or a container's subcommand.
// It gives the container itself when there is no second word, and nil when the
// command or subcommand is unknown.
func (t *Table) Resolve(argv [][]byte) *Spec { return resolve(t.Lookup(argv[0]), argv) }

// ResolveLogged is Resolve for a command of the log, which holds original names.
func (t *Table) ResolveLogged(argv [][]byte) *Spec { return resolve(t.Original(argv[0]), argv) }

func resolve(s *Spec, argv [][]byte) *Spec {
	if s == nil || s.Sub == nil || len(argv) < 2 {
		return s
	}
	return s.Subcommand(argv[1])
}

// Commands gives the commands by name, without subcommands and those that were removed.
func (t *Table) Commands() []*Spec { return t.top }

// All gives every row, subcommands included; the index is the row's ID.
func (t *Table) All() []*Spec { return t.all }
