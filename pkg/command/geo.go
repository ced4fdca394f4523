package command

import (
	"math"
	"strconv"

	"redisd/internal/geohash"
	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// Places: members of a sorted set whose scores are positions. Searches have a file of
// their own.

func geoSpecs() []Spec {
	return append(geoMemberSpecs(), append(geoSearchSpecs(), geoRadiusSpecs()...)...)
}

// unitArg documents a unit of length.
func unitArg() Arg { return oneOf("unit", word("M"), word("KM"), word("FT"), word("MI")) }

func geoMemberSpecs() []Spec {
	return []Spec{
		{Name: "geoadd", Arity: -5, Flags: Write | DenyOOM, Group: "geo", Since: "3.2.0", Handler: geoadd,
			Summary:    "Adds places to a sorted set, or moves those that are there.",
			Complexity: docLogNEach,
			History:    [][2]string{{"6.2.0", "The options `CH`, `NX` and `XX`."}},
			Keys:       OneKey(1, KeyRW|KeyUpdate),
			Args: oneKeyArg(optional(oneOf("condition", word("NX"), word("XX")), "6.2.0"),
				optional(Arg{Name: "change", Type: "pure-token", Token: "CH"}, "6.2.0"),
				many(Arg{Name: "longitude_latitude_member", Type: "block",
					Sub: []Arg{arg("longitude", "double"), arg("latitude", "double"), arg("member", "string")}}))},
		{Name: "geodist", Arity: -4, Flags: ReadOnly, Group: "geo", Since: "3.2.0", Handler: geodist,
			Summary:    "Returns the distance between two places.",
			Complexity: docLogN,
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(arg("member1", "string"), arg("member2", "string"), optional(unitArg(), ""))},
		{Name: "geohash", Arity: -2, Flags: ReadOnly, Group: "geo", Since: "3.2.0", Handler: geohashes,
			Summary:    "Returns the geohash texts of places.",
			Complexity: docONMembers,
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(many(arg("member", "string")))},
		{Name: "geopos", Arity: -2, Flags: ReadOnly, Group: "geo", Since: "3.2.0", Handler: geopos,
			Summary:    "Returns the longitudes and latitudes of places.",
			Complexity: docONMembers,
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(many(arg("member", "string")))},
	}
}

// position reads a longitude and a latitude; when they are no good it replies the error.
func (c *Ctx) position(args [][]byte) (longitude, latitude float64, ok bool) {
	if longitude, ok = c.Float(args[0]); !ok {
		return 0, 0, false
	}
	if latitude, ok = c.Float(args[1]); !ok {
		return 0, 0, false
	}
	if !geohash.Valid(longitude, latitude) {
		c.Out.Errorf("ERR invalid longitude,latitude pair %s,%s", sixDigits(longitude), sixDigits(latitude))
		return 0, 0, false
	}
	return longitude, latitude, true
}

// sixDigits prints as C's %f does.
func sixDigits(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// geoUnit reads a unit of length into meters; when it is none it replies the error.
func (c *Ctx) geoUnit(arg []byte) (meters float64, ok bool) {
	switch {
	case Is(arg, "M"):
		return 1, true
	case Is(arg, "KM"):
		return 1000, true
	case Is(arg, "FT"):
		return 0.3048, true
	case Is(arg, "MI"):
		return 1609.34, true
	}
	c.Out.Error("ERR unsupported unit provided. please use M, KM, FT, MI")
	return 0, false
}

func geoadd(c *Ctx) {
	var o zaddOptions
	args := c.Args[2:]
	n := 0
	for n < len(args) && (Is(args[n], "NX") || Is(args[n], "XX") || Is(args[n], "CH")) {
		n++
	}
	o.parse(args[:n])
	options, args := args[:n], args[n:]
	if len(args)%3 != 0 || o.how == keyspace.ZNX|keyspace.ZXX {
		c.Out.Error(ErrSyntax)
		return
	}
	words := make([][]byte, 0, 2+n+len(args)/3*2)
	words = append(append(words, wordZAdd, c.Args[1]), options...)
	for ; len(args) > 0; args = args[3:] {
		longitude, latitude, ok := c.position(args)
		if !ok {
			return
		}
		words = append(words, c.Fx.Int(int64(geohash.Score(longitude, latitude))), args[2])
	}
	pairs := words[2+n:]
	if len(pairs) == 0 {
		c.Out.Error(ErrSyntax)
		return
	}
	c.putScores(pairs, o)
	c.Fx.Replace(words...)
}

func geohashes(c *Ctx) {
	c.eachPlace(func(longitude, latitude float64, ok bool) {
		if !ok {
			c.Out.Null()
			return
		}
		text := geohash.Text(longitude, latitude)
		c.Out.Bulk(text[:])
	})
}

func geopos(c *Ctx) {
	c.eachPlace(func(longitude, latitude float64, ok bool) {
		if !ok {
			c.Out.NullArray()
			return
		}
		c.replyPlace(longitude, latitude)
	})
}

func (c *Ctx) replyPlace(longitude, latitude float64) {
	c.Out.Array(2)
	c.Out.LongDouble(num.LongDoubleFromFloat(longitude))
	c.Out.LongDouble(num.LongDoubleFromFloat(latitude))
}

// eachPlace replies an array with what fn writes for each of the members that are
// given; ok is false for one that is not there.
func (c *Ctx) eachPlace(fn func(longitude, latitude float64, ok bool)) {
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		score, ok := 0.0, false
		if found {
			score, ok = z.Score(m)
		}
		longitude, latitude := geohash.Place(score)
		fn(longitude, latitude, ok)
	}
}

func geodist(c *Ctx) {
	meters := 1.0
	switch {
	case len(c.Args) > 5:
		c.Out.Error(ErrSyntax)
		return
	case len(c.Args) == 5:
		var ok bool
		if meters, ok = c.geoUnit(c.Args[4]); !ok {
			return
		}
	}
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	var a, b float64
	if found {
		a, found = z.Score(c.Args[2])
	}
	if found {
		b, found = z.Score(c.Args[3])
	}
	if !found {
		c.Out.Null()
		return
	}
	lon1, lat1 := geohash.Place(a)
	lon2, lat2 := geohash.Place(b)
	c.replyDistance(geohash.Distance(lon1, lat1, lon2, lat2) / meters)
}

// replyDistance writes a distance with four digits behind the point, in both protocols
// as a string.
func (c *Ctx) replyDistance(d float64) {
	var text [32]byte
	n := int64(math.RoundToEven(d * 10000))
	b := text[:0]
	u := uint64(n)
	if n < 0 {
		b, u = append(b, '-'), -u
	}
	b = append(num.AppendUint(b, u/10000), '.')
	rest := u%10000 + 10000 // with its zeros
	b = num.AppendUint(b, rest)
	at := len(b) - 5
	b = append(b[:at], b[at+1:]...)
	c.Out.Bulk(b)
}
