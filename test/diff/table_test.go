package diff

import (
	"bufio"
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
	"redisd/pkg/resp"
)

// newer lists what 7.2 says otherwise than 7.0, as "command field".
func newer() map[string]string {
	return map[string]string{
		"setnx deprecated":   "deprecated in the documents since 2.6.12, in the table since 7.2",
		"setex deprecated":   "the same",
		"psetex deprecated":  "the same",
		"setnx replaced_by":  "the same",
		"setex replaced_by":  "the same",
		"psetex replaced_by": "the same",
		"mset arguments":     "7.2 calls the pair data",
		"msetnx arguments":   "7.2 calls the pair data",
		"msetnx tips":        "7.2 does not tell proxies to split it: then it would not be atomic",
		"scan tips":          "7.2 has a response policy",
		"randomkey tips":     "7.2 has a response policy",
		"lcs arguments":      "7.2 calls the number min-match-len",
	}
}

// TestTable compares every row of the table with COMMAND INFO and COMMAND DOCS.
func TestTable(t *testing.T) {
	their := newTheirs(t)
	for _, s := range command.NewTable(command.Families()...).Commands() {
		info := ask(t, their, "command", "info", s.Name).Elems[0]
		docs := ask(t, their, "command", "docs", s.Name).Elems[1]
		compareRow(t, s, info, docs)
	}
}

func ask(t *testing.T, their *theirs, args ...string) resp.Reply {
	m, err := resp.ReadReply(bufio.NewReader(bytes.NewReader(their.do(args))))
	check.NoErr(t, err)
	return m
}

func compareRow(t *testing.T, s *command.Spec, info, docs resp.Reply) {
	t.Helper()
	e := info.Elems
	row := map[string][2]any{
		"arity":      {int64(s.Arity), e[1].Int},
		"flags":      {flagNames(s), texts(e[2])},
		"key range":  {keyRange(s), [3]int64{e[3].Int, e[4].Int, e[5].Int}},
		"categories": {categoryNames(s.Categories), texts(e[6])},
		"tips":       {ordered(s.Hints), texts(e[7])},
		"keys":       {keySpecs(s), theirKeySpecs(e[8])},
		"subs":       {len(s.Sub), len(e[9].Elems)},
	}
	fields := pairs(docs)
	text := func(name string) string { return fields[name].Text }
	row["since"] = [2]any{s.Since, text("since")}
	row["group"] = [2]any{s.Group, text("group")}
	row["deprecated"] = [2]any{s.Deprecated, text("deprecated_since")}
	row["replaced_by"] = [2]any{s.ReplacedBy, text("replaced_by")}
	row["arguments"] = [2]any{arguments(s.Args), theirArguments(fields["arguments"])}
	row["history"] = [2]any{historyVersions(s), theirHistory(fields["history"])}
	for field, v := range row {
		if _, known := newer()[s.FullName+" "+field]; !known && !reflect.DeepEqual(v[0], v[1]) {
			t.Errorf("%s: %s\n got %v\nwant %v", s.FullName, field, v[0], v[1])
		}
	}
	for i := range s.Sub {
		sub := &s.Sub[i]
		for _, theirSub := range e[9].Elems {
			if theirSub.Elems[0].Text == sub.FullName {
				compareRow(t, sub, theirSub, pairs(fields["subcommands"])[sub.FullName])
			}
		}
	}
}

func pairs(m resp.Reply) map[string]resp.Reply {
	p := map[string]resp.Reply{}
	for i := 0; i+1 < len(m.Elems); i += 2 {
		p[m.Elems[i].Text] = m.Elems[i+1]
	}
	return p
}

func texts(m resp.Reply) []string {
	list := []string{}
	for _, e := range m.Elems {
		list = append(list, e.Text)
	}
	slices.Sort(list)
	return list
}

func ordered(list []string) []string {
	list = append([]string{}, list...)
	slices.Sort(list)
	return list
}

func names(bits uint32, all ...string) []string {
	list := []string{}
	for i, n := range all {
		if bits>>i&1 != 0 {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

func flagNames(s *command.Spec) []string {
	return names(uint32(s.Flags), "write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading",
		"stale", "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "may_replicate", "no_mandatory_keys",
		"allow_busy", "no_async_loading", "no_multi", "movablekeys")
}

func categoryNames(c command.Category) []string {
	return names(uint32(c), "@keyspace", "@read", "@write", "@set", "@sortedset", "@list", "@hash", "@string", "@bitmap",
		"@hyperloglog", "@geo", "@stream", "@pubsub", "@admin", "@fast", "@slow", "@blocking", "@dangerous",
		"@connection", "@transaction", "@scripting")
}

func keyFlagNames(f command.KeyFlags) []string {
	return names(uint32(f), "RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags")
}

// keyRange is the first key, the last one and the step, as old clients want them.
func keyRange(s *command.Spec) (r [3]int64) {
	if len(s.Keys) == 0 {
		return r
	}
	first, last := s.Keys[0], s.Keys[len(s.Keys)-1]
	r = [3]int64{int64(first.Index), int64(last.Last), int64(first.Step)}
	if last.Last >= 0 {
		r[1] += int64(last.Index)
	}
	return r
}

func keySpecs(s *command.Spec) []string {
	list := []string{}
	for _, k := range s.Keys {
		list = append(list, fmt.Sprint(keyFlagNames(k.Flags), k.Notes, k.Index, k.Last, k.Step, k.Limit))
	}
	return list
}

func theirKeySpecs(m resp.Reply) []string {
	list := []string{}
	for _, e := range m.Elems {
		p := pairs(e)
		begin := pairs(pairs(p["begin_search"])["spec"])
		find := pairs(pairs(p["find_keys"])["spec"])
		list = append(list, fmt.Sprint(texts(p["flags"]), p["notes"].Text, begin["index"].Int,
			find["lastkey"].Int, find["keystep"].Int, find["limit"].Int))
	}
	return list
}

func arguments(args []command.Arg) string {
	var b strings.Builder
	for _, a := range args {
		flags := names(boolBits(a.Optional, a.Multiple), "optional", "multiple")
		fmt.Fprintf(&b, "(%s %s %s %d %v %s%s)", a.Name, a.Type, a.Token, a.Key-1, flags, a.Since, arguments(a.Sub))
	}
	return b.String()
}

func boolBits(bits ...bool) (n uint32) {
	for i, b := range bits {
		if b {
			n |= 1 << i
		}
	}
	return n
}

func theirArguments(m resp.Reply) string {
	var b strings.Builder
	for _, e := range m.Elems {
		p := pairs(e)
		key := int64(-1)
		if k, ok := p["key_spec_index"]; ok {
			key = k.Int
		}
		fmt.Fprintf(&b, "(%s %s %s %d %v %s%s)", p["name"].Text, p["type"].Text, p["token"].Text, key, texts(p["flags"]),
			p["since"].Text, theirArguments(p["arguments"]))
	}
	return b.String()
}

func historyVersions(s *command.Spec) []string {
	list := []string{}
	for _, h := range s.History {
		list = append(list, h[0])
	}
	return list
}

func theirHistory(m resp.Reply) []string {
	list := []string{}
	for _, e := range m.Elems {
		list = append(list, e.Elems[0].Text)
	}
	return list
}
