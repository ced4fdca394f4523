/* Lua includes it; conf.h has what takes its place. */
