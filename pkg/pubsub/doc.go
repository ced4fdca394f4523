// Package pubsub knows who listens to which channel: channels, patterns of channel
// names, and shard channels, which are a world of their own. It hands every message
// to those it is for, in the order in which they subscribed.
//
// It knows no clients and no commands. A receiver is a Subscriber with the Set of
// what it is subscribed to. A message is encoded once for each protocol version,
// whoever many receive it.
//
// Nothing here is safe for several goroutines: the event loop owns a Hub, its Sets
// and its Messages.
package pubsub
