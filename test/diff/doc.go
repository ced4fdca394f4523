// Package diff compares redisd's commands with redis-server: the same random
// commands go to both, and the raw replies, keyspace events, logged commands,
// dirty counters and DEBUG DIGEST are compared.
//
// The commands run in the test's process, on a real keyspace, through a
// dispatcher of a few lines: what is compared is pkg/command, not the server
// around it. The oracle is Debian's redis-server, 7.0; where 7.2 behaves
// differently the comparison says so in a comment with the reason.
//
// REDISD_DIFF_N sets how many commands are compared (20,000), REDISD_DIFF_SEED the
// first seed (1). With REDISD_DIFF_CAREFUL the data is compared after every batch,
// which shows where a difference comes from that is seen much later.
package diff
