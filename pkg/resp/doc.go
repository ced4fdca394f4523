// Package resp is the wire protocol: it cuts requests out of a read buffer,
// encodes replies, and, for tools and tests, encodes requests and reads replies.
//
// Requests are RESP arrays of bulk strings, or inline lines as typed into a
// terminal:
//
//	*<count>\r\n ( $<length>\r\n <bytes> \r\n ){count}
//	word "quoted \x00 word" 'another' [\r]\n
//
// Replies are RESP2 or RESP3, chosen per Writer:
//
//	              RESP2                RESP3
//	simple        +<text>\r\n          the same
//	error         -<CODE text>\r\n     the same
//	integer       :<n>\r\n             the same
//	bulk          $<len>\r\n..\r\n     the same
//	null          $-1\r\n              _\r\n
//	null array    *-1\r\n              _\r\n
//	array         *<n>\r\n             the same
//	map of n      *<2n>\r\n            %<n>\r\n
//	set           *<n>\r\n             ~<n>\r\n
//	push          *<n>\r\n             ><n>\r\n
//	double        bulk                 ,<text>\r\n
//	boolean       :1\r\n or :0\r\n     #t\r\n or #f\r\n
//	big number    bulk                 (<digits>\r\n
//	verbatim      bulk                 =<len+4>\r\n<ext>:..\r\n
//	attribute     none                 |<n>\r\n
//
// Guarantees: the Parser accepts and refuses what Redis does, with Redis's
// words; its result does not depend on how the stream was split into reads; no
// byte of an argument is looked at twice, and memory grows with the bytes that
// arrived, never with the counts that a peer announces. Parser and Writer allocate
// nothing beyond the growth of the caller's slices. An error reply is always a
// single line.
//
// Non-guarantees: as in Redis, the bytes after an argument and after a length
// line's CR are skipped, not checked. The Writer does not check that announced
// element counts are met. Reading replies is not made for speed.
//
// Parser and Writer belong to one goroutine, normally the loop; the functions
// are pure and may be called from any.
package resp
