package command

import (
	"bytes"

	"redisd/pkg/keyspace"
)

// sortPattern is a pattern of BY or GET: the name of a string, or of a hash and a
// field, with the element in the place of the first star.
type sortPattern struct {
	self           bool // #: the element itself
	constant       bool // no star: names nothing
	prefix, suffix []byte
	field          []byte // nil for a string
}

func parseSortPattern(b []byte) (p sortPattern) {
	if len(b) == 1 && b[0] == '#' {
		return sortPattern{self: true, constant: true}
	}
	star := bytes.IndexByte(b, '*')
	if star < 0 {
		return sortPattern{constant: true}
	}
	p.prefix, p.suffix = b[:star], b[star+1:]
	if arrow := bytes.Index(p.suffix, []byte("->")); arrow >= 0 && arrow+2 < len(p.suffix) {
		p.suffix, p.field = p.suffix[:arrow], p.suffix[arrow+2:]
	}
	return p
}

// followPattern gives the value that p names for an element: good until the next
// lookup.
func (c *Ctx) followPattern(o *sortCall, p *sortPattern, element []byte) (val []byte, found bool) {
	switch {
	case p.self:
		return element, true
	case p.constant:
		return nil, false
	}
	o.name = append(append(append(o.name[:0], p.prefix...), element...), p.suffix...)
	e, found := c.lookUp(o.name)
	switch {
	case !found:
		c.missed(c.Fx.Copy(o.name))
		return nil, false
	case p.field == nil && e.Type() == keyspace.String:
		return c.Value(e), true
	case p.field != nil && e.Type() == keyspace.Hash:
		h := e.Hash()
		return h.Get(p.field)
	}
	return nil, false
}
