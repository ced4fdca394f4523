package persist

import (
	"bytes"
	"errors"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

// What lies in memory from before the last sync is not taken for what is on the disk.
func TestLastChunksAreReadAgain(t *testing.T) {
	m := vfs.NewMem()
	b := bytes.Repeat([]byte("0123456789abcdef"), 2*chunkSize/16)
	check.NoErr(t, vfs.WriteFile(m, "f", b, 0o644))
	for _, damaged := range []bool{false, true} {
		v := newVerifier(m, "f", &Options{SyncEvery: 1})
		v.started = true // next is called here
		var err error
		v.in, err = vfs.OpenUncached(m, "f")
		check.NoErr(t, err)
		v.wrote(0, b)
		v.synced(int64(len(b)))
		check.NoErr(t, v.next())
		if damaged {
			check.NoErr(t, (&vfs.Damage{Off: chunkSize + 5, Flip: 1}).Apply(m, "f"))
		}
		v.end, v.size = true, int64(len(b))
		var ve *VerifyError
		check.Eq(t, errors.As(v.next(), &ve), damaged)
		check.NoErr(t, v.in.Close())
	}
}
