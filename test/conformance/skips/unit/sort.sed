# 7.2 keeps a list that fits into one node as a listpack; 7.0 makes every list a quicklist.
s/(lpush) quicklist/\1 *list*/
