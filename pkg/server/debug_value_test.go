package server_test

import (
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
)

// objectFields are the names of what DEBUG OBJECT tells, and what it says about a
// quicklist.
func objectFields(t *testing.T, p *peer, key string) (names []string, quicklist string) {
	t.Helper()
	text := p.text("DEBUG", "OBJECT", key)
	for field := range strings.FieldsSeq(text) {
		name, _, _ := strings.Cut(field, ":")
		names = append(names, name)
	}
	if _, after, ok := strings.Cut(text, " ql_nodes"); ok {
		quicklist = after
	}
	return names, quicklist
}

func TestDebugObjectOfAllTypes(t *testing.T) {
	oracle := startOracle(t, "--enable-debug-command", "yes")
	here := startServer(t, "enable-debug-command yes").dial()
	for _, p := range []*peer{oracle, here} {
		p.ok("CONFIG", "SET", "rdbcompression", "no") // their LZF finds other matches than ours
		fillAllTypes(p)
		p.ok("CONFIG", "SET", "list-max-listpack-size", "3", "list-compress-depth", "1")
		for i := range 100 {
			p.ok("RPUSH", "nodes", "element "+strconv.Itoa(i*i*i))
		}
	}
	for _, key := range []string{"int", "embstr", "raw", "bits", "hll", "set", "zset", "hash", "stream", "bigset", "bigzset", "bighash", "nodes"} {
		want, wantList := objectFields(t, oracle, key)
		got, gotList := objectFields(t, here, key)
		check.Eq(t, strings.Join(got, " "), strings.Join(want, " "))
		check.Eq(t, gotList, wantList)
	}
	for _, key := range []string{"int", "embstr", "raw", "hll", "zset", "hash"} {
		check.Eq(t, serializedLength(here, key), serializedLength(oracle, key))
	}
}

func serializedLength(p *peer, key string) string {
	_, after, _ := strings.Cut(p.text("DEBUG", "OBJECT", key), "serializedlength:")
	n, _, _ := strings.Cut(after, " ")
	return n
}

func TestDebugShowsListpacksAndQuicklists(t *testing.T) {
	r := startServer(t, "enable-debug-command yes", "list-compress-depth 1")
	p := r.dial()
	long := strings.Repeat("0123456789", 500)
	p.ok("RPUSH", "small", "12", "text", long[:50])
	p.ok("RPUSH", "big", long, "a", long, "b", long)
	p.ok("SET", "str", "x")
	check.Eq(t, p.text("DEBUG", "LISTPACK", "small"), "Listpack structure printed to the log")
	check.Contains(t, r.log.String(), `{index: 0, offset: 6, bytes: 2, [str]"12"}`)
	check.Contains(t, r.log.String(), `[str]"text"`)
	check.Contains(t, r.log.String(), `[str]"`+long[:40]+`"...`)
	check.Eq(t, p.text("DEBUG", "QUICKLIST", "big", "1"), "Quicklist structure printed to the log")
	check.Contains(t, r.log.String(), "container : PACKED, encoding: LZF")
	check.Eq(t, p.refused("DEBUG", "LISTPACK", "big"), "ERR Not a listpack encoded object.")
	check.Eq(t, p.refused("DEBUG", "QUICKLIST", "small"), "ERR Not a quicklist encoded object.")
	check.Eq(t, p.refused("DEBUG", "LISTPACK", "str"), "ERR Not a listpack encoded object.")
	check.Eq(t, p.refused("DEBUG", "LISTPACK", "none"), "ERR no such key")
}

func TestDebugSkipsChecksums(t *testing.T) {
	p := startServer(t, "enable-debug-command yes").dial()
	p.ok("RPUSH", "l", "a", "b")
	payload := []byte(p.text("DUMP", "l"))
	payload[len(payload)-1] ^= 1
	check.Eq(t, p.refused("RESTORE", "m", "0", string(payload)), "ERR DUMP payload version or checksum are wrong")
	p.ok("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1")
	p.ok("RESTORE", "m", "0", string(payload))
	payload[1] ^= 0x40
	check.Eq(t, p.refused("RESTORE", "n", "0", string(payload)), "ERR Bad data format")
	p.ok("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "0")
	check.Eq(t, p.refused("RESTORE", "n", "0", string(payload)), "ERR DUMP payload version or checksum are wrong")
}
