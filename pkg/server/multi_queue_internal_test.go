package server

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
)

// What is queued must stay as it was, whatever is queued behind it and whatever former
// transaction the memory is of.
func TestQueuedWordsStayAsTheyWere(t *testing.T) {
	rnd, x, spec := rand.New(rand.NewPCG(1, 2)), &executor{}, &command.Spec{}
	reused := 0
	for range 300 {
		var want [][][]byte
		if x.spare != nil {
			reused++
		}
		tx := x.beginTransaction()
		check.Eq(t, tx.bytes(), 0)
		size := 0
		for range rnd.IntN(2 * keepQueue) {
			words := make([][]byte, 1+rnd.IntN(5)*rnd.IntN(2)*rnd.IntN(100))
			for i := range words {
				words[i] = bytes.Repeat([]byte{byte(rnd.Uint32())}, []int{0, 3, 40, 5000, 2 * mostText}[min(4, rnd.IntN(100)/24)])
				size += len(words[i]) + wordBytes
			}
			tx.add(spec, words)
			want = append(want, cloneWords(words))
			for _, w := range words {
				clear(w) // the read buffer has other bytes by now
			}
		}
		for i, q := range tx.queue {
			check.Eq(t, q.argv, want[i])
		}
		check.Eq(t, tx.words, size)
		check.True(t, tx.bytes() >= size, "all of it is counted")
		x.endTransaction(tx)
		if x.spare != nil {
			check.True(t, cap(x.spare.store.text) <= mostText && cap(x.spare.queue) <= keepQueue, "little is kept")
			for _, w := range x.spare.store.argv[:cap(x.spare.store.argv)] {
				check.True(t, w == nil, "nothing of it points anywhere")
			}
		}
	}
	check.True(t, reused > 50, "most memory is used again")
}
