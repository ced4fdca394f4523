package persist

import (
	"encoding/binary"
	"fmt"
)

// EventKind is what a child said.
type EventKind uint8

// The kinds. Zero is none.
const (
	EventProgress    EventKind = iota + 1 // Job.Progress has moved
	EventStopRequest                      // the difference ended; answered already
	EventNote                             // Line is for the log, from the child
	EventReport                           // Job.Report is there
	EventPulse                            // Job.Pulse or Job.Fence has changed
)

// Event is one thing that a child said. Most need no action.
type Event struct {
	Kind EventKind
	Line Line // of EventNote and EventStopRequest
}

// Line is a line for the log: Redis's level mark ('#' warning, '*' notice, '-'
// verbose, '.' debug) and text.
type Line struct {
	Level byte
	Text  string
}

// controlReader cuts what comes from the child into frames.
type controlReader struct {
	buf []byte
}

// maxControl bounds a frame from the child: an error text is the longest.
const maxControl = 64 << 10

// next returns the oldest whole frame; ok false when there is none.
func (r *controlReader) next() (t frameType, payload []byte, ok bool, err error) {
	if len(r.buf) < frameHead {
		return 0, nil, false, nil
	}
	n := int(binary.LittleEndian.Uint32(r.buf[1:]))
	if n > maxControl {
		return 0, nil, false, fmt.Errorf("%w: %d bytes in one of type %d from the child", errFrame, n, r.buf[0])
	}
	if len(r.buf) < frameHead+n {
		return 0, nil, false, nil
	}
	t, payload = frameType(r.buf[0]), r.buf[frameHead:frameHead+n]
	r.buf = r.buf[frameHead+n:]
	return t, payload, true, nil
}

func (j *Job) control(p []byte) ([]Event, error) {
	j.in.buf = append(j.in.buf, p...)
	var events []Event
	for {
		t, payload, ok, err := j.in.next()
		if err != nil || !ok {
			if len(j.in.buf) == 0 {
				j.in.buf = nil
			}
			return events, err
		}
		e, err := j.event(t, payload)
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func (j *Job) event(t frameType, payload []byte) (e Event, err error) {
	f := fields{p: payload}
	switch t {
	case frameProgress:
		j.progress = Progress{Keys: f.u64(), Bytes: f.u64()}
		e.Kind = EventProgress
	case frameStopRequest:
		e = Event{EventStopRequest, Line{'*', "AOF rewrite child asks to stop sending diffs."}}
	case frameNote:
		e = Event{EventNote, Line{Level: f.u8(), Text: string(f.p)}}
	case framePulse:
		j.pulse = parsePulse(&f)
		e.Kind = EventPulse
	case frameFence:
		j.fence = string(f.p)
		e.Kind = EventPulse
	case frameReport:
		r := parseReport(&f)
		j.report = &r
		j.progress = Progress{Keys: r.Keys, Bytes: r.Bytes}
		e.Kind = EventReport
	default:
		return e, fmt.Errorf("%w: unknown type %d from the child", errFrame, t)
	}
	if f.bad {
		err = fmt.Errorf("%w: type %d with %d bytes from the child", errFrame, t, len(payload))
	}
	return e, err
}
