package value_test

import (
	"errors"

	"redisd/pkg/ds"
	"redisd/pkg/persist/rdb"
)

var errTired = errors.New("tired")

// tired is a visitor that takes left pieces.
type tired struct{ left int }

func (v *tired) take() error {
	if v.left--; v.left < 0 {
		return errTired
	}
	return nil
}

func (v *tired) Begin(byte, uint64) error           { return v.take() }
func (v *tired) Element([]byte) error               { return v.take() }
func (v *tired) Pair(_, _ []byte) error             { return v.take() }
func (v *tired) Member([]byte, float64) error       { return v.take() }
func (v *tired) Pack([]byte) error                  { return v.take() }
func (v *tired) End() error                         { return v.take() }
func (v *tired) Node(ds.StreamNode) error           { return v.take() }
func (v *tired) Info(*rdb.StreamInfo) error         { return v.take() }
func (v *tired) Group(*rdb.StreamGroup) error       { return v.take() }
func (v *tired) Pending(*rdb.StreamPending) error   { return v.take() }
func (v *tired) Consumers(uint64) error             { return v.take() }
func (v *tired) Consumer(*rdb.StreamConsumer) error { return v.take() }
func (v *tired) Owned(ds.StreamID) error            { return v.take() }
