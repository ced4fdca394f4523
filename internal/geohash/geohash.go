package geohash

import "math"

// Limits of what has a place: degrees.
const (
	MaxLongitude = 180.0
	MaxLatitude  = 85.05112878
)

// MaxStep is the step of the scores of places.
const MaxStep = 26

// Cell is a cell of the world: 2*Step bits. The zero Cell is none.
type Cell struct {
	Bits uint64
	Step uint8
}

// Valid tells whether a place can be encoded.
func Valid(longitude, latitude float64) bool {
	return longitude >= -MaxLongitude && longitude <= MaxLongitude && latitude >= -MaxLatitude && latitude <= MaxLatitude
}

// Encode is the cell of a place, which must be Valid.
func Encode(longitude, latitude float64, step uint8) Cell {
	return encode(longitude, latitude, MaxLatitude, step)
}

func encode(longitude, latitude, maxLatitude float64, step uint8) Cell {
	scale := float64(uint64(1) << step)
	lat := (latitude + maxLatitude) / (maxLatitude + maxLatitude) * scale
	lon := (longitude + MaxLongitude) / (MaxLongitude + MaxLongitude) * scale
	return Cell{spread(uint32(lat)) | spread(uint32(lon))<<1, step}
}

// Score is the score of a place, which must be Valid.
func Score(longitude, latitude float64) uint64 { return Encode(longitude, latitude, MaxStep).Bits }

// Place is where the place with a score is: the middle of its cell. Any score gives something, as in Redis.
func Place(score float64) (longitude, latitude float64) {
	a := Cell{scoreBits(score), MaxStep}.area()
	longitude = clamp((a.west+a.east)/2, MaxLongitude)
	latitude = clamp((a.south+a.north)/2, MaxLatitude)
	return longitude, latitude
}

func clamp(v, limit float64) float64 { return min(max(v, -limit), limit) }

// scoreBits converts a score as the machine does: what is out of range wraps or becomes 0 or 1<<63.
func scoreBits(score float64) uint64 {
	const top = 1 << 63
	switch {
	case score >= 2*top:
		return 0
	case score >= top:
		return uint64(score-top) | top
	case score < -top:
		return top
	}
	return uint64(int64(score))
}

// area is the extent of a cell, degrees.
type area struct{ west, east, south, north float64 }

func (c Cell) area() area {
	scale := 1 / float64(uint64(1)<<c.Step)
	lat, lon := gather(c.Bits), gather(c.Bits>>1)
	return area{
		west:  -MaxLongitude + float64(float64(lon)*scale)*(MaxLongitude+MaxLongitude),
		east:  -MaxLongitude + float64(float64(lon+1)*scale)*(MaxLongitude+MaxLongitude),
		south: -MaxLatitude + float64(float64(float64(lat)*scale)*(MaxLatitude+MaxLatitude)),
		north: -MaxLatitude + float64(float64(float64(lat+1)*scale)*(MaxLatitude+MaxLatitude)),
	}
}

// Scores is the range of the scores in a cell; the end is not in it.
func (c Cell) Scores() (from, to uint64) {
	shift := 52 - 2*c.Step
	return c.Bits << shift, (c.Bits + 1) << shift
}

// move is the cell so many cells east and north, around the world in both directions.
func (c Cell) move(east, north int) Cell {
	mask := uint32(1)<<c.Step - 1
	lat, lon := gather(c.Bits), gather(c.Bits>>1)
	if east != 0 {
		lon = (lon + uint32(east)) & mask
	}
	if north != 0 {
		lat = (lat + uint32(north)) & mask
	}
	return Cell{spread(lat) | spread(lon)<<1, c.Step}
}

// spread puts the bits of v into the even places.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// gather is the inverse of spread; odd places are ignored.
func gather(x uint64) uint32 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}

// alphabet is the one of geohash texts, base 32.
const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// TextLen is the length of a geohash text.
const TextLen = 11

// Text is the geohash of a place as other systems write it, whose world is 180 degrees high. 52 bits make ten
// characters and a bit; the last character is always 0.
func Text(longitude, latitude float64) (text [TextLen]byte) {
	bits := encode(longitude, latitude, 90, MaxStep).Bits
	for i := range text {
		if i < TextLen-1 {
			text[i] = alphabet[bits>>(52-5*(i+1))&31]
		} else {
			text[i] = alphabet[0]
		}
	}
	return text
}

// earthRadius is the mean one, meters.
const earthRadius = 6372797.560856

func radians(degrees float64) float64 { return degrees * (math.Pi / 180) }
func degrees(radians float64) float64 { return radians / (math.Pi / 180) }

// Distance is the great circle distance of two places, meters.
func Distance(lon1, lat1, lon2, lat2 float64) float64 {
	c := centre(lon1, lat1)
	return c.distance(lon2, lat2)
}

// point is a place with what distances from it need again and again.
type point struct{ lon, lat, lonRad, latRad, cosLat float64 }

func centre(lon, lat float64) point {
	p := point{lon: lon, lat: lat, lonRad: radians(lon), latRad: radians(lat)}
	p.cosLat = math.Cos(p.latRad)
	return p
}

func (p *point) distance(lon, lat float64) float64 {
	h, meridian := p.haversine(lon, lat)
	if meridian {
		return p.latDistance(lat)
	}
	return arc(h)
}

// haversine is the square of the sine of half the angle between the places, unless both are on one meridian.
func (p *point) haversine(lon, lat float64) (h float64, meridian bool) {
	v := math.Sin((radians(lon) - p.lonRad) / 2)
	if v == 0 {
		return 0, true
	}
	latRad := radians(lat)
	u := math.Sin((latRad - p.latRad) / 2)
	// The conversions keep a machine that has it from fusing the multiplication with the addition.
	return float64(u*u) + float64(float64(float64(p.cosLat*math.Cos(latRad))*v)*v), false
}

// arc is the distance that a haversine stands for.
func arc(h float64) float64 { return 2 * earthRadius * math.Asin(math.Sqrt(h)) }

// latDistance is the distance along the meridian.
func (p *point) latDistance(lat float64) float64 {
	return earthRadius * math.Abs(radians(lat)-p.latRad)
}
