package rdb

import (
	"fmt"
	"math"
)

// SkipValue takes a value of type t (any of versions 1 to MaxVersion) without
// keeping it. Only what is needed to find its end is looked at. Values of
// modules of the first kind (TypeModule) have no end that can be found; they
// give an error.
func (d *Decoder) SkipValue(t byte) error {
	w := walker{d: d}
	return w.value(t)
}

// walker goes through a value of any type. With deep it reads the strings and
// checks what the type demands of them; without it jumps over them.
type walker struct {
	d    *Decoder
	deep bool
	seen *fingerprints // members of the collection in hand, if deep
}

func (w *walker) value(t byte) error {
	switch t {
	case TypeString:
		return w.text()
	case TypeList, TypeSet, TypeHash, TypeZset, TypeZset2:
		return w.elements(t)
	case TypeHashZipmap, TypeListZiplist, TypeSetIntset, TypeZsetZiplist,
		TypeHashZiplist, TypeHashListpack, TypeZsetListpack, TypeSetListpack:
		return w.blob(t)
	case TypeListQuicklist, TypeListQuicklist2:
		return w.quicklist(t)
	case TypeStreamListpacks, TypeStreamListpacks2, TypeStreamListpacks3:
		return w.stream(t)
	case TypeModule, TypeModule2:
		return w.module(t)
	default:
		return w.d.corrupt(fmt.Sprintf("Unknown RDB encoding type %d", t))
	}
}

// text takes a string of no special structure.
func (w *walker) text() error {
	if !w.deep {
		return w.d.skipString()
	}
	_, err := w.d.readString(&w.d.val)
	return err
}

// count takes the number of elements of a collection. A collection is never
// empty: a writer leaves the key out instead.
func (w *walker) count() (uint64, error) {
	n, err := w.d.readLen()
	if err == nil && n == 0 && w.deep {
		err = w.d.corrupt("Empty key")
	}
	return n, err
}

func (w *walker) elements(t byte) error {
	n, err := w.count()
	if w.deep && t != TypeList {
		w.seen = newFingerprints()
		defer func() { w.seen = nil }()
	}
	for ; n > 0 && err == nil; n-- {
		if err = w.member(t); err != nil {
			break
		}
		switch t {
		case TypeHash:
			err = w.text()
		case TypeZset, TypeZset2:
			err = w.score(t)
		}
	}
	return err
}

// member takes an element that must be unique in all but lists.
func (w *walker) member(t byte) error {
	if w.seen == nil {
		return w.text()
	}
	b, err := w.d.readString(&w.d.val)
	if err != nil {
		return err
	}
	if !w.seen.add(b) {
		return w.d.corrupt(map[byte]string{
			TypeSet:   "Duplicate set members detected",
			TypeHash:  "Duplicate hash fields detected",
			TypeZset:  "Duplicate zset fields detected",
			TypeZset2: "Duplicate zset fields detected",
		}[t])
	}
	return nil
}

func (w *walker) score(t byte) error {
	read := w.d.readDouble
	if t == TypeZset {
		read = w.d.readTextDouble
	}
	f, err := read()
	if err == nil && w.deep && math.IsNaN(f) {
		err = w.d.corrupt("Zset with NAN score detected")
	}
	return err
}

// blob takes a collection packed into one string.
func (w *walker) blob(t byte) error {
	n, err := w.node(t)
	if err == nil && n == 0 && w.deep {
		err = w.d.corrupt("Empty key")
	}
	return err
}

// node takes one packed string of a value of type t and returns the number of
// its elements, 0 if not deep.
func (w *walker) node(t byte) (int, error) {
	if !w.deep {
		return 0, w.d.skipString()
	}
	b, err := w.d.readString(&w.d.val)
	if err != nil {
		return 0, err
	}
	n, reason := inspect(t, b)
	if reason != "" {
		err = w.d.corrupt(reason)
	}
	return n, err
}

func (w *walker) quicklist(t byte) error {
	const plain, packed = 1, 2
	nodes, err := w.count()
	total := 0
	for ; nodes > 0 && err == nil; nodes-- {
		container, n := uint64(packed), 1
		if t == TypeListQuicklist2 {
			if container, err = w.d.readLen(); err != nil {
				return err
			}
			if container != plain && container != packed {
				return w.d.corrupt("Quicklist integrity check failed.")
			}
		}
		if container == plain {
			err = w.text()
		} else {
			n, err = w.node(t)
		}
		total += n
	}
	if err == nil && total == 0 && w.deep {
		err = w.d.corrupt("Empty key")
	}
	return err
}

// lens takes n lengths whose values do not matter here.
func (w *walker) lens(n int) error {
	for ; n > 0; n-- {
		if _, err := w.d.readLen(); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) module(t byte) error {
	id, err := w.d.readLen()
	if err != nil {
		return err
	}
	if t == TypeModule {
		return w.d.fail(w.d.Offset(), ErrUnsupported, fmt.Sprintf(
			"The RDB file contains module data I can't load: no matching module type '%s'", moduleName(id)))
	}
	return w.moduleParts(moduleName(id))
}

// moduleParts takes the parts of a module's value up to their end mark.
func (w *walker) moduleParts(name string) error {
	for {
		op, err := w.d.readLen()
		if err != nil {
			return err
		}
		switch op {
		case moduleEOF:
			return nil
		case moduleSInt, moduleUInt:
			_, err = w.d.readLen()
		case moduleFloat:
			err = w.d.discard(4)
		case moduleDouble:
			err = w.d.discard(8)
		case moduleString:
			err = w.text()
		default:
			err = w.d.corrupt(fmt.Sprintf("Unknown part %d in a value of module %s", op, name))
		}
		if err != nil {
			return err
		}
	}
}

// readModuleAuxHead takes the head of data that a module keeps outside of the
// keys, and returns the module type's name. The parts follow.
func (d *Decoder) readModuleAuxHead() (string, error) {
	var head [3]uint64 // module ID, opcode, before or after the keys
	for i := range head {
		var err error
		if head[i], err = d.readLen(); err != nil {
			return "", err
		}
	}
	if head[1] != moduleUInt {
		return "", d.corrupt("bad when_opcode")
	}
	return moduleName(head[0]), nil
}

// moduleName unpacks the nine characters of six bits above the ten bits of the
// version.
func moduleName(id uint64) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var name [9]byte
	id >>= 10
	for i := len(name) - 1; i >= 0; i-- {
		name[i] = alphabet[id&63]
		id >>= 6
	}
	return string(name[:])
}

// readFunction takes a function library and returns its code. The form of the
// release candidates (OpFunction) kept name and engine apart; they become the
// first line, as Redis does it.
func (d *Decoder) readFunction(op byte) ([]byte, error) {
	if op == OpFunction2 {
		return d.readString(&d.val)
	}
	name, err := d.readString(&d.val)
	if err != nil {
		return nil, err
	}
	tail := " name=" + string(name) + "\n"
	engine, err := d.readString(&d.val)
	if err != nil {
		return nil, err
	}
	head := "#!" + string(engine) + tail
	described, err := d.readLen()
	if err != nil {
		return nil, err
	}
	if described != 0 {
		if err = d.skipString(); err != nil {
			return nil, err
		}
	}
	code, err := d.readString(&d.val)
	if err != nil {
		return nil, err
	}
	return append([]byte(head), code...), nil
}
