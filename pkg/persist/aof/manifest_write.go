package aof

import (
	"bytes"
	"fmt"
	"slices"
)

// The other direction of manifest.go: names of new parts and the text of a manifest.

// fileVoid is the comment that says that the file of the one-file layout, which lies
// beside the folder, does not count: it is older than the parts, or not their equal
// yet. Redis skips comments, and prefers the folder anyhow.
const fileVoid = "#redisd file-void"

// Clone returns a copy that can be changed.
func (m *Manifest) Clone() *Manifest {
	c := *m
	if m.Base != nil {
		base := *m.Base
		c.Base = &base
	}
	c.Incr, c.History = slices.Clone(m.Incr), slices.Clone(m.History)
	return &c
}

// Listed says whether there is anything to load.
func (m *Manifest) Listed() bool { return m.Base != nil || len(m.Incr) > 0 }

// Last is the increment that the log goes on in, "" if there is none.
func (m *Manifest) Last() string {
	if len(m.Incr) == 0 {
		return ""
	}
	return m.Incr[len(m.Incr)-1].Name
}

// Append adds the text of the manifest to dst: base, history, increments, as Redis
// writes it.
func (m *Manifest) Append(dst []byte) []byte {
	if m.FileVoid {
		dst = append(dst, fileVoid+"\n"...)
	}
	line := func(p Part, kind byte) {
		dst = append(dst, "file "...)
		dst = appendName(dst, p.Name)
		dst = fmt.Appendf(dst, " seq %d type %c\n", p.Seq, kind)
	}
	if m.Base != nil {
		line(*m.Base, 'b')
	}
	for _, p := range m.History {
		line(p, 'h')
	}
	for _, p := range m.Incr {
		line(p, 'i')
	}
	return dst
}

// appendName quotes a name where splitQuoted would not read it as one word.
func appendName(dst []byte, name string) []byte {
	plain := name != ""
	for i := 0; plain && i < len(name); i++ {
		plain = name[i] > ' ' && name[i] < 0x7f && name[i] != '\\' && name[i] != '"' && name[i] != '\''
	}
	if plain {
		return append(dst, name...)
	}
	dst = append(dst, '"')
	for i := 0; i < len(name); i++ {
		c := name[i]
		if k := bytes.IndexByte([]byte("\n\r\t\b\a"), c); k >= 0 {
			dst = append(dst, '\\', "nrtba"[k])
			continue
		}
		switch {
		case c == '\\' || c == '"':
			dst = append(dst, '\\', c)
		case c < ' ' || c >= 0x7f:
			dst = fmt.Appendf(dst, `\x%02x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// has says whether a name is listed at all.
func (m *Manifest) has(name string) bool {
	same := func(p Part) bool { return p.Name == name }
	return m.Base != nil && m.Base.Name == name || slices.ContainsFunc(m.Incr, same) || slices.ContainsFunc(m.History, same)
}

// newBase makes the next base of the log called name the base; the former one becomes
// history. rdb says that it starts with an RDB, which shows in its name.
func (m *Manifest) newBase(name string, rdb bool) {
	seq := int64(0)
	if m.Base != nil {
		seq = m.Base.Seq
		m.History = slices.Insert(m.History, 0, *m.Base)
	}
	end := "aof"
	if rdb {
		end = "rdb"
	}
	for {
		seq++
		// A base that a failed job left in history must not be written over.
		if file := fmt.Sprintf("%s.%d.base.%s", name, seq, end); !m.has(file) {
			m.Base = &Part{file, seq}
			return
		}
	}
}

// newIncr adds the next increment.
func (m *Manifest) newIncr(name string) {
	for seq := m.lastSeq(); ; {
		seq++
		// Redis starts at 1 when there is no increment, and could hit one in history.
		if file := fmt.Sprintf("%s.%d.incr.aof", name, seq); !m.has(file) {
			m.Incr = append(m.Incr, Part{file, seq})
			return
		}
	}
}

// supersede makes the increments but the last keep of them history.
func (m *Manifest) supersede(keep int) {
	if n := len(m.Incr) - keep; n > 0 {
		m.History = slices.Insert(m.History, 0, m.Incr[:n]...)
		m.Incr = slices.Clone(m.Incr[n:])
	}
}
