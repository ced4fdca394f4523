# The suite finds out by ldd whether the server can tell its stack. A static binary in Go can;
# the functions in it have other names.
s/^set backtrace_supported 0/set backtrace_supported 1/
s/\*debugCommand\*/*debugSleep*/
