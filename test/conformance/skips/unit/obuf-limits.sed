# used_memory counts a buffer until the collector of Go has run, so it tells nothing here.
s/assert \{\$cur_mem < 10000 \+ \$orig_mem\}//
