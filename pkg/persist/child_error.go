package persist

import "fmt"

// ChildError says that a child did not do its work.
type ChildError struct {
	Exit Exit
	Text string // what the child reported, "" if nothing
	// Unverified: what it had written was not what it read back.
	Unverified bool
}

// Error describes the exit and the report.
func (e *ChildError) Error() string {
	switch {
	case e.Exit.Signal != 0:
		return fmt.Sprintf("persist: child ended by signal %d", e.Exit.Signal)
	case e.Text != "":
		return fmt.Sprintf("persist: child exited with %d: %s", e.Exit.Code, e.Text)
	}
	return fmt.Sprintf("persist: child exited with %d", e.Exit.Code)
}
