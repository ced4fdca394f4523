package diff

import (
	"slices"
	"strconv"
	"strings"

	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// Here: what is free to differ, and what 7.2 does otherwise than the oracle's 7.0.

// difference is one that is known. fix makes the replies of both sides equal again.
type difference struct {
	command string // lower case
	why     string
	fix     func(args []string, m *resp.Reply)
}

// differences gives all that are known for replies.
func differences() []difference {
	const free = "the order is free"
	const chance = "random elements"
	return []difference{
		{"keys", free, sortElems}, {"smembers", free, sortElems}, {"sinter", free, sortElems}, {"sunion", free, sortElems},
		{"sdiff", free, sortElems}, {"hkeys", free, sortElems}, {"hvals", free, sortElems}, {"hgetall", free, sortPairs},
		{"randomkey", chance, shapeOnly}, {"srandmember", chance, shapeOnly}, {"hrandfield", chance, shapeOnly},
		{"zrandmember", chance, shapeOnly},
		{"dump", "may be packed differently; exchange compares the contents", shapeOnly},
		{"object", "see the function", fixObject}, {"xgroup", "7.2 corrected the word", fixHelp}, {"xinfo", "the same", fixHelp},
		{"xinfo", "7.2 has active-time and inactive; the clocks differ", fixInfo},
		{"xpending", "the clocks differ", fixPending},
	}
}

// fixInfo takes out the fields that 7.0 does not have, and how long ago something was.
func fixInfo(args []string, m *resp.Reply) {
	for i := 0; i+1 < len(m.Elems); i += 2 {
		switch m.Elems[i].Text {
		case "active-time", "inactive":
			m.Elems = slices.Delete(m.Elems, i, i+2)
			i -= 2
		case "idle":
			m.Elems[i+1].Int = 0
		}
	}
	for i := range m.Elems {
		fixInfo(args, &m.Elems[i])
	}
}

// fixPending takes the idle times out of XPENDING's rows, unless XCLAIM chose them.
func fixPending(_ []string, m *resp.Reply) {
	for i := range m.Elems {
		if row := m.Elems[i].Elems; len(row) == 4 && row[2].Int < 100_000 {
			row[2].Int = 0
		}
	}
}

func sortElems(_ []string, m *resp.Reply) {
	slices.SortFunc(m.Elems, func(a, b resp.Reply) int { return strings.Compare(a.Text, b.Text) })
}

func sortPairs(_ []string, m *resp.Reply) {
	var pairs [][2]resp.Reply
	for i := 0; i+1 < len(m.Elems); i += 2 {
		pairs = append(pairs, [2]resp.Reply{m.Elems[i], m.Elems[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]resp.Reply) int { return strings.Compare(a[0].Text, b[0].Text) })
	for i, p := range pairs {
		m.Elems[2*i], m.Elems[2*i+1] = p[0], p[1]
	}
}

// shapeOnly leaves kinds and lengths.
func shapeOnly(args []string, m *resp.Reply) {
	m.Text, m.Int = "", 0
	for i := range m.Elems {
		shapeOnly(args, &m.Elems[i])
	}
}

func fixObject(args []string, m *resp.Reply) {
	if len(args) < 2 {
		return
	}
	switch strings.ToLower(args[1]) {
	case "refcount":
		// Redis shares small integers, but not with the copies that COPY makes.
		if m.Int == 2147483647 {
			m.Int = 1
		}
	case "idletime":
		m.Int = 0
	case "help":
		fixHelp(args, m)
	}
}

func fixHelp(_ []string, m *resp.Reply) {
	for i := range m.Elems {
		m.Elems[i].Text = strings.Replace(m.Elems[i].Text, "    Prints", "    Print", 1)
	}
}

// excuse is a difference of 7.2 that shows only beside the other reply, or beside
// what a key holds.
type excuse struct {
	command string
	why     string
	fits    func(c *comparison, args []string, got, want resp.Reply) bool
}

func excuses() []excuse {
	return []excuse{
		{"object", "7.0 has no packed sets, and lists are quicklists from the first element on", packedIsNew},
		{"xinfo", "XTRIM MINID leaves a node of deleted entries alone", fewerNodes},
		{"zrank", "7.2 has WITHSCORE", withScoreIsNew},
		{"zrevrank", "7.2 has WITHSCORE", withScoreIsNew},
	}
}

func packedIsNew(c *comparison, args []string, got, want resp.Reply) bool {
	if len(args) != 3 || !strings.EqualFold(args[1], "encoding") || got.Text != "listpack" {
		return false
	}
	e, found := c.our.ctx.DB.Peek([]byte(args[2]))
	return found && (e.Type() == keyspace.List && want.Text == "quicklist" || e.Type() == keyspace.Set && want.Text == "hashtable")
}

// fewerNodes: redisd removes the node.
func fewerNodes(_ *comparison, args []string, got, want resp.Reply) bool {
	for i := 0; i+1 < min(len(got.Elems), len(want.Elems)); i += 2 {
		a, b := got.Elems[i+1].Int, want.Elems[i+1].Int
		if strings.HasPrefix(got.Elems[i].Text, "radix-tree-") && a < b {
			want.Elems[i+1].Int = a
		}
	}
	return alike(args, got, want)
}

func withScoreIsNew(_ *comparison, args []string, got, want resp.Reply) bool {
	return len(args) == 4 && strings.Contains(want.Text, "wrong number of arguments") && !strings.Contains(got.Text, "wrong number")
}

// excused tells whether a difference between two replies is known.
func excused(c *comparison, args []string, got, want resp.Reply) bool {
	for _, e := range excuses() {
		if e.command == strings.ToLower(args[0]) && e.fits(c, args, got, want) {
			return true
		}
	}
	return false
}

// normal takes out of a reply what is known to differ.
func normal(args []string, m resp.Reply) resp.Reply {
	if m.Err() != nil {
		m.Text = cutAtZero(m.Text)
		return m
	}
	name := strings.ToLower(args[0])
	for _, d := range differences() {
		if d.command == name {
			d.fix(args, &m)
		}
	}
	return m
}

// cutAtZero cuts the words that an error quotes at zero bytes, as C does.
func cutAtZero(text string) string {
	for {
		from := strings.IndexByte(text, 0)
		if from < 0 {
			return text
		}
		to := strings.IndexByte(text[from:], '\'')
		if to < 0 {
			return text[:from]
		}
		text = text[:from] + text[from+to:]
	}
}

// tolerance is by how much the numbers in the replies of a command may differ:
// they tell times, and the two sides run one after the other.
func tolerance(args []string) int64 {
	switch strings.ToLower(args[0]) {
	case "ttl", "expiretime":
		return 5
	case "pttl", "pexpiretime", "xpending", "xinfo":
		return 5000
	}
	return 0
}

// alike compares two replies. Doubles are equal when they are the same number: 7.0
// prints seventeen digits, 7.2 the shortest that read back.
func alike(args []string, got, want resp.Reply) bool {
	if got.Kind != want.Kind || got.Null != want.Null || len(got.Elems) != len(want.Elems) {
		return false
	}
	if got.Int != want.Int {
		limit := tolerance(args)
		if limit == 0 || min(got.Int, want.Int) <= 1000 || max(got.Int-want.Int, want.Int-got.Int) > limit {
			return false
		}
	}
	if got.Text != want.Text && (got.Err() != nil || !sameNumber(got.Text, want.Text)) {
		return false
	}
	for i := range got.Elems {
		if !alike(args, got.Elems[i], want.Elems[i]) {
			return false
		}
	}
	return true
}

// sameNumber tells whether two texts are one double, printed in two ways.
func sameNumber(a, b string) bool {
	x, okX := num.ParseFloat([]byte(a))
	y, okY := num.ParseFloat([]byte(b))
	return okX && okY && x == y && strings.ContainsAny(a+b, ".e")
}

// canonical gives equal texts for the two ways of printing a double.
func canonical(text string) string {
	if f, ok := num.ParseFloat([]byte(text)); ok && len(text) > 14 {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return text
}

// normalEvents takes out of a command's events what is known to differ: SORT looks
// the keys of the patterns up in the order of a table.
func normalEvents(args, events []string) []string {
	if len(args) > 0 && strings.HasPrefix(strings.ToLower(args[0]), "sort") {
		events = slices.Clone(events)
		slices.Sort(events)
	}
	return events
}

// sameLog compares two logged commands. Times that were relative may differ by
// the milliseconds between the two executions.
func sameLog(got, want []string) bool {
	if len(got) != len(want) {
		// 7.2 leaves SET with PXAT as it was sent; 7.0 logs SET key value PXAT ms.
		return strings.EqualFold(got[0], "set") && len(want) == 5 && want[3] == "PXAT" &&
			got[1] == want[1] && got[2] == want[2] && slices.Contains(got[3:], want[4])
	}
	for i := range got {
		switch {
		case got[i] == want[i] || near(got[i], want[i], 5000):
		case (got[0] == "XCLAIM" || got[0] == "XADD") && got[i] == want[i]+"-0": // 7.0 repeats what was sent
		case !strings.EqualFold(got[i], want[i]):
			return false
		case i > 0 && !isWord(got[i]):
			return false
		}
	}
	return true
}

// isWord: 7.0 always logs SET key value PXAT in upper case, 7.2 as it was sent.
func isWord(s string) bool { return strings.EqualFold(s, "PXAT") }

// near tells whether two texts are times, that is large numbers, which differ by
// at most limit.
func near(a, b string, limit int64) bool {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	return errX == nil && errY == nil && min(x, y) > 1e9 && max(x-y, y-x) <= limit
}

// isExtra tells what redisd logs and Redis forgets: a BITFIELD whose steps all failed
// (OVERFLOW FAIL) has made the string longer all the same; a PFADD that comes upon
// damage has added what stood before it.
func isExtra(argv [][]byte, fx *command.Effects, failed bool) bool {
	isSet := func(e command.Event) bool { return e.Name == "setbit" }
	return command.Is(argv[0], "BITFIELD") && fx.Dirty == 1 && !slices.ContainsFunc(fx.Events(), isSet) ||
		command.Is(argv[0], "PFADD") && fx.Dirty > 0 && failed
}

// onlyOneLogs: 7.0 lets what a consumer claims tell that it was created, and XCLAIM
// that a group has read on, which loses the number of entries that it has read.
func onlyOneLogs(words []string) bool {
	is := func(i int, w string) bool { return strings.EqualFold(words[i], w) }
	return is(0, "XGROUP") && (len(words) == 5 && is(1, "CREATECONSUMER") || len(words) == 7 && is(1, "SETID") && is(5, "ENTRIESREAD"))
}
