package persist

import (
	"strconv"

	"redisd/internal/crc64"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// format turns records into the bytes of a file.
type format interface {
	begin() error
	// record writes a key whose value is the string rec.Str.
	record(rec *rdb.Record) error
	// value writes a key whose value is of any other type: give gives it to a visitor.
	value(rec *rdb.Record, give func(v rdb.Visitor) error) error
	end() error
}

// newFormat returns the format that the options ask for.
func newFormat(o *output, opts *Options) format {
	if opts.Role == RoleAOF && opts.Blocks {
		o.blocks = aof.NewSums()
	}
	if opts.Role == RoleAOF && !opts.Preamble {
		return &aofFormat{out: o, timestamp: opts.TimestampSecs, functions: opts.Functions, db: -1, commands: commands{out: o}}
	}
	return &rdbFormat{
		out: o, opts: opts, db: -1, hinted: make([]bool, len(opts.Databases)),
		writer: rdb.Writer{Buf: &o.buf, Compress: opts.Compress, Added: o.added},
	}
}

// rdbFormat writes an RDB file, or the preamble of an append-only file.
type rdbFormat struct {
	out    *output
	opts   *Options
	db     int    // the database selected, -1 for none
	hinted []bool // databases whose size was told
	writer rdb.Writer
}

func (w *rdbFormat) begin() error {
	o := w.out
	o.sum = w.opts.Checksum
	o.buf = rdb.AppendHeader(o.buf)
	for _, a := range w.opts.Aux {
		o.buf = rdb.AppendAux(o.buf, a.Key, a.Value)
	}
	for _, code := range w.opts.Functions {
		o.buf = rdb.AppendFunction(o.buf, code, w.opts.Compress)
	}
	return o.added()
}

func (w *rdbFormat) record(rec *rdb.Record) error {
	o := w.out
	if rec.DB != w.db {
		w.selectDB(rec.DB)
	}
	o.buf = rdb.AppendRecord(o.buf, rec, w.opts.Compress)
	return o.added()
}

func (w *rdbFormat) value(rec *rdb.Record, give func(v rdb.Visitor) error) error {
	o := w.out
	if rec.DB != w.db {
		w.selectDB(rec.DB)
	}
	head := *rec
	head.Type = rdb.WrittenType(rec.Type)
	o.buf = rdb.AppendRecordHead(o.buf, &head, w.opts.Compress)
	if err := give(&w.writer); err != nil {
		return err
	}
	return o.added()
}

// selectDB may come back to a database: the barrier sends what is about to
// change, whatever the pump is at. The size is told once.
func (w *rdbFormat) selectDB(db int) {
	o := w.out
	o.buf = rdb.AppendSelectDB(o.buf, db)
	w.db = db
	if db < len(w.hinted) && !w.hinted[db] {
		w.hinted[db] = true
		s := w.opts.Databases[db]
		o.buf = rdb.AppendResizeDB(o.buf, s.Keys, s.Expires)
	}
}

// end writes the trailer. The checksum covers what lies before it, so the
// buffer is flushed first.
func (w *rdbFormat) end() error {
	o := w.out
	if err := o.flush(); err != nil {
		return err
	}
	o.buf = rdb.AppendEOF(o.buf, o.crc)
	if o.crc != 0 {
		o.trailer = crc64.Update(o.crc, []byte{rdb.OpEOF})
	}
	o.sum = false
	return nil
}

// aofFormat writes the commands that make the dataset.
type aofFormat struct {
	out       *output
	timestamp int64
	functions [][]byte
	db        int
	commands  commands
}

func (w *aofFormat) begin() error {
	w.out.beginBlocks()
	if w.timestamp != 0 {
		w.out.buf = append(w.out.buf, "#TS:"...)
		w.out.buf = strconv.AppendInt(w.out.buf, w.timestamp, 10)
		w.out.buf = append(w.out.buf, "\r\n"...)
	}
	for _, code := range w.functions {
		w.out.buf = append(w.out.buf, "*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n"...)
		w.out.buf = appendBulk(w.out.buf, code)
	}
	return w.out.added()
}

func (w *aofFormat) record(rec *rdb.Record) error {
	w.selectDB(rec.DB)
	b := append(w.out.buf, "*3\r\n$3\r\nSET\r\n"...)
	b = appendBulk(b, rec.Key)
	w.out.buf = appendBulk(b, rec.Str)
	return w.expiry(rec)
}

func (w *aofFormat) value(rec *rdb.Record, give func(v rdb.Visitor) error) error {
	w.selectDB(rec.DB)
	w.commands.key = rec.Key
	if err := give(&w.commands); err != nil {
		return err
	}
	return w.expiry(rec)
}

func (w *aofFormat) selectDB(db int) {
	if db != w.db {
		w.out.buf = append(w.out.buf, "*2\r\n$6\r\nSELECT\r\n"...)
		w.out.buf = appendBulkInt(w.out.buf, int64(db))
		w.db = db
	}
}

// expiry ends a key.
func (w *aofFormat) expiry(rec *rdb.Record) error {
	if rec.ExpireAt != -1 {
		b := append(w.out.buf, "*3\r\n$9\r\nPEXPIREAT\r\n"...)
		b = appendBulk(b, rec.Key)
		w.out.buf = appendBulkInt(b, rec.ExpireAt)
	}
	w.out.endBlock(false)
	return w.out.added()
}

func (w *aofFormat) end() error {
	w.out.endBlock(true)
	return nil
}

func appendBulk(dst, b []byte) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(b)), 10)
	dst = append(dst, "\r\n"...)
	dst = append(dst, b...)
	return append(dst, "\r\n"...)
}

func appendBulkInt(dst []byte, n int64) []byte {
	var text [20]byte
	return appendBulk(dst, strconv.AppendInt(text[:0], n, 10))
}
