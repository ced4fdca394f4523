package rdb

import "fmt"

// What is stepped over whatever is asked for, or belongs to no key: values and data
// of modules, function libraries.

func (w *walker) module(t byte) error {
	id, err := w.d.readLen()
	if err != nil {
		return err
	}
	if t == TypeModule || w.v != nil && !w.modules {
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
			_, err = w.text()
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
