package server

import "redisd/pkg/command"

// wordStore holds copies of the words of commands, one behind the other in chunks that
// do not move.
type wordStore struct {
	text []byte   // the chunk that is filled now
	argv [][]byte // and that of what points to words
	held int      // bytes of all chunks
}

// Sizes of chunks: of the first, and of the largest. What is longer than a quarter of
// that has one of its own. In bytes of text; of what points to words, in words.
const (
	firstText, mostText = 512, 16 << 10
	firstArgv, mostArgv = 32, 1 << 10
)

// add copies the words of a command, which are n bytes.
func (w *wordStore) add(words [][]byte, n int) [][]byte {
	text, argv := w.textFor(n), w.argvFor(len(words))
	from := len(*argv)
	for _, word := range words {
		start := len(*text)
		*text = append(*text, word...)
		*argv = append(*argv, (*text)[start:len(*text):len(*text)])
	}
	return (*argv)[from:len(*argv):len(*argv)]
}

// textFor gives the chunk that n bytes go to, with room for them.
func (w *wordStore) textFor(n int) *[]byte {
	switch {
	case n > mostText/4:
		own := make([]byte, 0, n)
		w.held += n
		return &own
	case w.text == nil || n > cap(w.text)-len(w.text):
		w.text = make([]byte, 0, max(n, min(2*cap(w.text), mostText), firstText))
		w.held += cap(w.text)
	}
	return &w.text
}

// argvFor is textFor of what points to n words.
func (w *wordStore) argvFor(n int) *[][]byte {
	switch {
	case n > mostArgv/4:
		own := make([][]byte, 0, n)
		w.held += n * wordBytes
		return &own
	case n > cap(w.argv)-len(w.argv):
		w.argv = make([][]byte, 0, max(n, min(2*cap(w.argv), mostArgv), firstArgv))
		w.held += cap(w.argv) * wordBytes
	}
	return &w.argv
}

// reset forgets the copies. The chunks that were filled last are used again.
func (w *wordStore) reset() {
	clear(w.argv) // they may point to former chunks
	w.text, w.argv = w.text[:0], w.argv[:0]
	w.held = cap(w.text) + cap(w.argv)*wordBytes
}

func sizeOf(words [][]byte) (n int) {
	for _, w := range words {
		n += len(w)
	}
	return n
}

// transaction is what a client has queued since MULTI. One that was small leaves its
// memory to the next: most queue some short commands, and allocate nothing.
type transaction struct {
	queue  []queued
	store  wordStore     // of the queued commands
	flags  command.Flags // those that one of them has, as scripts declare theirs
	words  int           // bytes of all words, and of what points to them
	failed bool          // a command was refused: EXEC runs nothing
}

type queued struct {
	spec *command.Spec
	argv [][]byte // a copy
}

const (
	queuedBytes = 32 // of a queued
	wordBytes   = 24 // of the slice that points to a word
)

// bytes is the memory of the queue; 0 outside of a transaction.
func (tx *transaction) bytes() int {
	if tx == nil || len(tx.queue) == 0 {
		return 0
	}
	return cap(tx.queue)*queuedBytes + tx.store.held
}

// add queues a copy of a command.
func (tx *transaction) add(spec *command.Spec, words [][]byte) {
	n := sizeOf(words)
	tx.queue = append(tx.queue, queued{spec, tx.store.add(words, n)})
	tx.words += n + len(words)*wordBytes
}

// beginTransaction gives an empty transaction.
func (x *executor) beginTransaction() *transaction {
	tx := x.spare
	if tx == nil {
		return &transaction{}
	}
	x.spare = nil
	return tx
}

// keepQueue is how many commands a transaction may have had whose memory is used again.
const keepQueue = 128

// endTransaction takes a transaction back that nobody looks at any more.
func (x *executor) endTransaction(tx *transaction) {
	if tx == nil || x.spare != nil || cap(tx.queue) > keepQueue {
		return
	}
	clear(tx.queue)
	tx.store.reset()
	*tx = transaction{queue: tx.queue[:0], store: tx.store}
	x.spare = tx
}

// txLog collects what the commands of a transaction log: it goes to the log as one
// MULTI ... EXEC block when there is more than one, so that a log that ends in the
// middle of it is cut off before it.
type txLog struct {
	active bool
	muted  bool // redis.set_repl: the script wants its writes kept out of the log
	words  []loggedWords
	store  wordStore // of these
}

type loggedWords struct {
	db   int
	argv [][]byte
}

// keepLogged is how long a list is used again: a huge transaction must not leave its
// own behind.
const keepLogged = 4096

// add keeps a copy of a command.
func (t *txLog) add(db int, words [][]byte) {
	t.words = append(t.words, loggedWords{db, t.store.add(words, sizeOf(words))})
}

// reset forgets what was collected.
func (t *txLog) reset() {
	if len(t.words) > keepLogged {
		t.words = nil
	}
	clear(t.words)
	t.words = t.words[:0]
	t.store.reset()
}
