package server

import (
	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/config"
)

// Keyspace notifications: what happens to keys, published to channels.

// eventClasses pairs the bits of notify-keyspace-events with classes of events.
var eventClasses = [...]struct {
	bit   int64
	class command.EventClass
}{
	{config.NotifyGeneric, command.EventGeneric}, {config.NotifyString, command.EventString},
	{config.NotifyList, command.EventList}, {config.NotifySet, command.EventSet},
	{config.NotifyHash, command.EventHash}, {config.NotifyZSet, command.EventZSet},
	{config.NotifyExpired, command.EventExpired}, {config.NotifyEvicted, command.EventEvicted},
	{config.NotifyStream, command.EventStream}, {config.NotifyKeyMiss, command.EventMiss},
	{config.NotifyModule, command.EventModule}, {config.NotifyNew, command.EventNew},
}

// applyEvents carries notify-keyspace-events out.
func (s *Server) applyEvents() error {
	bits, ch := s.cfg.Int(config.NotifyKeyspaceEvents), s.channels
	ch.keyspace, ch.keyevent = bits&config.NotifyKeyspace != 0, bits&config.NotifyKeyevent != 0
	ch.events = 0
	if !ch.keyspace && !ch.keyevent {
		return nil
	}
	for _, c := range eventClasses {
		if bits&c.bit != 0 {
			ch.events |= c.class
		}
	}
	return nil
}

// publish publishes an event of a class that is on.
func (ch *channels) publish(e command.Event) {
	if !ch.hub.Heard() {
		return
	}
	ch.event = append(ch.event[:0], e.Name...)
	if ch.keyspace {
		ch.hub.Publish(ch.name("__keyspace@", e.DB, e.Key), ch.event)
	}
	if ch.keyevent {
		ch.hub.Publish(ch.name("__keyevent@", e.DB, ch.event), e.Key)
	}
	if cap(ch.channel) > poolBuffer { // of a huge key
		ch.channel = nil
	}
}

func (ch *channels) name(prefix string, db int, rest []byte) []byte {
	ch.channel = num.AppendInt(append(ch.channel[:0], prefix...), int64(db))
	ch.channel = append(append(ch.channel, "__:"...), rest...)
	return ch.channel
}
