// Package server joins the subsystems into a daemon: clients and their buffers,
// the execution of commands with its gates and effects, cron and before-sleep
// work, the administrative commands, and the background jobs.
//
// A command's way through here:
//
//	input.go    a readable socket: read(2) into one shared buffer, requests cut out
//	exec.go     the table's row, the gates (gate.go), the handler
//	apply.go    what the handler says it did: statistics, log, expired keys
//	sleep.go    before the loop sleeps: the log first, then the replies
//	output.go   replies leave when their log batch has reached the policy's point
//
// background.go is the one place where the event loop, child processes and
// persistence meet.
//
// Server holds pointers to subsystems and nothing else; state is with its owner.
// Everything runs on the loop's goroutine unless a comment says otherwise.
package server
