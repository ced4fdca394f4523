package config

import (
	"errors"
	"slices"
	"strings"

	"redisd/internal/glob"
)

// This file holds the values, their readers, CONFIG GET and CONFIG SET.

// Config holds the values of all directives. One goroutine owns it.
type Config struct {
	index  *index
	vals   [idCount]value
	loaded [idCount]value  // as the sources gave them, for Reload
	origin [idCount]origin // where a source set it
	source Source          // what was loaded; Stdin is kept as text in stdin
	stdin  string
	hooks  []func() error
	hookOf [idCount][]int // indexes into hooks

	// Users tells the users that the configuration file is to define, for Rewrite; nil
	// leaves the file's lines alone. An error ends the rewrite.
	Users func() ([]UserLine, error)
	users []UserLine // what it told last
}

// origin is the place that set a value; the zero origin is the default.
type origin struct {
	file string
	line int
	text string
}

// New returns the defaults.
func New() *Config {
	c := &Config{index: newIndex()}
	for i := range c.index.rows {
		d := &c.index.rows[i]
		v, err := d.defaultValue()
		if err != nil {
			panic("BUG: config: default of " + d.Name + ": " + err.Error())
		}
		c.vals[i] = v
	}
	c.loaded = c.vals
	return c
}

func (d *Directive) defaultValue() (value, error) {
	if d.Default == "" {
		return value{}, nil
	}
	if d.Kind.multi() {
		return d.parse(strings.Fields(d.Default), value{})
	}
	return d.parse([]string{d.Default}, value{})
}

// Int returns a number: of KindInt, bytes of KindMemory, the bits of
// KindOctal, KindEnumSet and KindEvents.
func (c *Config) Int(id ID) int64 {
	c.assert(id, KindInt, KindOctal, KindMemory, KindMemoryOrPercent, KindEnumSet, KindEvents)
	return c.vals[id].n
}

// Bool returns a yes or no.
func (c *Config) Bool(id ID) bool {
	c.assert(id, KindBool)
	return c.vals[id].n != 0
}

// Enum returns the number of a KindEnum's word, one of the constants named after
// the directive (FsyncAlways...).
func (c *Config) Enum(id ID) int {
	c.assert(id, KindEnum)
	return int(c.vals[id].n)
}

// Word returns the word of a KindEnum.
func (c *Config) Word(id ID) string {
	c.assert(id, KindEnum)
	return c.index.rows[id].enumName(c.vals[id].n)
}

// Bytes returns a KindMemoryOrPercent in bytes, a percentage taken of whole.
func (c *Config) Bytes(id ID, whole int64) int64 {
	c.assert(id, KindMemoryOrPercent)
	n := c.vals[id].n
	if n >= 0 {
		return n
	}
	return whole/100*-n + whole%100*-n/100
}

// String returns a KindString.
func (c *Config) String(id ID) string {
	c.assert(id, KindString)
	return c.vals[id].s
}

// List returns the words of a KindList. The caller must not change them.
func (c *Config) List(id ID) []string {
	c.assert(id, KindList)
	l, _ := c.vals[id].x.([]string)
	return l
}

// Lines returns the lines of a KindLines in the order of the sources.
func (c *Config) Lines(id ID) []Line {
	c.assert(id, KindLines)
	l, _ := c.vals[id].x.([]Line)
	return l
}

// SavePoints returns the save points. The caller must not change them.
func (c *Config) SavePoints() []SavePoint {
	p, _ := c.vals[Save].x.([]SavePoint)
	return p
}

// OutputLimit returns the limits of a class of clients: ClassNormal,
// ClassReplica or ClassPubSub.
func (c *Config) OutputLimit(class int) OutputLimit {
	l, _ := c.vals[ClientOutputBufferLimit].x.(*[classCount]OutputLimit)
	return l[class]
}

// OOMValue returns the score of a role: OOMMaster, OOMReplica or OOMChild.
func (c *Config) OOMValue(role int) int {
	v, _ := c.vals[OOMScoreAdjValues].x.([oomCount]int)
	return v[role]
}

// Percentiles returns those of INFO latencystats, 0 to 100 each. The caller must
// not change them.
func (c *Config) Percentiles() []float64 {
	p, _ := c.vals[LatencyTrackingInfoPercentiles].x.([]float64)
	return p
}

// ReplicaOf returns the master to copy; ok is false when there is none.
func (c *Config) ReplicaOf() (host string, port int, ok bool) {
	v := &c.vals[ReplicaOf]
	return v.s, int(v.n), v.s != ""
}

// Value returns a value as CONFIG GET shows it.
func (c *Config) Value(id ID) string { return c.index.rows[id].format(c.vals[id]) }

// Directive returns the row of an ID. The caller must not change it.
func (c *Config) Directive(id ID) *Directive { return &c.index.rows[id] }

// Find returns the row of a name or alias in any case. FileOnly ones are found
// too.
func (c *Config) Find(name string) (*Directive, bool) { return c.index.find(name) }

// File returns the path of the configuration file, empty when there is none.
func (c *Config) File() string { return c.source.File }

// Inert returns the directives that are set to another value than their default
// and have no effect, for a warning at the start.
func (c *Config) Inert() []*Directive {
	return slices.DeleteFunc(c.Changed(), func(d *Directive) bool { return d.Inert == "" })
}

// Changed returns the directives that are set to another value than their default,
// in the order of the table. The caller must not change them.
func (c *Config) Changed() []*Directive {
	var list []*Directive
	for i := range c.index.rows {
		d := &c.index.rows[i]
		if def, err := d.defaultValue(); err == nil && !d.equal(def, c.vals[i]) {
			list = append(list, d)
		}
	}
	return list
}

// Pair is the name of a directive and its value.
type Pair struct{ Name, Value string }

// Get returns the directives that match any of the patterns, as CONFIG GET
// does: a pattern without * ? or [ is a name and comes back as it was written;
// names and aliases are matched without regard to case; nothing comes twice.
// Names come in the order of the patterns, matches of one in that of the table.
func (c *Config) Get(patterns ...string) []Pair {
	var pairs []Pair
	seen := map[string]bool{}
	add := func(d *Directive, name string) {
		if low := strings.ToLower(name); !seen[low] {
			seen[low] = true
			pairs = append(pairs, Pair{name, c.Value(d.ID)})
		}
	}
	for _, p := range patterns {
		if !strings.ContainsAny(p, "*?[") {
			if d, ok := c.index.find(p); ok && !d.Is(FileOnly) {
				add(d, p)
			}
			continue
		}
		for i := range c.index.rows {
			d := &c.index.rows[i]
			if d.Is(Hidden | FileOnly) {
				continue
			}
			if glob.Match([]byte(p), []byte(d.Name), true) {
				add(d, d.Name)
			}
			for _, a := range d.Aliases {
				if glob.Match([]byte(p), []byte(a), true) {
					add(d, a)
				}
			}
		}
	}
	return pairs
}

// Caller is the situation of a CONFIG SET.
type Caller struct {
	Loading bool // the data is being loaded
	Local   bool // the client is on this machine
}

// Set changes directives as CONFIG SET does: all of the pairs, or none of them
// and a *SetError.
func (c *Config) Set(by Caller, pairs ...Pair) error {
	ch := make([]change, 0, len(pairs))
	seen := map[ID]bool{}
	for _, p := range pairs {
		d, ok := c.index.find(p.Name)
		switch {
		case !ok || d.Is(FileOnly):
			return &SetError{Name: p.Name}
		case d.Is(Immutable):
			return &SetError{Name: p.Name, Reason: "can't set immutable config"}
		case d.Is(Protected) && !c.allows(EnableProtectedConfigs, by.Local):
			return &SetError{Name: p.Name, Reason: "can't set protected config"}
		case d.Is(DenyLoading) && by.Loading:
			return &SetError{Name: p.Name, Loading: true}
		case seen[d.ID]:
			return &SetError{Name: p.Name, Reason: "duplicate parameter"}
		}
		seen[d.ID] = true
		ch = append(ch, change{id: d.ID, name: strings.ToLower(p.Name)})
	}
	for i, p := range pairs {
		d := &c.index.rows[ch[i].id]
		args := []string{p.Value}
		if d.Kind.multi() {
			if args = strings.Split(p.Value, " "); p.Value == "" {
				args = nil
			}
		}
		old := c.vals[d.ID]
		if d.Kind == KindSavePoints {
			old = value{}
		}
		v, err := d.parse(args, old)
		if err != nil {
			return &SetError{Name: ch[i].name, Reason: err.Error()}
		}
		ch[i].new = v
	}
	return c.apply(ch)
}

// Allows tells whether a client may do what one of EnableProtectedConfigs,
// EnableDebugCommand and EnableModuleCommand guards.
func (c *Config) Allows(id ID, local bool) bool { return c.allows(id, local) }

func (c *Config) allows(id ID, local bool) bool {
	e := c.Enum(id)
	return e == ActionYes || e == ActionLocal && local
}

// OnApply registers a function that carries out a change of any of ids. It runs
// once for all directives of one Set, after all values have been set; when it
// returns an error, the values go back and the functions that ran run again. The
// error's text is the reason that the client sees.
func (c *Config) OnApply(fn func() error, ids ...ID) {
	c.hooks = append(c.hooks, fn)
	for _, id := range ids {
		c.hookOf[id] = append(c.hookOf[id], len(c.hooks)-1)
	}
}

// Override sets a value without running hooks: for what the system did to it, as
// when maxclients had to be lowered or dir was made absolute.
func (c *Config) Override(id ID, text string) error {
	d := &c.index.rows[id]
	args := []string{text}
	if d.Kind.multi() {
		args = strings.Fields(text)
	}
	v, err := d.parse(args, value{})
	if err != nil {
		return errors.New("config: " + d.Name + ": " + err.Error())
	}
	c.vals[id] = v
	return nil
}

// change is a new value on its way in.
type change struct {
	id   ID
	name string // for the error
	new  value
	old  value
}

// apply sets values and runs the hooks of those that differ, or are Volatile.
func (c *Config) apply(changes []change) error {
	type run struct{ hook, change int }
	var runs []run
	queued := make([]bool, len(c.hooks))
	for i := range changes {
		ch := &changes[i]
		ch.old = c.vals[ch.id]
		c.vals[ch.id] = ch.new
		if d := &c.index.rows[ch.id]; d.equal(ch.old, ch.new) && !d.Is(Volatile) {
			continue
		}
		for _, h := range c.hookOf[ch.id] {
			if !queued[h] {
				queued[h] = true
				runs = append(runs, run{h, i})
			}
		}
	}
	for n, r := range runs {
		err := c.hooks[r.hook]()
		if err == nil {
			continue
		}
		for i := range changes {
			c.vals[changes[i].id] = changes[i].old
		}
		var back error
		for _, again := range runs[:n+1] {
			back = errors.Join(back, c.hooks[again.hook]())
		}
		return &SetError{Name: changes[r.change].name, Reason: err.Error(), Rollback: back}
	}
	return nil
}
