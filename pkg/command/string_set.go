package command

import "math"

// Commands that give strings a whole new value.

func stringSetSpecs() []Spec {
	expiration := optional(oneOf("expiration",
		since("2.6.12", with("EX", "seconds", "integer")), since("2.6.12", with("PX", "milliseconds", "integer")),
		since("6.2.0", with("EXAT", "unix-time-seconds", "unix-time")),
		since("6.2.0", with("PXAT", "unix-time-milliseconds", "unix-time")),
		since("6.0.0", word("KEEPTTL"))), "")
	pairs := []Arg{many(Arg{Name: "data", Type: "block", Sub: []Arg{keyArg("key", 0), arg("value", "string")}})}
	return []Spec{
		{Name: "set", Arity: -3, Flags: Write | DenyOOM, Group: "string", Since: "1.0.0", Handler: set,
			Summary: "Sets a key to a string, whatever it held before.", Complexity: docO1,
			History: [][2]string{{"2.6.12", "The options `EX`, `PX`, `NX` and `XX`."}, {"6.0.0", "The option `KEEPTTL`."},
				{"6.2.0", "The options `GET`, `EXAT` and `PXAT`."}, {"7.0.0", "`NX` and `GET` may be used together."}},
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyUpdate | KeyVariable, Index: 1, Step: 1,
				Notes: "RW and ACCESS due to the optional `GET` argument"}},
			Args: oneKeyArg(arg("value", "string"),
				optional(oneOf("condition", word("NX"), word("XX")), "2.6.12"),
				optional(word("GET"), "6.2.0"), expiration)},
		{Name: "setnx", Arity: 3, Flags: Write | DenyOOM | Fast, Group: "string", Since: "1.0.0", Handler: setNX,
			Summary: "Sets a key to a string if the key does not exist.", Complexity: docO1,
			Deprecated: "2.6.12", ReplacedBy: "`SET` with the `NX` argument",
			Keys: OneKey(1, KeyOW|KeyInsert), Args: oneKeyArg(arg("value", "string"))},
		{Name: "setex", Arity: 4, Flags: Write | DenyOOM, Group: "string", Since: "2.0.0", Handler: setEX,
			Summary: "Sets a key to a string with a time to live in seconds.", Complexity: docO1,
			Deprecated: "2.6.12", ReplacedBy: "`SET` with the `EX` argument",
			Keys: OneKey(1, KeyOW|KeyUpdate), Args: oneKeyArg(arg("seconds", "integer"), arg("value", "string"))},
		{Name: "psetex", Arity: 4, Flags: Write | DenyOOM, Group: "string", Since: "2.6.0", Handler: pSetEX,
			Summary: "Sets a key to a string with a time to live in milliseconds.", Complexity: docO1,
			Deprecated: "2.6.12", ReplacedBy: "`SET` with the `PX` argument",
			Keys: OneKey(1, KeyOW|KeyUpdate), Args: oneKeyArg(arg("milliseconds", "integer"), arg("value", "string"))},
		{Name: "getset", Arity: 3, Flags: Write | DenyOOM | Fast, Group: "string", Since: "1.0.0", Handler: getSet,
			Summary: "Sets a key to a string and returns what it was.", Complexity: docO1,
			Deprecated: "6.2.0", ReplacedBy: "`SET` with the `!GET` argument",
			Keys: OneKey(1, KeyRW|KeyAccess|KeyUpdate), Args: oneKeyArg(arg("value", "string"))},
		{Name: "mset", Arity: -3, Flags: Write | DenyOOM, Group: "string", Since: "1.0.1", Handler: mset,
			Summary: "Sets several keys to strings, all in one step.", Complexity: docONKeys,
			Hints: []string{hintManyShards, hintAllOK}, Keys: AllKeys(1, 2, KeyOW|KeyUpdate), Args: pairs},
		{Name: "msetnx", Arity: -3, Flags: Write | DenyOOM, Group: "string", Since: "1.0.1", Handler: msetNX,
			Summary: "Sets several keys to strings if none of them exists.", Complexity: docONKeys,
			Keys: AllKeys(1, 2, KeyOW|KeyInsert), Args: pairs},
	}
}

// noExpiry is keyspace's expiry of a key that has none.
const noExpiry = -1

// unit is how a time argument is to be read; 0 is no such argument.
type unit uint8

const (
	unitSeconds  unit = 1 << iota // else milliseconds
	unitAbsolute                  // Unix time, else from now
	unitGiven                     // always set

	inSeconds = unitGiven | unitSeconds
	inMillis  = unitGiven
	atSeconds = unitGiven | unitSeconds | unitAbsolute
	atMillis  = unitGiven | unitAbsolute
)

func unitOf(option []byte) unit {
	switch {
	case Is(option, "EX"):
		return inSeconds
	case Is(option, "PX"):
		return inMillis
	case Is(option, "EXAT"):
		return atSeconds
	case Is(option, "PXAT"):
		return atMillis
	}
	return 0
}

// setOptions are those of SET and GETEX.
type setOptions struct {
	nx, xx, get, keepTTL, persist bool

	unit   unit
	amount []byte
}

// parse reads the options of SET, or those of GETEX; false when they make no
// sense. As in Redis, an option that is given again is no error.
func (o *setOptions) parse(args [][]byte, forSet bool) bool {
	for i := 0; i < len(args); i++ {
		a := args[i]
		u := unitOf(a)
		switch {
		case u != 0 && i+1 < len(args) && !o.keepTTL && !o.persist && (o.unit == 0 || o.unit == u):
			i++
			o.unit, o.amount = u, args[i]
		case forSet && Is(a, "NX") && !o.xx:
			o.nx = true
		case forSet && Is(a, "XX") && !o.nx:
			o.xx = true
		case forSet && Is(a, "GET"):
			o.get = true
		case forSet && Is(a, "KEEPTTL") && o.unit == 0:
			o.keepTTL = true
		case !forSet && Is(a, "PERSIST") && o.unit == 0:
			o.persist = true
		default:
			return false
		}
	}
	return true
}

// expiry reads a time argument into Unix milliseconds; when it is no good it
// replies the error.
func (c *Ctx) expiry(amount []byte, u unit) (int64, bool) {
	n, ok := c.Int(amount)
	if !ok {
		return 0, false
	}
	if n <= 0 || u&unitSeconds != 0 && n > math.MaxInt64/1000 {
		return c.badExpiry()
	}
	if u&unitSeconds != 0 {
		n *= 1000
	}
	if u&unitAbsolute == 0 {
		if n > math.MaxInt64-c.Now() {
			return c.badExpiry()
		}
		n += c.Now()
	}
	return n, true
}

func (c *Ctx) badExpiry() (int64, bool) {
	c.Out.Errorf("ERR invalid expire time in '%s' command", c.Spec.FullName)
	return 0, false
}

// outcome says how storing a string went.
type outcome uint8

const (
	storeFailed  outcome = iota // the error is replied
	storeRefused                // NX or XX did not hold
	storeDone
)

// store carries out SET and its relatives. It replies errors, and with GET the
// old value; the rest is the caller's.
func (c *Ctx) store(key, val []byte, o setOptions) outcome {
	at := int64(noExpiry)
	if o.unit != 0 {
		var ok bool
		if at, ok = c.expiry(o.amount, o.unit); !ok {
			return storeFailed
		}
	}
	if o.get && !c.replyString(key) {
		return storeFailed
	}
	if o.nx || o.xx {
		if _, found := c.DB.Peek(key); found == o.nx {
			return storeRefused
		}
	}
	var existed bool
	c.DB.Adopt(val)
	if o.keepTTL {
		existed = c.DB.SetKeepTTL(key, val)
	} else {
		existed = c.DB.SetString(key, val, at)
	}
	c.stored(key, existed)
	if o.unit != 0 {
		if o.unit != atMillis {
			c.Fx.Replace(wordSet, key, val, wordPXAT, c.Fx.Int(at))
		}
		c.Fx.Notify(EventGeneric, "expire", key)
	}
	return storeDone
}

// stored records that key was set to a string.
func (c *Ctx) stored(key []byte, existed bool) {
	c.Fx.Dirty++
	c.created(key, existed)
	c.Fx.Notify(EventString, "set", key)
}

// created records that key is new, unless it existed.
func (c *Ctx) created(key []byte, existed bool) {
	if !existed {
		c.Fx.Notify(EventNew, "new", key)
	}
}

func set(c *Ctx) {
	var o setOptions
	if !o.parse(c.Args[3:], true) {
		c.Out.Error(ErrSyntax)
		return
	}
	result := c.store(c.Args[1], c.Args[2], o)
	switch {
	case result == storeFailed:
	case o.get:
		if result == storeDone && o.unit == 0 {
			c.logWithoutGet()
		}
	case result == storeRefused:
		c.Out.Null()
	default:
		c.Out.OK()
	}
}

// logWithoutGet gives the log the SET as it was sent, but not the word GET: who
// replays it wants no value.
func (c *Ctx) logWithoutGet() {
	words := append(make([][]byte, 0, 8), wordSet, c.Args[1], c.Args[2])
	for _, a := range c.Args[3:] {
		if !Is(a, "GET") {
			words = append(words, a)
		}
	}
	c.Fx.Replace(words...)
}

func setNX(c *Ctx) {
	if c.store(c.Args[1], c.Args[2], setOptions{nx: true}) == storeDone {
		c.Out.Int(1)
	} else {
		c.Out.Int(0)
	}
}

func setEX(c *Ctx) { c.storeFor(inSeconds) }

func pSetEX(c *Ctx) { c.storeFor(inMillis) }

func (c *Ctx) storeFor(u unit) {
	if c.store(c.Args[1], c.Args[3], setOptions{unit: u, amount: c.Args[2]}) == storeDone {
		c.Out.OK()
	}
}

func getSet(c *Ctx) {
	key, val := c.Args[1], c.Args[2]
	if !c.replyString(key) {
		return
	}
	c.stored(key, c.DB.SetString(key, val, noExpiry))
	c.Fx.Replace(wordSet, key, val)
}

// pairsFit tells whether the arguments are pairs; when not it replies the error.
func (c *Ctx) pairsFit() bool {
	if len(c.Args)%2 == 1 {
		return true
	}
	c.Out.Errorf("ERR wrong number of arguments for '%s' command", c.Spec.FullName)
	return false
}

func mset(c *Ctx) {
	if c.pairsFit() {
		c.storePairs()
		c.Out.OK()
	}
}

func (c *Ctx) storePairs() {
	for i := 1; i < len(c.Args); i += 2 {
		c.stored(c.Args[i], c.DB.SetString(c.Args[i], c.Args[i+1], noExpiry))
	}
}

func msetNX(c *Ctx) {
	if !c.pairsFit() {
		return
	}
	for i := 1; i < len(c.Args); i += 2 {
		if _, found := c.DB.Peek(c.Args[i]); found {
			c.Out.Int(0)
			return
		}
	}
	c.storePairs()
	c.Out.Int(1)
}
