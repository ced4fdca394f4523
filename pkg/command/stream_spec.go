package command

import "slices"

// The stream family's table. The handlers: stream.go (ids, figures, deleting), stream_add.go, stream_range.go,
// stream_read.go, stream_group.go, stream_claim.go, stream_pending.go and stream_info.go.

func streamSpecs() []Spec {
	return slices.Concat(streamEntrySpecs(), streamReadSpecs(), streamPendingSpecs(), xgroupSpecs(), xinfoSpecs())
}

// trimArg documents MAXLEN and MINID.
func trimArg() Arg {
	return Arg{Name: "trim", Type: "block", Sub: []Arg{
		oneOf("strategy", word("MAXLEN"), since("6.2.0", word("MINID"))),
		optional(oneOf("operator", Arg{Name: "equal", Type: "pure-token", Token: "="},
			Arg{Name: "approximately", Type: "pure-token", Token: "~"}), ""),
		arg("threshold", "string"),
		optional(with("LIMIT", "count", "integer"), "6.2.0")}}
}

func streamEntrySpecs() []Spec {
	rangeArgs := func(first, second string) []Arg {
		return oneKeyArg(arg(first, "string"), arg(second, "string"), optional(with("COUNT", "count", "integer"), ""))
	}
	const perEntry = "O(N) where N is the number of entries that are returned."
	return []Spec{
		{Name: "xadd", Arity: -5, Flags: Write | DenyOOM | Fast, Group: "stream", Since: "5.0.0", Handler: xadd,
			Summary:    "Appends an entry to a stream, and creates the stream if there is none.",
			Complexity: "O(1) for the entry; O(N) for trimming where N is the number of entries that go.",
			History: [][2]string{{"6.2.0", "The options `NOMKSTREAM`, `MINID` and `LIMIT`."},
				{"7.0.0", "Ids of the form `<ms>-*`."}},
			Hints: []string{hintVaries},
			Keys: []KeySpec{{Flags: KeyRW | KeyUpdate, Index: 1, Step: 1,
				Notes: "UPDATE instead of INSERT because of the optional trimming feature"}},
			Args: oneKeyArg(optional(word("NOMKSTREAM"), "6.2.0"), optional(trimArg(), ""),
				oneOf("id_or_auto", Arg{Name: "auto_id", Type: "pure-token", Token: "*"}, arg("id", "string")),
				many(Arg{Name: "field_value", Type: "block", Sub: []Arg{arg("field", "string"), arg("value", "string")}}))},
		{Name: "xtrim", Arity: -4, Flags: Write, Group: "stream", Since: "5.0.0", Handler: xtrim,
			Summary:    "Deletes entries from the start of a stream.",
			Complexity: "O(N) where N is the number of entries that go; most of them go in whole nodes.",
			History:    [][2]string{{"6.2.0", "The options `MINID` and `LIMIT`."}},
			Hints:      []string{hintVaries}, Keys: OneKey(1, KeyRW|KeyDelete), Args: oneKeyArg(trimArg())},
		{Name: "xdel", Arity: -3, Flags: Write | Fast, Group: "stream", Since: "5.0.0", Handler: xdel,
			Summary: "Deletes entries and returns how many there were.", Complexity: "O(1) for each id.",
			Keys: OneKey(1, KeyRW|KeyDelete), Args: oneKeyArg(many(arg("id", "string")))},
		{Name: "xsetid", Arity: -3, Flags: Write | DenyOOM | Fast, Group: "stream", Since: "5.0.0", Handler: xsetid,
			Summary: "Sets the last id of a stream; the log uses it.", Complexity: docO1,
			History: [][2]string{{"7.0.0", "The options `ENTRIESADDED` and `MAXDELETEDID`."}},
			Keys:    OneKey(1, KeyRW|KeyUpdate),
			Args: oneKeyArg(arg("last-id", "string"), optional(with("ENTRIESADDED", "entries_added", "integer"), "7.0.0"),
				optional(with("MAXDELETEDID", "max_deleted_entry_id", "string"), "7.0.0"))},
		{Name: "xlen", Arity: 2, Flags: ReadOnly | Fast, Group: "stream", Since: "5.0.0", Handler: xlen,
			Summary: "Returns the number of entries, 0 for a missing key.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg()},
		{Name: "xrange", Arity: -4, Flags: ReadOnly, Group: "stream", Since: "5.0.0", Handler: xrange,
			Summary: "Returns the entries between two ids.", Complexity: perEntry,
			History: [][2]string{{"6.2.0", "Ranges without their ends."}},
			Keys:    OneKey(1, KeyRO|KeyAccess), Args: rangeArgs("start", "end")},
		{Name: "xrevrange", Arity: -4, Flags: ReadOnly, Group: "stream", Since: "5.0.0", Handler: xrevrange,
			Summary: "Returns the entries between two ids, the last one first.", Complexity: perEntry,
			History: [][2]string{{"6.2.0", "Ranges without their ends."}},
			Keys:    OneKey(1, KeyRO|KeyAccess), Args: rangeArgs("end", "start")},
	}
}

func streamReadSpecs() []Spec {
	streams := Arg{Name: "streams", Type: "block", Token: "STREAMS", Sub: []Arg{many(keyArg("key", 0)), many(arg("id", "string"))}}
	count := optional(with("COUNT", "count", "integer"), "")
	block := optional(with("BLOCK", "milliseconds", "integer"), "")
	keys := func(from int) []KeySpec {
		return []KeySpec{{Flags: KeyRO | KeyAccess, Keyword: "STREAMS", StartFrom: from, Last: -1, Step: 1, Limit: 2}}
	}
	return []Spec{
		{Name: "xread", Arity: -4, Flags: ReadOnly | Blocking, Group: "stream", Since: "5.0.0", Handler: xread,
			Summary:    "Returns the entries of streams behind given ids, and may wait for some.",
			Complexity: "O(N) for each stream where N is the number of entries that are returned.",
			Keys:       keys(1), Args: []Arg{count, block, streams}},
		{Name: "xreadgroup", Arity: -7, Flags: Write | Blocking, Group: "stream", Since: "5.0.0", Handler: xreadgroup,
			Summary:    "Returns entries that a group has not read or that are pending for a consumer, and may wait for some.",
			Complexity: "O(N) for each stream where N is the number of entries that are returned.",
			Keys:       keys(4),
			Args: []Arg{{Name: "group_consumer", Type: "block", Token: "GROUP",
				Sub: []Arg{arg("group", "string"), arg("consumer", "string")}}, count, block, optional(word("NOACK"), ""), streams}},
	}
}

func streamPendingSpecs() []Spec {
	claim := func(more ...Arg) []Arg {
		return oneKeyArg(append([]Arg{arg("group", "string"), arg("consumer", "string"), arg("min-idle-time", "string")}, more...)...)
	}
	return []Spec{
		{Name: "xack", Arity: -4, Flags: Write | Fast, Group: "stream", Since: "5.0.0", Handler: xack,
			Summary:    "Takes entries off the pending ones of a group and returns how many were pending.",
			Complexity: "O(1) for each id.",
			Keys:       OneKey(1, KeyRW|KeyUpdate), Args: oneKeyArg(arg("group", "string"), many(arg("id", "string")))},
		{Name: "xpending", Arity: -3, Flags: ReadOnly, Group: "stream", Since: "5.0.0", Handler: xpending,
			Summary:    "Tells about the pending entries of a group.",
			Complexity: "O(N) where N is the number of entries that are returned or left out for their idle time; the short form O(M) for M consumers.",
			History:    [][2]string{{"6.2.0", "The option `IDLE` and ranges without their ends."}},
			Hints:      []string{hintVaries}, Keys: OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("group", "string"), optional(Arg{Name: "filters", Type: "block", Sub: []Arg{
				optional(with("IDLE", "min-idle-time", "integer"), "6.2.0"), arg("start", "string"), arg("end", "string"),
				arg("count", "integer"), optional(arg("consumer", "string"), "")}}, ""))},
		{Name: "xclaim", Arity: -6, Flags: Write | Fast, Group: "stream", Since: "5.0.0", Handler: xclaim,
			Summary:    "Makes pending entries those of another consumer, as if it had read them.",
			Complexity: "O(log N) where N is the number of pending entries of the group.",
			Hints:      []string{hintVaries}, Keys: OneKey(1, KeyRW|KeyUpdate),
			Args: claim(many(arg("id", "string")), optional(with("IDLE", "ms", "integer"), ""),
				optional(with("TIME", "unix-time-milliseconds", "unix-time"), ""),
				optional(with("RETRYCOUNT", "count", "integer"), ""),
				optional(word("FORCE"), ""), optional(word("JUSTID"), ""), optional(with("LASTID", "id", "string"), ""))},
		{Name: "xautoclaim", Arity: -6, Flags: Write | Fast, Group: "stream", Since: "6.2.0", Handler: xautoclaim,
			Summary:    "Makes pending entries that were idle for long those of another consumer.",
			Complexity: "O(1) if COUNT is small.",
			History:    [][2]string{{"7.0.0", "The reply has the ids of deleted entries, which are not pending any more."}},
			Hints:      []string{hintVaries}, Keys: OneKey(1, KeyRW|KeyDelete),
			Args: claim(arg("start", "string"), optional(with("COUNT", "count", "integer"), ""), optional(word("JUSTID"), ""))},
	}
}

func xgroupSpecs() []Spec {
	id := oneOf("id", arg("id", "string"), Arg{Name: "new_id", Type: "pure-token", Token: "$"})
	read := optional(with("ENTRIESREAD", "entries_read", "integer"), "")
	target := func(more ...Arg) []Arg { return oneKeyArg(append([]Arg{arg("groupname", "string")}, more...)...) }
	consumer := target(arg("consumername", "string"))
	return []Spec{{Name: "xgroup", Arity: -2, Group: "stream", Since: "5.0.0",
		Summary: "Makes and changes consumer groups.", Complexity: "Depends on the subcommand.",
		Sub: []Spec{
			{Name: "create", Arity: -5, Flags: Write | DenyOOM, Since: "5.0.0", Handler: xgroupCreate,
				Summary: "Creates a consumer group.", Complexity: docO1,
				History: [][2]string{{"7.0.0", "The option `ENTRIESREAD`."}},
				Keys:    OneKey(2, KeyRW|KeyInsert), Args: target(id, optional(word("MKSTREAM"), ""), read),
				Help: []string{"CREATE <key> <groupname> <id|$> [option]",
					"Create a new consumer group. Options are:", "* MKSTREAM", "  Create the empty stream if it does not exist.",
					"* ENTRIESREAD entries_read", "  Set the group's entries_read counter (internal use)."}},
			{Name: "createconsumer", Arity: 5, Flags: Write | DenyOOM, Since: "6.2.0", Handler: xgroupCreateConsumer,
				Summary: "Creates a consumer in a group.", Complexity: docO1,
				Keys: OneKey(2, KeyRW|KeyInsert), Args: consumer,
				Help: []string{"CREATECONSUMER <key> <groupname> <consumer>", "Create a new consumer in the specified group."}},
			{Name: "delconsumer", Arity: 5, Flags: Write, Since: "5.0.0", Handler: xgroupDelConsumer,
				Summary: "Deletes a consumer and what is pending for it.", Complexity: docO1,
				Keys: OneKey(2, KeyRW|KeyDelete), Args: consumer,
				Help: []string{"DELCONSUMER <key> <groupname> <consumer>", "Remove the specified consumer."}},
			{Name: "destroy", Arity: 4, Flags: Write, Since: "5.0.0", Handler: xgroupDestroy,
				Summary: "Deletes a consumer group.", Complexity: "O(N) where N is the number of pending entries of the group.",
				Keys: OneKey(2, KeyRW|KeyDelete), Args: target(),
				Help: []string{"DESTROY <key> <groupname>", "Remove the specified group."}},
			{Name: "help", Arity: 2, Flags: Loading | Stale, Since: "5.0.0", Handler: Help,
				Summary: "Explains the subcommands.", Complexity: docO1},
			{Name: "setid", Arity: -5, Flags: Write, Since: "5.0.0", Handler: xgroupSetID,
				Summary: "Sets the id that a group has read up to.", Complexity: docO1,
				History: [][2]string{{"7.0.0", "The option `ENTRIESREAD`."}},
				Keys:    OneKey(2, KeyRW|KeyUpdate), Args: target(id, read),
				Help: []string{"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
					"Set the current group ID and entries_read counter."}},
		}}}
}

func xinfoSpecs() []Spec {
	return []Spec{{Name: "xinfo", Arity: -2, Group: "stream", Since: "5.0.0",
		Summary: "Tells about streams and their groups.", Complexity: "Depends on the subcommand.",
		Sub: []Spec{
			{Name: "consumers", Arity: 4, Flags: ReadOnly, Since: "5.0.0", Handler: xinfoConsumers,
				Summary: "Lists the consumers of a group.", Complexity: docO1,
				History: [][2]string{{"7.2.0", "The field `inactive`; `idle` counts from the last attempt to read."}},
				Hints:   []string{hintVaries}, Keys: OneKey(2, KeyRO|KeyAccess), Args: oneKeyArg(arg("groupname", "string")),
				Help: []string{"CONSUMERS <key> <groupname>", "Show consumers of <groupname>."}},
			{Name: "groups", Arity: 3, Flags: ReadOnly, Since: "5.0.0", Handler: xinfoGroups,
				Summary: "Lists the groups of a stream.", Complexity: docO1,
				History: [][2]string{{"7.0.0", "The fields `entries-read` and `lag`."}},
				Keys:    OneKey(2, KeyRO|KeyAccess), Args: oneKeyArg(),
				Help: []string{"GROUPS <key>", "Show the stream consumer groups."}},
			{Name: "help", Arity: 2, Flags: Loading | Stale, Since: "5.0.0", Handler: Help,
				Summary: "Explains the subcommands.", Complexity: docO1},
			{Name: "stream", Arity: -3, Flags: ReadOnly, Since: "5.0.0", Handler: xinfoStream,
				Summary: "Tells about a stream.", Complexity: docO1,
				History: [][2]string{{"6.0.0", "The option `FULL`."},
					{"7.0.0", "The fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`."},
					{"7.2.0", "The field `active-time`."}},
				Keys: OneKey(2, KeyRO|KeyAccess),
				Args: oneKeyArg(optional(Arg{Name: "full", Type: "block", Token: "FULL",
					Sub: []Arg{optional(with("COUNT", "count", "integer"), "")}}, "")),
				Help: []string{"STREAM <key> [FULL [COUNT <count>]", "Show information about the stream."}},
		}}}
}
