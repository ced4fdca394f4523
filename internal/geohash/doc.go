// Package geohash is the geometry of GEOADD and GEOSEARCH: places as numbers of 52 bits, the cells around an area, and
// distances on a sphere.
//
// # Cells
//
// The world, 360 degrees wide and from -85.05112878 to 85.05112878 degrees high, is halved step times in both
// directions. A cell's number has a bit for each halving, 2*step in all: the lowest is that of the latitude's last one,
// the next that of the longitude's, and so on. Numbers of 26 steps are the scores of places: the places in a cell of
// fewer steps are a range of scores.
//
// All formulas are Redis's, down to the order of operations, so that scores, positions and distances agree.
package geohash
