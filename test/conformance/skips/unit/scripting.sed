# Replicas are not there yet.
/^    start_server \{tags \{"scripting repl needs:debug/,/^    \}/d
/^start_server \{tags \{"scripting repl external:skip"/,/^\}/d
# There is no debugger for scripts.
/^start_server \{tags \{"scripting external:skip"\}\} \{/,/^\}/d
