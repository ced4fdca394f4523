package server

import (
	"redisd/pkg/acl"
	"redisd/pkg/command"
	"redisd/pkg/event"
	"redisd/pkg/keyspace"
	"redisd/pkg/pubsub"
	"redisd/pkg/resp"
	"redisd/pkg/tlsio"
)

// clientFlags are the states of a connection that are yes or no.
type clientFlags uint32

const (
	flagAuthenticated clientFlags = 1 << iota
	flagCloseAfterReply
	flagCloseSoon   // to be closed before sleep: the connection is gone, or killed
	flagReplyOff    // CLIENT REPLY OFF
	flagReplySkip   // CLIENT REPLY SKIP: the next command's reply is dropped
	flagSkipNext    // ...which becomes flagReplySkip when this command is over
	flagNoEvict     // CLIENT NO-EVICT ON
	flagNoTouch     // CLIENT NO-TOUCH ON
	flagUnix        // connected through the Unix socket
	flagWriteQueued // in clients.toWrite
	flagHeld        // in clients.held: its replies wait for the log
	flagWatchWrite  // the socket is full and watched for room
	flagBlocked     // a command of it waits; its input is kept
	flagDirtyCAS    // a watched key has changed: EXEC fails
	flagNoted       // in clients.lim.touched
	flagPaced       // its next write has waited for a background job
	flagScript      // not a connection: the commands of a script run in its name
	flagProtected   // its script lets others in: it must stay as it is
	flagPubSub      // has subscriptions
	flagMonitor     // MONITOR: in monitors.list
	flagReplay      // not a connection: the log's commands run in its name

	// CLIENT TRACKING: on, and how.
	flagTracking
	flagBroadcast      // BCAST: it hears of prefixes, not of what it has read
	flagOptIn          // OPTIN: keys are tracked only after CLIENT CACHING YES
	flagOptOut         // OPTOUT: keys are tracked but after CLIENT CACHING NO
	flagNoLoop         // NOLOOP: its own changes are not told
	flagBrokenRedirect // the connection that is told in its place is gone
	flagCaching        // CLIENT CACHING came: for the next command, or transaction
)

// client is one connection. An idle one has no buffers.
type client struct {
	id    uint64
	fd    int
	srv   *Server
	db    *keyspace.DB
	flags clientFlags
	proto uint8

	parser resp.Parser
	in     []byte         // what was read and not yet parsed; nil when nothing
	long   *longArguments // of the request that lies in in; nil without any
	out    []byte         // replies that were not sent yet
	sent   int            // how much of out was

	// hold is the log batch that must reach the policy's point before out may be
	// sent.
	hold uint64

	tx      *transaction // since MULTI; nil outside of one
	watched []watchedKey
	subs    *pubsub.Set // nil without subscriptions
	pushes  []byte      // messages to follow the reply of the command that runs
	cache   *cache      // since CLIENT TRACKING ON

	peer       event.Peer
	name       string
	libName    string
	libVersion string
	user       *acl.User // nil for the server itself, who may do everything
	created    int64     // Unix seconds
	active     int64     // Unix seconds of the last command or byte
	last       *command.Spec
	netIn      uint64
	netOut     uint64
	outPeak    int

	watchedNames int // bytes of the names of watched keys

	softSince int64       // Unix seconds since when its replies are above the soft limit; 0 when they are not
	accounted int64       // bytes of it in clients.lim.total
	parked    *parked     // the command that waits, nil when none does
	tls       *tlsio.Conn // nil when what is sent is not encrypted
}

func (c *client) has(f clientFlags) bool { return c.flags&f != 0 }

func (c *client) set(f clientFlags, on bool) {
	if on {
		c.flags |= f
	} else {
		c.flags &^= f
	}
}

// userName is the name of its user.
func (c *client) userName() string {
	if c.user == nil {
		return "(superuser)"
	}
	return c.user.Name
}

// pendingOut is the number of reply bytes that wait.
func (c *client) pendingOut() int { return len(c.out) - c.sent }

// Ready serves the socket; it is the loop's handler.
func (c *client) Ready(ev event.Events) {
	c.srv.clients.note(c)
	if ev&event.Writable != 0 {
		c.srv.clients.flush(c)
	}
	if c.tls != nil {
		c.srv.readEncrypted(c, ev)
		return
	}
	if ev&(event.Readable|event.Hangup) != 0 && !c.has(flagCloseSoon) {
		c.srv.readClient(c)
	}
}
