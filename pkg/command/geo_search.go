package command

import (
	"cmp"
	"slices"

	"redisd/internal/geohash"
	"redisd/pkg/keyspace"
)

// GEOSEARCH and GEORADIUS: the places in a circle or a box.

const docGeo = "O(N+log(M)) with N places in the cells around the area and M in the sorted set."

// geoOptionArgs documents the options that all searches share; any is since when ANY is.
func geoOptionArgs(any string) (count, order Arg, with []Arg) {
	flag := func(token string) Arg { return optional(word(token), "") }
	count = optional(Arg{Name: "count", Type: "block",
		Sub: []Arg{{Name: "count", Type: "integer", Token: "COUNT"}, optional(word("ANY"), any)}}, "")
	order = optional(oneOf("order", word("ASC"), word("DESC")), "")
	return count, order, []Arg{flag("WITHCOORD"), flag("WITHDIST"), flag("WITHHASH")}
}

func geoSearchSpecs() []Spec {
	count, order, extras := geoOptionArgs("")
	shape := []Arg{
		oneOf("from", with("FROMMEMBER", "member", "string"), Arg{Name: "longitude_latitude", Type: "block",
			Token: "FROMLONLAT", Sub: []Arg{arg("longitude", "double"), arg("latitude", "double")}}),
		oneOf("by", Arg{Name: "circle", Type: "block", Sub: []Arg{with("BYRADIUS", "radius", "double"), unitArg()}},
			Arg{Name: "box", Type: "block",
				Sub: []Arg{with("BYBOX", "width", "double"), arg("height", "double"), unitArg()}}),
		order, count,
	}
	return []Spec{
		{Name: "geosearch", Arity: -7, Flags: ReadOnly, Group: "geo", Since: "6.2.0", Handler: geosearch,
			Summary:    "Returns the places in a circle or a box.",
			Complexity: docGeo,
			History:    [][2]string{{"7.0.0", "Units in upper case."}},
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(slices.Concat(shape, extras)...)},
		{Name: "geosearchstore", Arity: -8, Flags: Write | DenyOOM, Group: "geo", Since: "6.2.0",
			Handler:    geosearchstore,
			Summary:    "Stores the places in a circle or a box.",
			Complexity: docGeo,
			History:    [][2]string{{"7.0.0", "Units in upper case."}},
			Keys:       []KeySpec{OneKey(1, KeyOW|KeyUpdate)[0], OneKey(2, KeyRO|KeyAccess)[0]},
			Args: slices.Concat([]Arg{keyArg("destination", 0), keyArg("source", 1)}, shape,
				[]Arg{optional(word("STOREDIST"), "")})},
	}
}

func geoRadiusSpecs() []Spec {
	store := []Arg{optional(Arg{Name: "key", Type: "key", Token: "STORE", Key: 2}, ""),
		optional(Arg{Name: "key", Type: "key", Token: "STOREDIST", Key: 3}, "")}
	keys := func(from int) []KeySpec {
		k := KeySpec{Flags: KeyOW | KeyUpdate, Keyword: "STORE", StartFrom: from, Step: 1}
		dist := k
		dist.Keyword = "STOREDIST"
		return []KeySpec{OneKey(1, KeyRO|KeyAccess)[0], k, dist}
	}
	args := func(any string, from []Arg, more ...Arg) []Arg {
		count, order, extras := geoOptionArgs(any)
		return oneKeyArg(slices.Concat(from, []Arg{arg("radius", "double"), unitArg()}, extras, []Arg{count, order}, more)...)
	}
	point := []Arg{arg("longitude", "double"), arg("latitude", "double")}
	member := []Arg{arg("member", "string")}
	return []Spec{
		{Name: "georadius", Arity: -6, Flags: Write | DenyOOM, Group: "geo", Since: "3.2.0", Handler: georadius,
			Summary:    "Returns or stores the places within a distance of a point.",
			Complexity: docGeo,
			Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
			History: [][2]string{{"6.2.0", "The option `ANY` of `COUNT`."}, {"7.0.0", "Units in upper case."}},
			Keys:    keys(6), Args: args("6.2.0", point, store...)},
		{Name: "georadius_ro", Arity: -6, Flags: ReadOnly, Group: "geo", Since: "3.2.10", Handler: georadiusRO,
			Summary:    "Returns the places within a distance of a point.",
			Complexity: docGeo,
			Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` argument",
			History: [][2]string{{"6.2.0", "The option `ANY` of `COUNT`."}},
			Keys:    OneKey(1, KeyRO|KeyAccess), Args: args("6.2.0", point)},
		{Name: "georadiusbymember", Arity: -5, Flags: Write | DenyOOM, Group: "geo", Since: "3.2.0",
			Handler:    georadiusbymember,
			Summary:    "Returns or stores the places within a distance of another one.",
			Complexity: docGeo,
			Deprecated: "6.2.0",
			ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
			History:    [][2]string{{"7.0.0", "Units in upper case."}},
			Keys:       keys(5), Args: args("", member, store...)},
		{Name: "georadiusbymember_ro", Arity: -5, Flags: ReadOnly, Group: "geo", Since: "3.2.10",
			Handler:    georadiusbymemberRO,
			Summary:    "Returns the places within a distance of another one.",
			Complexity: docGeo,
			Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
			Keys: OneKey(1, KeyRO|KeyAccess), Args: args("", member)},
	}
}

// geoOrder is the order of the results.
type geoOrder uint8

const (
	geoUnordered geoOrder = iota
	geoNearest
	geoFarthest
)

// geoSearch is one search.
type geoSearch struct {
	radius   bool // GEORADIUS and its relatives: the shape stands in front
	mayStore bool // STORE and STOREDIST are options that name a key
	storing  bool // the result goes to the key store
	store    []byte
	distance bool // distances are stored as scores

	z     keyspace.SortedSet
	found bool
	shape geohash.Shape
	from  geoGiven // what the middle was given by
	by    geoGiven // what the shape was given by

	withDist, withHash, withCoord, any bool

	order geoOrder
	count int64 // 0: all
}

// geoGiven says which of two alternatives was given.
type geoGiven uint8

const (
	givenNot    geoGiven = iota
	givenFirst           // FROMMEMBER, BYRADIUS
	givenSecond          // FROMLONLAT, BYBOX
)

// geoPoint is a place that was found.
type geoPoint struct {
	place    uint64 // for SortedSet.MemberAt
	distance float64
	score    float64
	at       int // how many were found before it: places of one distance stay in that order
}

func geosearch(c *Ctx) {
	var s geoSearch
	c.geoSearch(&s, c.Args[1], c.Args[2:])
}

func geosearchstore(c *Ctx) {
	s := geoSearch{storing: true, store: c.Args[1]}
	c.geoSearch(&s, c.Args[2], c.Args[3:])
}

func georadius(c *Ctx) { c.geoRadius(true) }

func georadiusRO(c *Ctx) { c.geoRadius(false) }

func georadiusbymember(c *Ctx) { c.geoRadiusByMember(true) }

func georadiusbymemberRO(c *Ctx) { c.geoRadiusByMember(false) }

func (c *Ctx) geoSearch(s *geoSearch, key []byte, options [][]byte) {
	var good bool
	if s.z, s.found, good = c.readZSet(key); good && s.parse(c, options) && s.complete(c) {
		c.geoReply(s)
	}
}

func (c *Ctx) geoRadius(mayStore bool) {
	s := geoSearch{radius: true, mayStore: mayStore}
	var good bool
	if s.z, s.found, good = c.readZSet(c.Args[1]); !good {
		return
	}
	longitude, latitude, ok := c.position(c.Args[2:])
	if !ok || !s.parseRadius(c, c.Args[4:]) {
		return
	}
	s.shape.SetCenter(longitude, latitude)
	if s.parse(c, c.Args[6:]) && s.complete(c) {
		c.geoReply(&s)
	}
}

func (c *Ctx) geoRadiusByMember(mayStore bool) {
	s := geoSearch{radius: true, mayStore: mayStore}
	var good bool
	if s.z, s.found, good = c.readZSet(c.Args[1]); !good {
		return
	}
	// Without a key the radius is not even looked at, as in Redis.
	if s.found && !(s.centerAt(c, c.Args[2]) && s.parseRadius(c, c.Args[3:])) {
		return
	}
	if s.parse(c, c.Args[5:]) && s.complete(c) {
		c.geoReply(&s)
	}
}

// centerAt puts the middle at a member; when it is not there it replies the error.
func (s *geoSearch) centerAt(c *Ctx, member []byte) bool {
	score, ok := s.z.Score(member)
	if !ok {
		c.Out.Error("ERR could not decode requested zset member")
		return false
	}
	s.shape.SetCenter(geohash.Place(score))
	return true
}

// parseRadius reads a radius and its unit; when they are no good it replies the error.
func (s *geoSearch) parseRadius(c *Ctx, args [][]byte) (ok bool) {
	if s.shape.Radius, ok = c.float(args[0], "ERR need numeric radius"); !ok {
		return false
	}
	if s.shape.Radius < 0 {
		c.Out.Error("ERR radius cannot be negative")
		return false
	}
	s.shape.Unit, ok = c.geoUnit(args[1])
	return ok
}

// parseBox reads a width, a height and their unit; when they are no good it replies
// the error.
func (s *geoSearch) parseBox(c *Ctx, args [][]byte) (ok bool) {
	if s.shape.Width, ok = c.float(args[0], "ERR need numeric width"); !ok {
		return false
	}
	if s.shape.Height, ok = c.float(args[1], "ERR need numeric height"); !ok {
		return false
	}
	if s.shape.Width < 0 || s.shape.Height < 0 {
		c.Out.Error("ERR height or width cannot be negative")
		return false
	}
	s.shape.Box = true
	s.shape.Unit, ok = c.geoUnit(args[2])
	return ok
}

// parse reads the options; when they are no good it replies the error.
func (s *geoSearch) parse(c *Ctx, args [][]byte) bool {
	for i := 0; i < len(args); i++ {
		more := args[i+1:]
		switch a := args[i]; {
		case Is(a, "WITHDIST"):
			s.withDist = true
		case Is(a, "WITHHASH"):
			s.withHash = true
		case Is(a, "WITHCOORD"):
			s.withCoord = true
		case Is(a, "ANY"):
			s.any = true
		case Is(a, "ASC"):
			s.order = geoNearest
		case Is(a, "DESC"):
			s.order = geoFarthest
		case len(more) >= 1 && Is(a, "COUNT"):
			var ok bool
			if s.count, ok = c.Int(more[0]); !ok {
				return false
			}
			if s.count <= 0 {
				c.Out.Error("ERR COUNT must be > 0")
				return false
			}
			i++
		case s.mayStore && len(more) >= 1 && (Is(a, "STORE") || Is(a, "STOREDIST")):
			s.storing, s.store, s.distance = true, more[0], len(a) > len("STORE")
			i++
		case !s.radius && s.storing && Is(a, "STOREDIST"):
			s.distance = true
		default:
			n, ok := s.parseShape(c, a, more)
			if !ok {
				return false
			}
			i += n
		}
	}
	return true
}

// parseShape reads an option that GEOSEARCH has and GEORADIUS has not, and tells how
// many words belong to it; when it is none, or no good, it replies the error.
func (s *geoSearch) parseShape(c *Ctx, option []byte, more [][]byte) (n int, ok bool) {
	switch {
	case s.radius:
	case len(more) >= 1 && s.from != givenSecond && Is(option, "FROMMEMBER"):
		s.from = givenFirst
		return 1, !s.found || s.centerAt(c, more[0])
	case len(more) >= 2 && s.from != givenFirst && Is(option, "FROMLONLAT"):
		s.from = givenSecond
		longitude, latitude, ok := c.position(more)
		s.shape.SetCenter(longitude, latitude)
		return 2, ok
	case len(more) >= 2 && s.by != givenSecond && Is(option, "BYRADIUS"):
		s.by = givenFirst
		return 2, s.parseRadius(c, more)
	case len(more) >= 3 && s.by != givenFirst && Is(option, "BYBOX"):
		s.by = givenSecond
		return 3, s.parseBox(c, more)
	}
	c.Out.Error(ErrSyntax)
	return 0, false
}

// complete tells whether the options make sense together; when not it replies the error.
func (s *geoSearch) complete(c *Ctx) bool {
	switch {
	case s.storing && (s.withDist || s.withHash || s.withCoord):
		what := "STORE option in GEORADIUS"
		if !s.radius {
			what = "GEOSEARCHSTORE"
		}
		c.Out.Errorf("ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options", what)
	case !s.radius && s.from == givenNot:
		c.Out.Errorf("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s", c.Args[0])
	case !s.radius && s.by == givenNot:
		c.Out.Errorf("ERR exactly one of BYRADIUS and BYBOX can be specified for %s", c.Args[0])
	case s.any && s.count == 0:
		c.Out.Error("ERR the ANY argument requires COUNT argument")
	default:
		return true
	}
	return false
}

// geoReply carries the search out and replies or stores what it finds.
func (c *Ctx) geoReply(s *geoSearch) {
	if s.count != 0 && s.order == geoUnordered && !s.any {
		s.order = geoNearest
	}
	points := c.geo[:0]
	if s.found {
		points = s.collect(points)
		points = s.arrange(points)
	}
	if cap(points) <= keepEffects {
		c.geo = points[:0]
	}
	if s.storing {
		c.geoStore(s, points)
		return
	}
	parts := 1
	for _, on := range []bool{s.withDist, s.withHash, s.withCoord} {
		if on {
			parts++
		}
	}
	c.Out.Array(len(points))
	for i := range points {
		p := &points[i]
		if parts > 1 {
			c.Out.Array(parts)
		}
		c.Out.Bulk(s.z.MemberAt(p.place))
		if s.withDist {
			c.replyDistance(p.distance / s.shape.Unit)
		}
		if s.withHash {
			c.Out.Int(int64(p.score))
		}
		if s.withCoord {
			c.replyPlace(geohash.Place(p.score))
		}
	}
}

func (c *Ctx) geoStore(s *geoSearch, points []geoPoint) {
	t := c.KS.NewZTemp(len(points))
	for i := range points {
		p := &points[i]
		score, _ := t.Slot(s.z.MemberAt(p.place))
		if *score = p.score; s.distance {
			*score = p.distance / s.shape.Unit
		}
	}
	event := "geosearchstore"
	if s.radius {
		event = "georadiusstore"
	}
	c.storeZSet(s.store, &t, event, int64(len(points)))
}

// collect appends the places in the shape, cell by cell.
func (s *geoSearch) collect(points []geoPoint) []geoPoint {
	limit := s.count
	if !s.any {
		limit = 0
	}
	last := 0
	cells := s.shape.Cells()
	for i, cell := range cells {
		// In a huge shape neighbours may be the same cell.
		if cell == (geohash.Cell{}) || last != 0 && cell == cells[last] {
			continue
		}
		if limit != 0 && int64(len(points)) >= limit {
			break
		}
		last = i
		from, to := cell.Scores()
		end := float64(to)
		for at := s.z.FromScore(float64(from)); at.Valid(); at.Next() {
			score := at.Score()
			if score >= end {
				break
			}
			if meters, ok := s.shape.Contains(geohash.Place(score)); ok {
				points = append(points, geoPoint{at.Place(), meters, score, len(points)})
				if int64(len(points)) == limit {
					break
				}
			}
		}
	}
	return points
}

// arrange puts the places in order and leaves as many as are wanted.
func (s *geoSearch) arrange(points []geoPoint) []geoPoint {
	n := len(points)
	if s.count != 0 && s.count < int64(n) {
		n = int(s.count)
	}
	order := nearestFirst
	switch s.order {
	case geoUnordered:
		return points[:n]
	case geoFarthest:
		order = farthestFirst
	}
	if n < len(points)/2 {
		choosePoints(points, n, order)
		points = points[:n]
	}
	slices.SortFunc(points, order)
	return points[:n]
}

func nearestFirst(a, b geoPoint) int {
	return cmp.Or(cmp.Compare(a.distance, b.distance), a.at-b.at)
}

func farthestFirst(a, b geoPoint) int {
	return cmp.Or(cmp.Compare(b.distance, a.distance), a.at-b.at)
}

// choosePoints brings the n points that come first, n > 0, to the start, in no order: a heap
// with the last of them on top takes in whatever comes before that one.
func choosePoints(points []geoPoint, n int, order func(a, b geoPoint) int) {
	heap := points[:n]
	sink := func(i int) {
		for {
			child := 2*i + 1
			if child >= n {
				return
			}
			if child+1 < n && order(heap[child+1], heap[child]) > 0 {
				child++
			}
			if order(heap[child], heap[i]) <= 0 {
				return
			}
			heap[i], heap[child] = heap[child], heap[i]
			i = child
		}
	}
	for i := n/2 - 1; i >= 0; i-- {
		sink(i)
	}
	for i := n; i < len(points); i++ {
		if order(points[i], heap[0]) < 0 {
			heap[0], points[i] = points[i], heap[0]
			sink(0)
		}
	}
}
