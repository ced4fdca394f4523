// Memory sizes as configuration files and CONFIG SET spell them.

package num

import (
	"fmt"
	"math"
)

// ParseMemory reads an amount of memory and returns it in bytes: digits, then
// an optional unit in any case. b is one byte; k, m and g are powers of 1000;
// kb, mb and gb are powers of 1024. As in Redis, missing digits count as zero.
// The error names s when the unit is unknown or the amount does not fit an
// int64.
func ParseMemory(s string) (int64, error) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	unit, ok := memoryUnit(s[end:])
	if !ok {
		return 0, fmt.Errorf("num: %q is not a memory size", s)
	}
	if end == 0 {
		return 0, nil
	}
	v, ok := ParseUint([]byte(s[:end]))
	if !ok || v > math.MaxInt64/unit {
		return 0, fmt.Errorf("num: memory size %q is out of range", s)
	}
	return int64(v * unit), nil
}

// memoryUnit is the factor of a unit suffix.
func memoryUnit(s string) (uint64, bool) {
	if len(s) > 2 {
		return 0, false
	}
	var u [2]byte
	copy(u[:], s)
	for i := range u {
		u[i] = lower(u[i])
	}
	switch u {
	case [2]byte{}, [2]byte{'b'}:
		return 1, true
	case [2]byte{'k'}:
		return 1000, true
	case [2]byte{'k', 'b'}:
		return 1 << 10, true
	case [2]byte{'m'}:
		return 1000 * 1000, true
	case [2]byte{'m', 'b'}:
		return 1 << 20, true
	case [2]byte{'g'}:
		return 1000 * 1000 * 1000, true
	case [2]byte{'g', 'b'}:
		return 1 << 30, true
	}
	return 0, false
}
