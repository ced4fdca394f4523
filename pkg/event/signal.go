package event

import (
	"os"
	"os/signal"
)

// signalQueue is how many signals may wait for the forwarding goroutine, which does
// nothing but post. Signals of a kind may be lost beyond that, as they may be in the
// kernel: a SIGCHLD says that there are children to reap, not how many.
const signalQueue = 32

// Signals posts fn to the loop for every signal of sigs. signalfd would need the
// signals blocked in every thread, which the Go runtime does not allow. The function
// it returns ends the forwarding and gives the signals their default action back;
// call it once.
func Signals(l *Loop, fn func(os.Signal), sigs ...os.Signal) (stop func()) {
	ch := make(chan os.Signal, signalQueue)
	signal.Notify(ch, sigs...)
	go func() {
		for s := range ch {
			l.Post(func() { fn(s) })
		}
	}()
	return func() {
		signal.Stop(ch) // nothing is sent after it returns
		close(ch)
	}
}
