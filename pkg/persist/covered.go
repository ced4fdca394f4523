package persist

// Checksums in the append-only files that are written here: where blocks begin and end.

// beginBlocks has what comes from here on covered by checksums, if the file gets any.
func (o *output) beginBlocks() {
	o.endBlock(false)
	o.buf = o.blocks.Begin(o.buf)
	o.summed = len(o.buf)
}

// endBlock writes the checksum of a block that is long enough, or of any when forced.
// It is called between commands.
func (o *output) endBlock(force bool) {
	if !o.blocks.On() {
		return
	}
	o.blocks.Add(o.buf[o.summed:])
	if force || o.blocks.Full() {
		o.buf = o.blocks.End(o.buf)
	}
	o.summed = len(o.buf)
}
