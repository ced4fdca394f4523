package server

import (
	"redisd/pkg/command"
	"redisd/pkg/resp"
)

// replyFlags writes names as a set of simple strings, the form of all flags.
func replyFlags(w *resp.Writer, names []string) {
	w.Set(len(names))
	for _, n := range names {
		w.Simple(n)
	}
}

// replyCommandInfo writes the ten elements that describe a command.
func replyCommandInfo(w *resp.Writer, spec *command.Spec) {
	first, last, step, _ := spec.LegacyRange()
	w.Array(10)
	w.BulkString(spec.FullName)
	w.Int(int64(spec.Arity))
	replyFlags(w, spec.FlagNames())
	w.Int(int64(first))
	w.Int(int64(last))
	w.Int(int64(step))
	cats := spec.Categories.Names()
	w.Set(len(cats))
	for _, n := range cats {
		w.Simple("@" + n)
	}
	w.Set(len(spec.Hints))
	for _, h := range spec.Hints {
		w.BulkString(h)
	}
	w.Set(len(spec.Keys))
	for i := range spec.Keys {
		replyKeySpec(w, &spec.Keys[i])
	}
	if len(spec.Sub) == 0 {
		w.Set(0)
		return
	}
	w.Array(len(spec.Sub))
	for i := range spec.Sub {
		replyCommandInfo(w, &spec.Sub[i])
	}
}

// replyKeySpec writes one key spec as a map.
func replyKeySpec(w *resp.Writer, k *command.KeySpec) {
	if k.Notes == "" {
		w.Map(3)
	} else {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(k.Notes)
	}
	w.BulkString("flags")
	replyFlags(w, k.Flags.Names())
	w.BulkString("begin_search")
	switch {
	case k.Keyword != "":
		replyTyped(w, "keyword", 2)
		w.BulkString("keyword")
		w.BulkString(k.Keyword)
		replyIntField(w, "startfrom", k.StartFrom)
	case k.Unknown && k.Index == 0:
		replyTyped(w, "unknown", 0)
	default:
		replyTyped(w, "index", 1)
		replyIntField(w, "index", k.Index)
	}
	w.BulkString("find_keys")
	switch {
	case k.Unknown:
		replyTyped(w, "unknown", 0)
	case k.KeyNum:
		replyTyped(w, "keynum", 3)
		replyIntField(w, "keynumidx", k.NumIdx)
		replyIntField(w, "firstkey", k.FirstOf)
		replyIntField(w, "keystep", k.NumStep)
	default:
		replyTyped(w, "range", 3)
		replyIntField(w, "lastkey", k.Last)
		replyIntField(w, "keystep", k.Step)
		replyIntField(w, "limit", k.Limit)
	}
}

// replyTyped begins a half of a key spec, whose spec map has n pairs.
func replyTyped(w *resp.Writer, kind string, n int) {
	w.Map(2)
	w.BulkString("type")
	w.BulkString(kind)
	w.BulkString("spec")
	w.Map(n)
}

func replyIntField(w *resp.Writer, name string, n int) {
	w.BulkString(name)
	w.Int(int64(n))
}

// replyCommandDocs writes a command's documentation as a map; empty parts are left
// out.
func replyCommandDocs(w *resp.Writer, spec *command.Spec) {
	at, n := w.DeferArray(), 0
	field := func(name, value string) {
		if value != "" {
			w.BulkString(name)
			w.BulkString(value)
			n++
		}
	}
	field("summary", spec.Summary)
	field("since", spec.Since)
	field("group", spec.Group)
	field("complexity", spec.Complexity)
	var flags []string
	if spec.Deprecated != "" {
		flags = append(flags, "deprecated")
	}
	if spec.SysCmd {
		flags = append(flags, "syscmd")
	}
	if flags != nil {
		w.BulkString("doc_flags")
		replyFlags(w, flags)
		n++
	}
	field("deprecated_since", spec.Deprecated)
	field("replaced_by", spec.ReplacedBy)
	if len(spec.History) > 0 {
		w.BulkString("history")
		w.Set(len(spec.History))
		for _, h := range spec.History {
			w.Array(2)
			w.BulkString(h[0])
			w.BulkString(h[1])
		}
		n++
	}
	if len(spec.Args) > 0 {
		w.BulkString("arguments")
		replyArgs(w, spec.Args)
		n++
	}
	if len(spec.Sub) > 0 {
		w.BulkString("subcommands")
		w.Map(len(spec.Sub))
		for i := range spec.Sub {
			w.BulkString(spec.Sub[i].FullName)
			replyCommandDocs(w, &spec.Sub[i])
		}
		n++
	}
	w.EndMap(at, n)
}

// replyArgs writes the documentation of arguments.
func replyArgs(w *resp.Writer, args []command.Arg) {
	w.Array(len(args))
	for i := range args {
		replyArg(w, &args[i])
	}
}

func replyArg(w *resp.Writer, a *command.Arg) {
	at, n := w.DeferArray(), 0
	field := func(name, value string) {
		if value != "" {
			w.BulkString(name)
			w.BulkString(value)
			n++
		}
	}
	group := a.Type == "oneof" || a.Type == "block"
	field("name", a.Name)
	field("type", a.Type)
	if !group {
		field("display_text", a.Name)
	}
	if a.Key > 0 {
		replyIntField(w, "key_spec_index", a.Key-1)
		n++
	}
	field("token", a.Token)
	field("since", a.Since)
	var flags []string
	if a.Optional {
		flags = append(flags, "optional")
	}
	if a.Multiple {
		flags = append(flags, "multiple")
	}
	if a.MultipleToken {
		flags = append(flags, "multiple_token")
	}
	if len(flags) > 0 {
		w.BulkString("flags")
		replyFlags(w, flags)
		n++
	}
	if group {
		w.BulkString("arguments")
		replyArgs(w, a.Sub)
		n++
	}
	w.EndMap(at, n)
}
