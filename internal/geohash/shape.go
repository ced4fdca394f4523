package geohash

import "math"

// Shape is an area around a place: a circle, or a box whose width is measured along the parallel of each place in it.
type Shape struct {
	Box           bool
	Radius        float64 // of a circle, in Unit
	Width, Height float64 // of a box, in Unit
	Unit          float64 // meters

	center point
	most   float64 // no place in a circle has a haversine above it; 0: not computed yet
}

// SetCenter says where the middle is, degrees.
func (s *Shape) SetCenter(longitude, latitude float64) { s.center = centre(longitude, latitude) }

// Contains tells whether a place is in the shape, and how far it is from the middle, meters.
func (s *Shape) Contains(longitude, latitude float64) (meters float64, ok bool) {
	c := &s.center
	if !s.Box {
		return s.inCircle(longitude, latitude)
	}
	if c.latDistance(latitude) > s.Height*s.Unit/2 {
		return 0, false
	}
	if Distance(longitude, latitude, c.lon, latitude) > s.Width*s.Unit/2 {
		return 0, false
	}
	return c.distance(longitude, latitude), true
}

// inCircle is Contains for a circle. Places outside are told apart before the distance is known; the margins are far
// above what rounding can do.
func (s *Shape) inCircle(longitude, latitude float64) (meters float64, ok bool) {
	const margin = 1 + 1e-9
	c, limit := &s.center, s.Radius*s.Unit
	if c.latDistance(latitude) > limit*margin+1e-6 { // the way north or south is never longer than the whole
		return 0, false
	}
	if s.most == 0 {
		s.most = math.Inf(1)
		if half := limit / (2 * earthRadius); half < math.Pi/2 {
			s.most = math.Pow(math.Sin(half), 2)*margin + 1e-25
		}
	}
	h, meridian := c.haversine(longitude, latitude)
	switch {
	case meridian:
		meters = c.latDistance(latitude)
	case h > s.most:
		return 0, false
	default:
		meters = arc(h)
	}
	return meters, !(meters > limit)
}

// reach is the distance from the middle to the farthest point, meters.
func (s *Shape) reach() float64 {
	if !s.Box {
		return s.Radius * s.Unit
	}
	w, h := s.Width/2, s.Height/2
	return math.Sqrt(float64(w*w)+float64(h*h)) * s.Unit
}

// bounds is a box of degrees around the shape.
func (s *Shape) bounds() area {
	c := &s.center
	height, width := s.Unit*s.Radius, s.Unit*s.Radius
	if s.Box {
		height, width = s.Unit*(s.Height/2), s.Unit*(s.Width/2)
	}
	dLat := degrees(height / earthRadius)
	// Parallels are shorter towards the pole: the side of the box that is nearer to it counts.
	side := c.lat + dLat
	if c.lat < 0 {
		side = c.lat - dLat
	}
	dLon := degrees(width / earthRadius / math.Cos(radians(side)))
	return area{west: c.lon - dLon, east: c.lon + dLon, south: c.lat - dLat, north: c.lat + dLat}
}

// stepFor estimates the step at which nine cells cover the reach at a latitude.
func stepFor(reach, latitude float64) uint8 {
	const halfWorld = 20037726.37 // meters
	if reach == 0 {
		return MaxStep
	}
	step := 1
	for ; reach < halfWorld; reach *= 2 {
		step++
	}
	step -= 2
	if north := math.Abs(latitude); north > 80 {
		step -= 2
	} else if north > 66 {
		step--
	}
	return uint8(min(max(step, 1), MaxStep))
}

// The places in Cells.
const (
	middle = iota
	north
	south
	east
	west
	northEast
	northWest
	southEast
	southWest
)

// Cells are the cells that the shape lies in: the middle one and up to eight around it; zero ones do not count.
func (s *Shape) Cells() [9]Cell {
	c, b := &s.center, s.bounds()
	step := stepFor(s.reach(), c.lat)
	cells := around(c, step)
	if step > 1 && (cells[north].area().north < b.north || cells[south].area().south > b.south ||
		cells[east].area().east < b.east || cells[west].area().west > b.west) {
		// The middle is so near to an edge that the neighbours do not reach far enough.
		step--
		cells = around(c, step)
	}
	if step < 2 {
		return cells
	}
	drop := func(which ...int) {
		for _, i := range which {
			cells[i] = Cell{}
		}
	}
	a := cells[middle].area()
	if a.south < b.south {
		drop(south, southWest, southEast)
	}
	if a.north > b.north {
		drop(north, northEast, northWest)
	}
	if a.west < b.west {
		drop(west, southWest, northWest)
	}
	if a.east > b.east {
		drop(east, southEast, northEast)
	}
	return cells
}

func around(c *point, step uint8) [9]Cell {
	m := Encode(c.lon, c.lat, step)
	return [9]Cell{
		middle: m, north: m.move(0, 1), south: m.move(0, -1), east: m.move(1, 0), west: m.move(-1, 0),
		northEast: m.move(1, 1), northWest: m.move(-1, 1), southEast: m.move(1, -1), southWest: m.move(-1, -1),
	}
}
