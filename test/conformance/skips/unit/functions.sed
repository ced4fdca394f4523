# Replicas are not there yet.
/^start_server \{tags \{"scripting repl/,/^start_server \{tags \{"scripting"\}\}/{/^start_server \{tags \{"scripting"\}\}/!d;}
