package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Record is one key with its value and attributes.
type Record struct {
	// DB is the number of the database, 0 and up. The encoder ignores it.
	DB int
	// Key is valid until the next call of the decoder that filled it in.
	Key []byte
	// Type is the value type byte.
	Type byte
	// ExpireAt is a Unix time in milliseconds, -1 for none.
	ExpireAt int64
	// Idle is the time since the last access in seconds, -1 when not told.
	Idle int64
	// Freq is the LFU counter, 0 to 255, -1 when not told.
	Freq int64
	// Str is the value of TypeString, valid as long as Key. Values of other types
	// are not held here: see Visitor.
	Str []byte
}

// AppendRecord appends the attributes, type, key and value of rec, a string, in
// their smallest form. compress chooses LZF for long strings.
func AppendRecord(dst []byte, rec *Record, compress bool) []byte {
	return appendValue(AppendRecordHead(dst, rec, compress), rec, compress)
}

// AppendRecordHead is AppendRecord up to the value: what a Writer writes follows.
func AppendRecordHead(dst []byte, rec *Record, compress bool) []byte {
	dst = appendAttributes(dst, rec)
	return AppendString(append(dst, rec.Type), rec.Key, compress)
}

// AppendRawRecord is AppendRecord with the strings as they are: cheaper to
// write and to read, for the pipe between parent and child.
func AppendRawRecord(dst []byte, rec *Record) []byte {
	return AppendRawString(AppendRawHead(dst, rec), rec.Str)
}

// AppendRawHead is AppendRawRecord up to the value.
func AppendRawHead(dst []byte, rec *Record) []byte {
	dst = appendAttributes(dst, rec)
	return AppendRawString(append(dst, rec.Type), rec.Key)
}

func appendAttributes(dst []byte, rec *Record) []byte {
	if rec.ExpireAt != -1 {
		dst = AppendExpireMillis(dst, rec.ExpireAt)
	}
	if rec.Idle >= 0 {
		dst = AppendIdle(dst, uint64(rec.Idle))
	}
	if rec.Freq >= 0 {
		dst = AppendFreq(dst, byte(rec.Freq))
	}
	return dst
}

func appendValue(dst []byte, rec *Record, compress bool) []byte {
	if rec.Type != TypeString {
		panic(fmt.Sprintf("BUG: rdb: a record of value type %d", rec.Type))
	}
	return AppendString(dst, rec.Str, compress)
}

// ReadRecord reads the next key with what stands before it: its attributes and
// any number of SELECTDB (into rec.DB, which otherwise stays as it is) and
// RESIZEDB. The value is read too if it is a string; else the decoder stands before
// it, and the caller takes it with Visit or SkipValue. It returns io.EOF when the input ends between two records, or at
// the EOF opcode (whose checksum is not taken). Every other error is an *Error.
func ReadRecord(d *Decoder, rec *Record) error {
	d.startRecord(rec)
	for {
		at := d.Offset()
		op, err := d.readByte()
		if err != nil {
			if e, ok := err.(*Error); ok && e.Err == ErrShortRead && d.fresh(rec) {
				return io.EOF
			}
			return err
		}
		if handled, err := d.attribute(op, rec); err != nil {
			return err
		} else if handled {
			continue
		}
		switch op {
		case OpSelectDB:
			rec.DB, err = d.readDB()
		case OpResizeDB:
			_, _, err = d.readResize()
		case OpEOF:
			return io.EOF
		default:
			return d.readKeyValue(at, op, rec)
		}
		if err != nil {
			return err
		}
	}
}

func (d *Decoder) fresh(rec *Record) bool {
	return rec.ExpireAt == -1 && rec.Idle == -1 && rec.Freq == -1
}

// startRecord makes rec and the decoder ready for the next key.
func (d *Decoder) startRecord(rec *Record) {
	d.pinned = nil
	d.cur = cursor{valType: -1}
	for _, b := range []*[]byte{&d.key, &d.val, &d.packed} {
		if cap(*b) > keepScratch {
			*b = nil
		}
	}
	*rec = Record{DB: rec.DB, ExpireAt: -1, Idle: -1, Freq: -1}
}

// attribute handles the opcodes that say something about the next key.
func (d *Decoder) attribute(op byte, rec *Record) (handled bool, err error) {
	switch op {
	case OpExpireMillis:
		rec.ExpireAt, err = d.readMillis()
	case OpExpire:
		var b []byte
		if b, err = d.readFixed(4); err == nil {
			rec.ExpireAt = int64(int32(binary.LittleEndian.Uint32(b))) * 1000
		}
	case OpIdle:
		var n uint64
		n, err = d.readLen()
		rec.Idle = int64(n &^ (1 << 63))
	case OpFreq:
		var b byte
		b, err = d.readByte()
		rec.Freq = int64(b)
	default:
		return false, nil
	}
	return true, err
}

func (d *Decoder) readDB() (int, error) {
	at := d.Offset()
	n, err := d.readLen()
	if err == nil && n > 1<<31-1 {
		err = d.fail(at, ErrCorrupt, fmt.Sprintf("database number %d out of range", n))
		n = 0
	}
	return int(n), err
}

func (d *Decoder) readResize() (keys, expires uint64, err error) {
	if keys, err = d.readLen(); err == nil {
		expires, err = d.readLen()
	}
	return keys, expires, err
}

// readKey takes the key, which stays valid while the value is read.
func (d *Decoder) readKey() error {
	key, err := d.readString(&d.key)
	if err != nil {
		return err
	}
	d.cur.key, d.cur.inKey = key, true
	if len(key) > 0 && (len(d.key) == 0 || &key[0] != &d.key[0]) {
		d.pinned = key
	}
	return nil
}

// readKeyValue takes the key that follows the type t, which was at offset at, and
// the value if that is a string.
func (d *Decoder) readKeyValue(at int64, t byte, rec *Record) error {
	if err := d.readKey(); err != nil {
		return err
	}
	d.cur.valType = int(t)
	rec.Type = t
	switch {
	case t == TypeString:
		var err error
		if rec.Str, err = d.readString(&d.val); err != nil {
			return err
		}
		rec.Key = d.cur.key
		d.cur.inKey, d.cur.valType = false, -1
	case KnownType(t):
		// The value is read piece by piece, and the key must outlive that.
		d.unpin()
		rec.Key = d.cur.key
	default:
		return d.fail(at, ErrCorrupt, fmt.Sprintf("Unknown RDB encoding type %d", t))
	}
	return nil
}
