// Package lzf packs and unpacks byte strings in the stream format of liblzf,
// which RDB files use for compressed strings.
//
// A stream is a sequence of two kinds of runs; all numbers are unsigned:
//
//	000LLLLL  <L+1 bytes>            literal: the next L+1 (1..32) bytes as they are
//	LLLooooo  oooooooo               copy L+2 (3..8) bytes from o+1 (1..8192) bytes back
//	111ooooo  LLLLLLLL  oooooooo     copy L+9 (9..264) bytes from o+1 bytes back
//
// A copy may overlap what it produces (o+1 smaller than the length). There is no
// header, no length and no checksum: the caller keeps both lengths.
//
// Guarantees: pure functions, any goroutine, no allocation. Decompress never
// reads or writes outside its arguments, whatever the input. Compress is
// deterministic. Non-guarantee: the same output bytes as liblzf's compressor.
package lzf
