package rdb_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/persist/rdb"
)

func seeds(f *testing.F) {
	f.Add(sample())
	f.Add(file(10, moduleAux+"\xf6\x01b\x03lua\x01\x04desc\x04code"))
	f.Add(file(4, "\xfe\x00\xfd\x01\x00\x00\x00\x00\x01k\x01v"))
	for _, b := range legacyFiles() {
		f.Add(b)
	}
	for _, items := range newerItems() {
		f.Add(file(11, items))
	}
}

// FuzzLoad: no input makes Load, SkipValue (through Check) or Check panic or
// allocate without measure; what loads comes back the same when it is written
// and loaded again; reading from a stream and from memory is the same.
func FuzzLoad(f *testing.F) {
	seeds(f)
	d := rdb.NewDecoder(nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		var first, second keeper
		used := allocated(func() {
			d.Reset(bytes.NewReader(in))
			rdb.CheckDecoder(d, io.Discard, rdb.CheckOptions{})
			d.ResetBytes(in)
			_, _ = d.Load(rdb.Options{}, silent{})
		})
		check.True(t, used < 1<<20+uint64(len(in))*200, fmt.Sprintf("%d bytes allocated for %d", used, len(in)))

		d.ResetBytes(in)
		_, errBytes := d.Load(rdb.Options{}, &first)
		d.Reset(bytes.NewReader(in))
		_, errStream := d.Load(rdb.Options{Size: int64(len(in))}, &second)
		check.Eq(t, fmt.Sprint(errBytes), fmt.Sprint(errStream))
		check.Eq(t, lines(first.all), lines(second.all))
		if errBytes != nil {
			return
		}
		again := keeper{}
		_, err := rdb.Load(bytes.NewReader(write(first.all, true, true)), rdb.Options{Checksum: true}, &again)
		check.NoErr(t, err)
		check.Eq(t, lines(again.all), lines(first.all))
	})
}

// FuzzSalvage: no input makes a salvage panic, and what is made of one is sound and has
// the keys that were said to be whole, once each.
func FuzzSalvage(f *testing.F) {
	seeds(f)
	f.Add(newer())
	f.Add(append([]byte("REDIS0004"), newer()[9:]...))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, embedded := range []bool{false, true} {
			s, err := rdb.NewSalvage(bytes.NewReader(in), int64(len(in)), rdb.SalvageOptions{Embedded: embedded})
			if err != nil {
				continue
			}
			_ = s.String()
			end, _ := s.End()
			check.True(t, end <= int64(len(in)) && s.Earliest() <= int64(len(in)), "within the file")
			var out bytes.Buffer
			n, err := s.WriteTo(&out)
			check.NoErr(t, err)
			check.Eq(t, n, s.Size())
			check.Eq(t, n, int64(out.Len()))
			again, err := rdb.NewSalvage(bytes.NewReader(out.Bytes()), n, rdb.SalvageOptions{})
			check.NoErr(t, err)
			check.True(t, again.Sound() && again.Keys() == s.Keys(), s.String()+again.String())
			h := &holdings{keys: map[string]string{}}
			_, err = rdb.Load(bytes.NewReader(out.Bytes()), rdb.Options{Checksum: true, Size: n}, h)
			check.NoErr(t, err)
			check.True(t, !h.twice && int64(len(h.order)) == s.Keys(), "every key once")
		}
	})
}

func lines(records []rdb.Record) (s string) {
	for i := range records {
		s += line(&records[i]) + "\n"
	}
	return s
}

// FuzzSkipValue: skipping agrees with the deep walk about where a value ends.
func FuzzSkipValue(f *testing.F) {
	seeds(f)
	d := rdb.NewDecoder(nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) < 12 || !rdb.KnownType(in[9]) {
			return
		}
		typ, body := in[9], in[12:min(len(in), 1<<16)]
		d.ResetBytes(body)
		if d.SkipValue(typ) != nil {
			return
		}
		end := d.Offset()
		// The same value alone, with a proper frame around it.
		b := fmt.Appendf(nil, "REDIS0011%c\x01k%s", typ, body[:end])
		b = rdb.AppendEOF(b, crc64.Update(0, b))
		d.Reset(bytes.NewReader(b))
		if rdb.CheckDecoder(d, io.Discard, rdb.CheckOptions{}) {
			check.Eq(t, d.Offset(), int64(len(b)))
		}
	})
}

// FuzzDumpPayload: whatever passes the footer is read without panic.
func FuzzDumpPayload(f *testing.F) {
	r := record("k", "value")
	f.Add(rdb.AppendDumpPayload(nil, &r, true)[:7])
	f.Add(payload(alone(legacyFiles()["quicklist"]))[:40])
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		if n := len(in) - 8; n < 0 || crc64.Update(0, in[:n]) != binary.LittleEndian.Uint64(in[n:]) {
			_, _, err := rdb.ParseDumpPayload(in)
			check.ErrIs(t, err, rdb.ErrDumpPayload)
		}
		in = append(bytes.Clone(in), 10, 0)
		sum := rdb.AppendExpireMillis(nil, int64(crc64.Update(0, in)))[1:]
		typ, body, err := rdb.ParseDumpPayload(append(in, sum...))
		check.NoErr(t, err)
		d := rdb.NewDecoder(nil)
		d.ResetBytes(body)
		_ = d.Judge(typ)
	})
}

// FuzzVisit: whatever the bytes of a value, it is refused, or a Writer writes it so
// that it is read as the same again; little more memory is taken than it has bytes.
func FuzzVisit(f *testing.F) {
	for _, b := range legacyFiles() {
		typ, body := alone(b)
		f.Add(typ, body)
	}
	for name, items := range newerItems() {
		if name != "module-v2" {
			f.Add(items[0], []byte(items[3:]))
		}
	}
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		if !rdb.KnownType(typ) || typ == rdb.TypeModule2 {
			return
		}
		var d rdb.Decoder
		var err error
		used := allocated(func() {
			d.ResetBytes(body)
			err = d.Judge(typ)
		})
		check.True(t, used < 1<<20+uint64(len(body))*200, fmt.Sprintf("%d bytes allocated for %d", used, len(body)))
		if err != nil {
			return
		}
		again := rewritten(t, typ, body[:d.Offset()], rdb.Writer{Compress: true}, 1)
		switch rdb.WrittenType(typ) {
		case rdb.TypeListQuicklist2, rdb.TypeStreamListpacks2:
			return // nodes of nothing are left out, so their number need not fit
		}
		third := rewritten(t, rdb.WrittenType(typ), again, rdb.Writer{Compress: true}, 1)
		check.EqBytes(t, third, again)
	})
}
