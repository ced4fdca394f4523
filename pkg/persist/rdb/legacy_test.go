package rdb_test

import (
	"encoding/binary"
	"strings"
)

// Values in the forms that redis-server 7.0 reads but no longer writes, and in
// those that only later versions write, put together by hand. Each is the key k
// alone in its file.

// legacyFiles by the name of the type; redis-check-rdb knows all of them.
func legacyFiles() map[string][]byte {
	zl := ziplist("f", "v", "number", 12)
	items := map[string]string{
		"list-linked":  "\x01\x01k\x03\x01a\xc0\x05\x02bc",
		"zset-v1":      "\x03\x01k\x03\x01a\x031.5\x01b\xfe\x01c\xff",
		"hash-zipmap":  "\x09\x01k" + str("\x02\x01a\x02\x00xy\x02bb\x01\x03z...\xff"),
		"list-ziplist": "\x0a\x01k" + str(ziplist("a", 0, 12, 13, -128, 300, 70000, -8000000, 1<<31-1, 1<<40, strings.Repeat("b", 100), "end")),
		"zset-ziplist": "\x0c\x01k" + str(ziplist("a", 1, "b", "2.5")),
		"hash-ziplist": "\x0d\x01k" + str(zl),
		"quicklist":    "\x0e\x01k\x02" + str(zl) + str(ziplist("tail")),
		// One listpack with one entry, no group.
		"stream": "\x0f\x01k\x01" + str(streamID(1, 1)) + str(streamPack) + "\x01\x01\x01\x00",
	}
	files := map[string][]byte{}
	for name, item := range items {
		files[name] = file(9, item)
	}
	return files
}

// newerItems by the name of the type: what came with version 11, and a module.
func newerItems() map[string]string {
	return map[string]string{
		"set-listpack": "\x14\x01k" + str(listpack("\x81a\x02", "\x05\x01")),
		// As "stream", with first ID, highest deleted ID, number ever added, and a
		// group with an entry pending, owned by its one consumer.
		"stream-v3": "\x15\x01k\x01" + str(streamID(1, 1)) + str(streamPack) + "\x01\x01\x01" + "\x01\x01\x00\x00\x01" +
			"\x01" + "\x05group\x01\x01\x01" +
			"\x01" + streamID(1, 1) + millis + "\x01" +
			"\x01\x08consumer" + millis + millis + "\x01" + streamID(1, 1),
		"module-v2": "\x07\x01k\x44\x00" + "\x01\x05\x02\x06\x03\x00\x00\x80\x3f\x04\x00\x00\x00\x00\x00\x00\xf0\x3f\x05\x02hi\x00",
	}
}

const millis = "\x01\x02\x03\x04\x05\x06\x00\x00"

// streamPack has the master entry (1 entry, 0 deleted, fields: f) and one entry
// with the master's fields.
var streamPack = listpack("\x01\x01", "\x00\x01", "\x01\x01", "\x81f\x02", "\x00\x01",
	"\x02\x01", "\x00\x01", "\x00\x01", "\x81v\x02", "\x04\x01")

// str is a string as it is.
func str(s string) string {
	if len(s) < 64 {
		return string(rune(len(s))) + s
	}
	return string([]byte{0x40 | byte(len(s)>>8), byte(len(s))}) + s
}

func streamID(ms, seq uint64) string {
	b := binary.BigEndian.AppendUint64(nil, ms)
	return string(binary.BigEndian.AppendUint64(b, seq))
}

// listpack puts encoded elements, each with its length at the end, together.
func listpack(elements ...string) string {
	body := strings.Join(elements, "")
	b := binary.LittleEndian.AppendUint32(nil, uint32(6+len(body)+1))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(elements)))
	return string(b) + body + "\xff"
}

// ziplist of strings and ints.
func ziplist(elements ...any) string {
	var body []byte
	previous, last := 0, 10
	for _, e := range elements {
		last = 10 + len(body)
		at := len(body)
		if previous < 0xFE {
			body = append(body, byte(previous))
		} else {
			body = binary.LittleEndian.AppendUint32(append(body, 0xFE), uint32(previous))
		}
		body = ziplistElement(body, e)
		previous = len(body) - at
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(10+len(body)+1))
	b = binary.LittleEndian.AppendUint32(b, uint32(last))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(elements)))
	return string(b) + string(body) + "\xff"
}

func ziplistElement(b []byte, e any) []byte {
	s, isText := e.(string)
	if isText {
		if len(s) < 64 {
			return append(append(b, byte(len(s))), s...)
		}
		return append(append(b, 0x40|byte(len(s)>>8), byte(len(s))), s...)
	}
	n := e.(int)
	le := binary.LittleEndian.AppendUint64(nil, uint64(n))
	switch {
	case n >= 0 && n <= 12:
		return append(b, 0xF1+byte(n))
	case n == int(int8(n)):
		return append(append(b, 0xFE), le[:1]...)
	case n == int(int16(n)):
		return append(append(b, 0xC0), le[:2]...)
	case n >= -1<<23 && n < 1<<23:
		return append(append(b, 0xF0), le[:3]...)
	case n == int(int32(n)):
		return append(append(b, 0xD0), le[:4]...)
	default:
		return append(append(b, 0xE0), le...)
	}
}
