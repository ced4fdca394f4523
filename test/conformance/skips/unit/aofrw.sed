# 7.2 keeps a list that fits into one node as a listpack; 7.0 makes every list a quicklist.
s/foreach e \{quicklist\}/foreach e {*list*}/
/AOF rewrite of list with/,/debug_digest/s/assert_equal (\[r object encoding key\]) \$e/assert_match $e \1/
