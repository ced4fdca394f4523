package geohash

import (
	"math"
	"math/rand/v2"
	"testing"

	"redisd/internal/check"
)

// The numbers are those of redis-server 7.0.15.
func TestScoreAndPlace(t *testing.T) {
	tests := []struct {
		name     string
		lon, lat float64
		score    uint64
		text     string
	}{
		{"Palermo", 13.361389, 38.115556, 3479099956230698, "sqc8b49rny0"},
		{"Catania", 15.087269, 37.502669, 3479447370796909, "sqdtr74hyu0"},
		{"nowhere", 0, 0, 3377699720527872, "s0000000000"},
		{"south west", -MaxLongitude, -MaxLatitude, 0, "00bh0hbj200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check.Eq(t, Score(tt.lon, tt.lat), tt.score)
			lon, lat := Place(float64(tt.score))
			check.True(t, math.Abs(lon-tt.lon) < 1e-5 && math.Abs(lat-tt.lat) < 1e-5, "the place is near")
			text := Text(lon, lat)
			check.Eq(t, string(text[:]), tt.text)
		})
	}
}

func TestSpreadAndGather(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		lat, lon := rnd.Uint32(), rnd.Uint32()
		bits := spread(lat) | spread(lon)<<1
		check.Eq(t, gather(bits), lat)
		check.Eq(t, gather(bits>>1), lon)
	}
}

// Every place in a shape is in one of its cells, unless the shape is so large that
// nine cells do not cover it.
func TestCellsCoverTheShape(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		s := Shape{Unit: 1, Radius: math.Exp(rnd.Float64() * math.Log(300_000))}
		if rnd.IntN(2) == 0 {
			s = Shape{Unit: 1, Box: true, Width: s.Radius * rnd.Float64(), Height: s.Radius}
		}
		lon, lat := rnd.Float64()*340-170, rnd.Float64()*120-60
		s.SetCenter(lon, lat)
		cells := s.Cells()
		b := s.bounds()
		for range 20 {
			x, y := b.west+rnd.Float64()*(b.east-b.west), b.south+rnd.Float64()*(b.north-b.south)
			if _, in := s.Contains(x, y); !in || !Valid(x, y) {
				continue
			}
			score, covered := Score(x, y), false
			for _, c := range cells {
				if from, to := c.Scores(); c != (Cell{}) && score >= from && score < to {
					covered = true
				}
			}
			check.True(t, covered, "the place is in a cell")
		}
	}
}

func TestDistance(t *testing.T) {
	check.Eq(t, Distance(10, 20, 10, 20), 0)
	quarter := Distance(0, 0, 90, 0)
	check.True(t, math.Abs(quarter-earthRadius*math.Pi/2) < 1e-3, "a quarter of the equator")
	check.True(t, math.Abs(Distance(0, -45, 0, 45)-quarter) < 1e-3, "a quarter of a meridian")
	rnd := rand.New(rand.NewPCG(1, 3))
	for range 1000 {
		s := Shape{Unit: 1000, Radius: rnd.Float64() * 5000}
		s.SetCenter(rnd.Float64()*360-180, rnd.Float64()*170-85)
		lon, lat := rnd.Float64()*360-180, rnd.Float64()*170-85
		want := s.center.distance(lon, lat)
		got, in := s.Contains(lon, lat)
		check.Eq(t, in, want <= 1000*s.Radius)
		if in {
			check.Eq(t, got, want)
		}
	}
}

// Scores that are no places are read as the machine converts them.
func TestScoresOutOfRange(t *testing.T) {
	for score, want := range map[float64]uint64{
		-1: math.MaxUint64, 1 << 63: 1 << 63, -1 << 63: 1 << 63, 1e30: 0, -1e30: 1 << 63, 12345.9: 12345,
	} {
		check.Eq(t, scoreBits(score), want)
	}
	check.Eq(t, scoreBits(math.Inf(1)), 0)
	check.Eq(t, scoreBits(math.Inf(-1)), 1<<63)
}
