# There are no replicas to prepare for the cases that pause.txt leaves out.
/# Avoid PINGs/,/^        \}$/ d
