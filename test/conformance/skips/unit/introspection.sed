# Since 7.2 the four lists of processors are spelled with hyphens. The other four are
# directives of redisd alone that, like these, are fixed at the start.
/^ +server_cpulist$/ s/$/\n            server-cpulist\n            bio-cpulist\n            aof-rewrite-cpulist\n            bgsave-cpulist\n            enable-debug-assert\n            huge-pages\n            log-format\n            lua-enable-deprecated-api/
