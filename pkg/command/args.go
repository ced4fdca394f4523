package command

import "strings"

// Short forms for the argument documentation in the tables.

// arg documents a plain argument; typ as in Arg.
func arg(name, typ string) Arg { return Arg{Name: name, Type: typ} }

// keyArg documents a key that KeySpec number spec finds.
func keyArg(name string, spec int) Arg { return Arg{Name: name, Type: "key", Key: spec + 1} }

// word documents a bare word of the syntax, given in upper case.
func word(token string) Arg {
	return Arg{Name: strings.ToLower(token), Type: "pure-token", Token: token}
}

// with documents an argument that stands behind a word.
func with(token, name, typ string) Arg { return Arg{Name: name, Type: typ, Token: token} }

// oneOf documents a choice.
func oneOf(name string, choices ...Arg) Arg { return Arg{Name: name, Type: "oneof", Sub: choices} }

// optional makes a an argument that may be left out, known since a version ("" for
// as long as its command).
func optional(a Arg, since string) Arg {
	a.Optional, a.Since = true, since
	return a
}

// since says from which version on a choice is known.
func since(version string, a Arg) Arg {
	a.Since = version
	return a
}

// many makes a an argument that may be repeated.
func many(a Arg) Arg {
	a.Multiple = true
	return a
}

// oneKeyArg documents the arguments of a command that takes a key, then others.
func oneKeyArg(more ...Arg) []Arg { return append([]Arg{keyArg("key", 0)}, more...) }

// Command tips that stand in several rows.
const (
	hintManyShards = "request_policy:multi_shard"
	hintAllShards  = "request_policy:all_shards"
	hintSum        = "response_policy:agg_sum"
	hintAllOK      = "response_policy:all_succeeded"
	hintVaries     = "nondeterministic_output"
	hintAnyOrder   = "nondeterministic_output_order"
)

const (
	docO1     = "O(1)"
	docONKeys = "O(N) where N is the number of keys."
)

// Words of commands that the log gets in place of what was sent. They are never
// written to.
var (
	wordDel       = []byte("DEL")
	wordUnlink    = []byte("UNLINK")
	wordSet       = []byte("SET")
	wordRestore   = []byte("RESTORE")
	wordPXAT      = []byte("PXAT")
	wordKeepTTL   = []byte("KEEPTTL")
	wordPExpireAt = []byte("PEXPIREAT")
	wordPersist   = []byte("PERSIST")
	wordAbsTTL    = []byte("ABSTTL")

	wordXAdd           = []byte("XADD")
	wordXTrim          = []byte("XTRIM")
	wordXClaim         = []byte("XCLAIM")
	wordXGroup         = []byte("XGROUP")
	wordCreateConsumer = []byte("CREATECONSUMER")
	wordSetID          = []byte("SETID")
	wordEntriesRead    = []byte("ENTRIESREAD")
	wordExact          = []byte("=")
	wordZero           = []byte("0")
	wordTime           = []byte("TIME")
	wordRetryCount     = []byte("RETRYCOUNT")
	wordForce          = []byte("FORCE")
	wordJustID         = []byte("JUSTID")
	wordLastID         = []byte("LASTID")
	wordZAdd           = []byte("ZADD")
	wordZPopMin        = []byte("ZPOPMIN")
	wordZPopMax        = []byte("ZPOPMAX")
)
