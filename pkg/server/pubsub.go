package server

import (
	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/pubsub"
)

// channels joins the hub of channels with the clients, and with the keyspace, whose
// changes are published. The loop owns it.
type channels struct {
	srv *Server
	hub *pubsub.Hub

	events   command.EventClass // classes that are published; 0 for none
	keyspace bool               // on __keyspace@<db>__:<key>
	keyevent bool               // on __keyevent@<db>__:<event>
	channel  []byte             // room for the name of such a channel
	event    []byte             // room for an event
}

func newChannels(s *Server) *channels {
	ch := &channels{srv: s, hub: pubsub.New()}
	s.acl.subscriptions = func(c *client, fn func(name []byte, pattern bool) bool) {
		on := true
		for _, k := range []pubsub.Kind{pubsub.Channel, pubsub.Pattern, pubsub.Shard} {
			c.subs.Each(k, func(name string) bool {
				on = on && fn([]byte(name), k == pubsub.Pattern)
				return on
			})
		}
	}
	return ch
}

// Deliver appends a message to the client's replies; it implements pubsub.Subscriber.
func (c *client) Deliver(m *pubsub.Message) { c.srv.push(c, m.Encoded(int(c.proto))) }

// push sends bytes to a client that did not ask for them. To the client whose command
// runs they go when its reply is whole.
func (s *Server) push(c *client, b []byte) {
	switch {
	case c.fd < 0 || c.has(flagCloseSoon|flagCloseAfterReply):
	case s.exec.client == c:
		c.pushes = append(c.pushes, b...)
	default:
		s.sendTo(c, b)
	}
}

// sendTo appends bytes to what a client gets.
func (s *Server) sendTo(c *client, b []byte) {
	if r := s.scripts.run; r != nil && r.caller == c {
		// The writer is the script's now.
		c.pushes = append(c.pushes, b...)
		return
	}
	if s.exec.owner == c {
		s.exec.w.Buf = append(s.exec.w.Buf, b...)
		return
	}
	if c.out == nil {
		c.out = s.clients.pool.get()
	}
	c.out = append(c.out, b...)
	c.outPeak = max(c.outPeak, len(c.out))
	s.clients.queue(c)
	s.clients.note(c)
}

// flushPushes sends c, whose command is over, what was pushed to it meanwhile.
func (x *executor) flushPushes(c *client) {
	if len(c.pushes) > 0 {
		x.w.Buf = append(x.w.Buf, c.pushes...)
		c.pushes = nil
	}
}

// pushReply tells whether what a command replies is pushed messages, which CLIENT
// REPLY does not turn off.
func pushReply(spec *command.Spec) bool {
	if spec == nil || spec.Flags&command.PubSub == 0 || spec.Parent != nil {
		return false
	}
	return spec.Name != "publish" && spec.Name != "spublish"
}

// dropSubscriptions takes all subscriptions of a client away and tells nobody.
func (s *Server) dropSubscriptions(c *client) {
	if c.subs != nil {
		s.channels.hub.Drop(c.subs)
		c.subs = nil
	}
	c.set(flagPubSub, false)
}

// onlyListens tells whether a client may only use the commands of publish/subscribe
// now: RESP2 cannot tell messages from replies.
func (c *client) onlyListens() bool { return c.has(flagPubSub) && c.proto < 3 }

// gatePubSub lets a RESP2 client with subscriptions use few commands.
func gatePubSub(_ *Server, c *client, spec *command.Spec, _ [][]byte) string {
	if !c.onlyListens() || pushReply(spec) || spec.Parent == nil && (spec.Name == "ping" || spec.Name == "quit" || spec.Name == "reset") {
		return ""
	}
	return "ERR Can't execute '" + spec.FullName + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
}

// class is the client's class for client-output-buffer-limit, and its type for
// CLIENT LIST and CLIENT KILL.
func (c *client) class() int {
	if c.has(flagPubSub) {
		return config.ClassPubSub
	}
	return config.ClassNormal
}
