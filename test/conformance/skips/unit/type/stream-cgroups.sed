# 7.2 runs the command again when the key goes or changes its type, and replies what that
# replies; 7.0 has an error of its own for it.
s/assert_error "\*no longer exists\*"/assert_error {[NW][OR]*}/
# 7.2 makes the consumer when it begins to wait, 7.0 when there is something for it.
/Consumer without PEL is present/,/^        \}/s/(\$n_consumers) 2/\1 3/
/Consumer without PEL is present/,/^        \}/s/\$reply 1\]/$reply 2]/
