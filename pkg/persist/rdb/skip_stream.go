package rdb

// The walk through a stream: nodes of entries, what the stream knows about
// itself, the consumer groups. With deep, that the parts fit together as well.

// names is a set of names that must differ, nil if not deep.
func (w *walker) names() *fingerprints {
	if !w.deep {
		return nil
	}
	return newFingerprints()
}

// name takes a string that must not be in seen.
func (w *walker) name(seen *fingerprints, duplicate string) error {
	if !w.deep {
		return w.d.skipString()
	}
	b, err := w.d.readString(&w.d.val)
	if err == nil && !seen.add(b) {
		err = w.d.corrupt(duplicate)
	}
	return err
}

func (w *walker) stream(t byte) error {
	nodes, err := w.d.readLen()
	ids := w.names()
	for n := nodes; n > 0 && err == nil; n-- {
		err = w.streamNode(ids)
	}
	if err != nil {
		return err
	}
	length, err := w.d.readLen()
	if err != nil {
		return err
	}
	meta := 2 // last ID: milliseconds, sequence
	if t != TypeStreamListpacks {
		meta += 5 // first ID, highest deleted ID, entries ever added
	}
	if err = w.lens(meta); err != nil {
		return err
	}
	if w.deep && length > 0 && nodes == 0 {
		return w.d.corrupt("Stream length inconsistent with rax entries")
	}
	groups, err := w.d.readLen()
	names := w.names()
	for ; groups > 0 && err == nil; groups-- {
		err = w.group(t, names)
	}
	return err
}

// streamNode takes the ID that a listpack of entries starts from, and the
// listpack.
func (w *walker) streamNode(ids *fingerprints) error {
	if !w.deep {
		if err := w.d.skipString(); err != nil {
			return err
		}
		return w.d.skipString()
	}
	id, err := w.d.readString(&w.d.val)
	if err != nil {
		return err
	}
	if len(id) != 16 {
		return w.d.corrupt("Stream node key entry is not the size of a stream ID")
	}
	if !ids.add(id) {
		return w.d.corrupt("Listpack re-added with existing key")
	}
	_, err = w.node(TypeStreamListpacks)
	return err
}

// pending holds the IDs of a group's unacknowledged entries, true once a
// consumer owns them; nil if not deep.
type pending map[[16]byte]bool

// group takes a consumer group: name, position, entries not acknowledged, and
// the consumers.
func (w *walker) group(t byte, names *fingerprints) error {
	if err := w.name(names, "Duplicated consumer group name"); err != nil {
		return err
	}
	position := 2
	if t != TypeStreamListpacks {
		position++
	}
	if err := w.lens(position); err != nil {
		return err
	}
	entries, err := w.pendingEntries()
	if err != nil {
		return err
	}
	consumers, err := w.d.readLen()
	owners := w.names()
	for ; consumers > 0 && err == nil; consumers-- {
		err = w.consumer(t, owners, entries)
	}
	if err != nil {
		return err
	}
	for _, owned := range entries {
		if !owned {
			return w.d.corrupt("Stream CG PEL entry without consumer")
		}
	}
	return nil
}

func (w *walker) pendingEntries() (pending, error) {
	var entries pending
	if w.deep {
		entries = make(pending)
	}
	n, err := w.d.readLen()
	for ; n > 0 && err == nil; n-- {
		var id []byte
		if id, err = w.d.readFixed(16); err != nil {
			return nil, err
		}
		if entries != nil {
			if _, dup := entries[[16]byte(id)]; dup {
				return nil, w.d.corrupt("Duplicated global PEL entry loading stream consumer group")
			}
			entries[[16]byte(id)] = false
		}
		// Delivery time, and how often it was delivered.
		if err = w.d.discard(8); err == nil {
			err = w.lens(1)
		}
	}
	return entries, err
}

// consumer takes a consumer: name, times, IDs of the entries it owns.
func (w *walker) consumer(t byte, names *fingerprints, entries pending) error {
	if err := w.name(names, "Duplicate stream consumer detected."); err != nil {
		return err
	}
	times := uint64(8) // seen
	if t == TypeStreamListpacks3 {
		times += 8 // active
	}
	if err := w.d.discard(times); err != nil {
		return err
	}
	n, err := w.d.readLen()
	for ; n > 0 && err == nil; n-- {
		err = w.owned(entries)
	}
	return err
}

func (w *walker) owned(entries pending) error {
	id, err := w.d.readFixed(16)
	if err != nil || entries == nil {
		return err
	}
	owned, known := entries[[16]byte(id)]
	if !known {
		return w.d.corrupt("Consumer entry not found in group global PEL")
	}
	if owned {
		return w.d.corrupt("Stream consumer PEL entry already has a consumer assigned")
	}
	entries[[16]byte(id)] = true
	return nil
}
