package command_test

import (
	"testing"

	"redisd/internal/check"
)

// sicily is the example of Redis's documents; the answers are Redis's.
const sicily = "geoadd k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"

func TestGeoMembers(t *testing.T) {
	runSpecs(t, []spec{
		{"geoadd", "", "geoadd k 13.361389 38.115556 Palermo", ":1", 1, "ZADD k 3479099956230698 Palermo", "n:new:k z:zadd:k"},
		{"geoadd moves", sicily, "geoadd k ch xx 13 38 Palermo 14 38 x", ":1", 1,
			"ZADD k ch xx 3479065152021743 Palermo 3479107959090919 x", "z:zadd:k"},
		{"geoadd same", sicily, "geoadd k 13.361389 38.115556 Palermo", ":0", 0, "", ""},
		{"geoadd nx and xx", "", "geoadd k nx xx 1 2 a", "-ERR syntax error", 0, "", ""},
		{"geoadd words missing", "", "geoadd k 1 2 a 3", "-ERR syntax error", 0, "", ""},
		{"geoadd options only", "", "geoadd k nx ch ch", "-ERR syntax error", 0, "", ""},
		{"geoadd outside", "", "geoadd k 181 86.5 a", "-ERR invalid longitude,latitude pair 181.000000,86.500000", 0, "", ""},
		{"geoadd infinite", "", "geoadd k inf 1 a", "-ERR invalid longitude,latitude pair inf,1.000000", 0, "", ""},
		{"geoadd no number", "", "geoadd k x 1 a", "-ERR value is not a valid float", 0, "", ""},
		{"geodist", sicily, "geodist k Palermo Catania", "$11 166274.1516", 0, "", ""},
		{"geodist km", sicily, "geodist k Palermo Catania KM", "$8 166.2742", 0, "", ""},
		{"geodist mi", sicily, "geodist k Palermo Catania mi", "$8 103.3182", 0, "", ""},
		{"geodist of nothing", sicily, "geodist k Palermo Palermo", "$6 0.0000", 0, "", ""},
		{"geodist of none", sicily, "geodist k Palermo x", "$-1", 0, "", ""},
		{"geodist without a key", "", "geodist k Palermo x", "$-1", 0, "", "m:keymiss:k"},
		{"geodist bad unit", sicily, "geodist k Palermo Catania inch",
			"-ERR unsupported unit provided. please use M, KM, FT, MI", 0, "", ""},
		{"geohash", sicily, "geohash k Palermo x Catania", "*3 $11 sqc8b49rny0 $-1 $11 sqdtr74hyu0", 0, "", ""},
		{"geohash without a key", "", "geohash k x", "*1 $-1", 0, "", "m:keymiss:k"},
		{"geopos", sicily, "geopos k Palermo x", "*2 *2 $20 13.36138933897018433 $20 38.11555639549629859 *-1", 0, "", ""},
		{"wrong type", "set k v", "geopos k x", wrongType, 0, "", ""},
	})
}

func TestGeoSearch(t *testing.T) {
	const edges = sicily + "; geoadd k 12.758489 38.788135 edge1 17.241510 38.788135 edge2"
	runSpecs(t, []spec{
		{"circle", sicily, "geosearch k fromlonlat 15 37 byradius 200 km asc", "*2 $7 Catania $7 Palermo", 0, "", ""},
		{"circle descending", sicily, "geosearch k fromlonlat 15 37 byradius 200 km desc", "*2 $7 Palermo $7 Catania", 0, "", ""},
		{"smaller circle", sicily, "geosearch k fromlonlat 15 37 byradius 100 km", "*1 $7 Catania", 0, "", ""},
		{"box", edges, "geosearch k fromlonlat 15 37 bybox 400 400 km asc withdist",
			"*4 *2 $7 Catania $7 56.4413 *2 $7 Palermo $8 190.4424 *2 $5 edge2 $8 279.7403 *2 $5 edge1 $8 279.7405", 0, "", ""},
		{"from a member", edges, "geosearch k frommember Palermo byradius 100 km asc count 2", "*2 $7 Palermo $5 edge1", 0, "", ""},
		{"count", edges, "geosearch k frommember Palermo byradius 9999 km count 1", "*1 $7 Palermo", 0, "", ""},
		{"all parts", sicily, "geosearch k frommember Palermo byradius 1 m withcoord withdist withhash",
			"*1 *4 $7 Palermo $6 0.0000 :3479099956230698 *2 $20 13.36138933897018433 $20 38.11555639549629859", 0, "", ""},
		{"no key", "", "geosearch k frommember Palermo byradius 1 m", "*0", 0, "", "m:keymiss:k"},
		{"no member", sicily, "geosearch k frommember x byradius 1 m", "-ERR could not decode requested zset member", 0, "", ""},
		{"no middle", sicily, "GeoSearch k byradius 1 m asc count 1",
			"-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GeoSearch", 0, "", ""},
		{"no shape", sicily, "geosearch k fromlonlat 1 2 asc count 1",
			"-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch", 0, "", ""},
		{"two middles", sicily, "geosearch k fromlonlat 1 2 frommember Palermo byradius 1 m", "-ERR syntax error", 0, "", ""},
		{"two shapes", sicily, "geosearch k fromlonlat 1 2 byradius 1 m bybox 1 1 m", "-ERR syntax error", 0, "", ""},
		{"any without count", sicily, "geosearch k fromlonlat 1 2 byradius 1 m any",
			"-ERR the ANY argument requires COUNT argument", 0, "", ""},
		{"count 0", sicily, "geosearch k fromlonlat 1 2 byradius 1 m count 0", "-ERR COUNT must be > 0", 0, "", ""},
		{"negative radius", sicily, "geosearch k fromlonlat 1 2 byradius -1 m", "-ERR radius cannot be negative", 0, "", ""},
		{"bad radius", sicily, "geosearch k fromlonlat 1 2 byradius x m", "-ERR need numeric radius", 0, "", ""},
		{"bad width", sicily, "geosearch k fromlonlat 1 2 bybox x 1 m", "-ERR need numeric width", 0, "", ""},
		{"bad height", sicily, "geosearch k fromlonlat 1 2 bybox 1 x m", "-ERR need numeric height", 0, "", ""},
		{"negative box", sicily, "geosearch k fromlonlat 1 2 bybox 1 -1 m", "-ERR height or width cannot be negative", 0, "", ""},
		{"storedist of a search", sicily, "geosearch k fromlonlat 1 2 byradius 1 m storedist", "-ERR syntax error", 0, "", ""},
		{"wrong type", "set k v", "geosearch k x x x x x", wrongType, 0, "", ""},
	})
}

func TestGeoStoreAndRadius(t *testing.T) {
	const store = "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
	runSpecs(t, []spec{
		{"geosearchstore", sicily, "geosearchstore d k fromlonlat 15 37 byradius 200 km", ":2", 2, "=", "n:new:d z:geosearchstore:d"},
		{"geosearchstore over itself", sicily, "geosearchstore k k fromlonlat 15 37 byradius 100 km storedist", ":1", 1, "=",
			"z:geosearchstore:k"},
		{"geosearchstore nothing", sicily + "; set d v", "geosearchstore d k fromlonlat 0 0 byradius 1 km", ":0", 1, "=", "g:del:d"},
		{"geosearchstore without a key", "set d v", "geosearchstore d k fromlonlat 0 0 byradius 1 km", ":0", 1, "=",
			"m:keymiss:k g:del:d"},
		{"geosearchstore withdist", sicily, "geosearchstore d k fromlonlat 0 0 byradius 1 km withdist",
			"-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options", 0, "", ""},
		{"georadius", sicily, "georadius k 15 37 200 km asc", "*2 $7 Catania $7 Palermo", 0, "", ""},
		{"georadius store", sicily, "georadius k 15 37 200 km store d", ":2", 2, "=", "n:new:d z:georadiusstore:d"},
		{"georadius storedist", sicily, "georadius k 15 37 200 km storedist d", ":2", 2, "=", "n:new:d z:georadiusstore:d"},
		{"georadius store and withdist", sicily, "georadius k 15 37 200 km store d withdist", store, 0, "", ""},
		{"georadiusbymember", sicily, "georadiusbymember k Catania 200 km desc", "*2 $7 Palermo $7 Catania", 0, "", ""},
		{"georadiusbymember without a key", "", "georadiusbymember k Catania x parsec", "*0", 0, "", "m:keymiss:k"},
		{"options of geosearch", sicily, "georadius k 15 37 200 km byradius 1 m", "-ERR syntax error", 0, "", ""},
	})
}

func TestReadOnlyGeoRadius(t *testing.T) {
	s := newSession(t)
	s.run(sicily)
	exec := func(name, rest string) string { return s.exec(append([][]byte{[]byte(name)}, words(rest)...)) }
	check.Eq(t, exec("georadius_ro", "k 15 37 200 km count 1"), "*1 $7 Catania")
	check.Eq(t, exec("georadius_ro", "k 15 37 200 km store d"), "-ERR syntax error")
	check.Eq(t, exec("georadiusbymember_ro", "k Catania 1 km"), "*1 $7 Catania")
}
