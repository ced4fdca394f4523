// Package rdb is the codec of the RDB format: the snapshot file, the stream from
// the daemon to its child, and the payload of DUMP are all the same encoding of
// keys and values.
//
// # The parts
//
//	encode.go, record.go   append-style encoder, records, ReadRecord
//	decoder.go, decode.go  buffered input, primitives of the encoding
//	load.go                a whole file into a Handler
//	visit*.go, inspect*.go values of all types of versions 1 to 11, piece by piece
//	writer.go              the same pieces into bytes
//	module.go              what is stepped over
//	check.go               what redis-check-rdb prints
//	salvage*.go            what can be read of a damaged file, and a new one of it
//	tool.go                the program redis-check-rdb
//	dump.go                the payload of DUMP and RESTORE
//
// # The format
//
// A file, with the lengths of its parts in bytes:
//
//	+-------+------+-----------------------+-----+----------+
//	| REDIS | 0010 | items                 | 255 | CRC64    |
//	|   5   |  4   |                       |  1  | 8, LE    |
//	+-------+------+-----------------------+-----+----------+
//
//	item:
//	  250 name value                 information (AUX)
//	  254 db                         the following keys belong to database db
//	  251 keys expires               how many come: a hint
//	  252 ms(8 LE) | 253 s(4 LE)     expiry of the next key
//	  248 seconds  | 249 count(1)    idle time or LFU counter of the next key
//	  245 code | 246 name engine flag [description] code    function library
//	  247 id 2 when parts 0          data of a module outside of the keys
//	  type(1) key value              a key
//
//	length:                          string:
//	  00nnnnnn                         length bytes
//	  01nnnnnn nnnnnnnn                11000000 n(1)
//	  10000000 n(4 BE)                 11000001 n(2 LE)
//	  10000001 n(8 BE)                 11000010 n(4 LE)
//	                                   11000011 packed unpacked LZF-bytes
//
// The checksum covers everything before it, the 255 included; 0 says that none
// was made; versions below 5 have none. docs/formats.md has the diagrams of all
// value types.
//
// # Guarantees
//
//   - What the encoder writes is version 10: Redis 7.0 and later and Valkey load
//     it. Versions 1 to 11 are read.
//   - No input makes the decoder panic. It allocates for a length only what has
//     arrived (twice that, while it grows), or what is known to lie in the
//     input; a packed string at most 88 times its packed bytes.
//   - Every error of a decoder is an *Error with the offset, except the io.EOF
//     of ReadRecord. Nothing is read past the end of an RDB without being handed
//     out again by Decoder.Read.
//   - Steady work allocates nothing: strings are slices of the buffer, valid
//     until the next call.
//
// # Non-guarantees
//
//   - Only values of type string are part of a Record. The others are visited, and
//     a visitor that builds something notices by itself what comes twice; Judge and
//     Check do so too.
//   - Values of modules are stepped over, never read.
//   - Load does not look for duplicate keys, nor at whether a key has expired:
//     that is the handler's part.
//   - After an error the decoder can only be Reset.
//
// Nothing here starts a goroutine, reads a clock or, but for Tool, opens a file. A Decoder
// belongs to one goroutine at a time; the encoder's functions keep no state.
package rdb
