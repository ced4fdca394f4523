package command

import (
	"bytes"

	"redisd/internal/num"
)

// KeyRef is one key among the words of a command.
type KeyRef struct {
	Pos   int // index of the word
	Flags KeyFlags
}

// HasKeys tells whether calls of the command may name keys.
func (s *Spec) HasKeys() bool {
	for i := range s.Keys {
		if s.Keys[i].Flags&KeyNotKey == 0 {
			return true
		}
	}
	return false
}

// KeysOf finds the keys among the words of a call, the command's name included;
// the arity fits. ok is false when the words do not make sense, or when the specs
// of the command do not tell all of its keys.
func (s *Spec) KeysOf(argv [][]byte) (keys []KeyRef, ok bool) { return s.AppendKeys(nil, argv) }

// AppendKeys is KeysOf into the room of dst, which is empty.
func (s *Spec) AppendKeys(dst []KeyRef, argv [][]byte) (keys []KeyRef, ok bool) {
	keys = dst
	if s.FindKeys != nil {
		return s.FindKeys(argv), true
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		if k.Flags&KeyNotKey != 0 {
			continue
		}
		if k.Unknown || k.Flags&KeyIncomplete != 0 {
			return nil, false
		}
		first, found := k.begin(argv)
		if !found {
			continue
		}
		first, last, step, good := k.run(first, argv)
		if !good {
			return nil, false
		}
		flags := k.Flags
		if flags&KeyVariable != 0 {
			flags = s.variableFlags(flags, argv)
		}
		for pos := first; pos <= last; pos += step {
			keys = append(keys, KeyRef{pos, flags})
		}
	}
	return keys, true
}

// begin is where the keys of the spec start, or what tells their number.
func (k *KeySpec) begin(argv [][]byte) (first int, found bool) {
	if k.Keyword == "" {
		return k.Index, true
	}
	word := []byte(k.Keyword)
	if k.StartFrom < 0 {
		for i := len(argv) + k.StartFrom; i > 1; i-- {
			if bytes.EqualFold(argv[i], word) {
				return i + 1, true
			}
		}
		return 0, false
	}
	for i := k.StartFrom; i < len(argv)-1; i++ {
		if bytes.EqualFold(argv[i], word) {
			return i + 1, true
		}
	}
	return 0, false
}

// run turns the start into the first and last key and the step between keys;
// ok is false when they are not all there.
func (k *KeySpec) run(start int, argv [][]byte) (first, last, step int, ok bool) {
	first = start
	switch {
	case k.KeyNum:
		if start+k.NumIdx >= len(argv) {
			return 0, 0, 0, false
		}
		n, isInt := num.ParseInt(argv[start+k.NumIdx])
		if !isInt || n < 0 || n > int64(len(argv)) {
			return 0, 0, 0, false
		}
		first, step = start+k.FirstOf, k.NumStep
		last = first + int(n) - 1
	case k.Last >= 0:
		last, step = start+k.Last, k.Step
	case k.Limit > 1:
		last, step = start+(len(argv)-start)/k.Limit+k.Last, k.Step
	default:
		last, step = len(argv)+k.Last, k.Step
	}
	return first, last, max(step, 1), last < len(argv) && last >= first && first < len(argv)
}

// variableFlags are the key flags of a call whose command's depend on its options:
// GET makes SET read, and BITFIELD without SET or INCRBY reads only.
func (s *Spec) variableFlags(flags KeyFlags, argv [][]byte) KeyFlags {
	switch s.FullName {
	case "set":
		if !hasWord(argv[3:], "GET") {
			return KeyOW | KeyUpdate
		}
		return flags &^ KeyVariable
	case "bitfield":
		if !hasWord(argv[2:], "SET") && !hasWord(argv[2:], "INCRBY") {
			return KeyRO | KeyAccess
		}
		return flags &^ KeyVariable
	}
	return flags
}

func hasWord(argv [][]byte, w string) bool {
	for _, a := range argv {
		if Is(a, w) {
			return true
		}
	}
	return false
}

// LegacyRange gives the first key, the last key and the step of COMMAND INFO, which
// is how clients told keys before key specs: the plain ranges that follow one
// another, as one. movable says that this does not tell all keys.
func (s *Spec) LegacyRange() (first, last, step int, movable bool) {
	if len(s.Keys) == 1 && s.Keys[0].plain() {
		k := &s.Keys[0]
		return k.Index, k.lastAbsolute(), k.Step, k.Flags&KeyIncomplete != 0
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		if !k.plain() || k.Step != 1 || last != 0 && last != k.Index-1 {
			movable = true
			continue
		}
		movable = movable || k.Flags&KeyIncomplete != 0
		if first == 0 {
			first, step = k.Index, 1
		}
		first = min(first, k.Index)
		if at := k.lastAbsolute(); last >= 0 && (at < 0 || at > last) {
			last = at
		}
	}
	return first, last, step, movable
}

// plain tells whether the spec is a range from a fixed place on.
func (k *KeySpec) plain() bool { return k.Keyword == "" && !k.KeyNum && !k.Unknown }

// lastAbsolute is the last key's place, counted from the name, or from the end
// when negative.
func (k *KeySpec) lastAbsolute() int {
	if k.Last < 0 {
		return k.Last
	}
	return k.Index + k.Last
}
