# 7.2 prints the shortest digits that read back as the score; Tcl and 7.0 print 17.
s/set score \[expr rand\(\)\]/set score [format %.15g [expr 1+rand()]]/
