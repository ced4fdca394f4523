package pubsub

import "redisd/pkg/resp"

// Message is a message on its way. It is good until Deliver returns.
type Message struct {
	w       [2]resp.Writer // RESP2, RESP3
	topic   *topic
	channel []byte
	payload []byte
}

// Kind tells by what kind of subscription the message is delivered.
func (m *Message) Kind() Kind { return m.topic.kind }

// Channel is the channel that it was published to.
func (m *Message) Channel() []byte { return m.channel }

// Payload is what was published.
func (m *Message) Payload() []byte { return m.payload }

// Pattern is the pattern that the channel fits, "" for deliveries of other kinds.
func (m *Message) Pattern() string {
	if m.topic.kind != Pattern {
		return ""
	}
	return m.topic.name
}

// keepBytes is how large a buffer may be that is used again.
const keepBytes = 64 << 10

func (m *Message) begin(t *topic, channel, payload []byte) {
	m.topic, m.channel, m.payload = t, channel, payload
}

func (m *Message) end() {
	m.topic, m.channel, m.payload = nil, nil, nil
	for i := range m.w {
		if cap(m.w[i].Buf) > keepBytes {
			m.w[i].Buf = nil
		}
		m.w[i].Reset()
	}
}

// Encoded is the message as it goes to the wire in a protocol version: 3 for RESP3,
// anything below for RESP2. It is encoded when it is asked for first.
func (m *Message) Encoded(proto int) []byte {
	w := &m.w[0]
	if proto >= 3 {
		w = &m.w[1]
	}
	if len(w.Buf) > 0 {
		return w.Buf
	}
	w.Proto = proto
	switch m.topic.kind {
	case Pattern:
		w.Push(4)
		w.BulkString("pmessage")
		w.BulkString(m.topic.name)
	case Shard:
		w.Push(3)
		w.BulkString("smessage")
	default:
		w.Push(3)
		w.BulkString("message")
	}
	w.Bulk(m.channel)
	w.Bulk(m.payload)
	return w.Buf
}
