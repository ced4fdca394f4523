/* The table "redis", and what a script may reach of Lua's own. */
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vm.h"

static buffer frame, answer; /* of redis.call */

/* put_frame makes a frame of the arguments on the stack: where each lies, and its
 * length. They must stay on the stack until it has been read. -1 when there is none, or
 * one is neither a string nor a number, and then an error is pushed. */
static int put_frame(lua_State *L) {
  enum { pair = 8, digits = 32 };
  int argc = lua_gettop(L);
  if (argc == 0) {
    push_error(L, "Please specify at least one argument for this redis lib call");
    return -1;
  }
  frame.len = 0;
  if (!buf_room(&frame, (size_t)argc * (pair + digits))) luaL_error(L, "not enough memory");
  uint32_t *word = (uint32_t *)frame.p;
  char *text = frame.p + argc * pair; /* of the numbers */
  for (int i = 1; i <= argc; i++, word += 2) {
    size_t n;
    const char *s;
    if (lua_type(L, i) == LUA_TNUMBER) {
      double v = lua_tonumber(L, i);
      n = (size_t)(v > -1e14 && v < 1e14 && v == (double)(long long)v ? vm_number2str(text, v)
                                                                      : snprintf(text, digits, "%.17g", v));
      s = text;
      text += n;
    } else if (!(s = lua_tolstring(L, i, &n))) {
      lua_settop(L, 0);
      push_error(L, "Lua redis lib command arguments must be strings or integers");
      return -1;
    }
    word[0] = (uint32_t)(uintptr_t)s;
    word[1] = (uint32_t)n;
  }
  return argc;
}

static int call_command(lua_State *L, int raise) {
  if (!vm_running) return raise_error(L, "redis.call/pcall can only be called inside a script invocation");
  int argc = put_frame(L);
  if (argc < 0) return raise ? lua_error(L) : 1;
  if (answer.cap < 1024 && !buf_room(&answer, 1024)) return luaL_error(L, "not enough memory");
  int n = host_call(frame.p, argc, answer.p, (int)answer.cap - 1);
  lua_settop(L, 0);
  if ((size_t)n >= answer.cap) {
    answer.len = 0;
    if (!buf_room(&answer, (size_t)n + 1)) return luaL_error(L, "not enough memory");
    host_take(answer.p);
  }
  answer.p[n] = 0;
  int failed = answer.p[0] == '-';
  push_reply(L, answer.p);
  if (answer.cap > 1 << 20) {
    free(answer.p);
    memset(&answer, 0, sizeof answer);
  }
  return raise && failed ? lua_error(L) : 1;
}

static int api_call(lua_State *L) { return call_command(L, 1); }
static int api_pcall(lua_State *L) { return call_command(L, 0); }

/* lua_pcall_text is pcall that gives the text of a command's error, as scripts
 * expect that are older than error tables. */
static int lua_pcall_text(lua_State *L) {
  int argc = lua_gettop(L);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  if (lua_pcall(L, argc - 1, LUA_MULTRET, 0)) {
    lua_remove(L, 1);
    if (lua_istable(L, -1)) {
      lua_getfield(L, -1, "err");
      if (lua_isstring(L, -1)) lua_replace(L, -2);
    }
    lua_pushboolean(L, 0);
    lua_insert(L, 1);
  }
  return lua_gettop(L);
}

static int api_sha1hex(lua_State *L) {
  if (lua_gettop(L) != 1) return raise_error(L, "wrong number of arguments");
  char hex[40];
  size_t n = 0;
  const char *s = lua_tolstring(L, 1, &n);
  host_sha1(s, (int)n, hex);
  lua_pushlstring(L, hex, 40);
  return 1;
}

static int one_string(lua_State *L) {
  if (lua_gettop(L) == 1 && lua_type(L, 1) == LUA_TSTRING) return 1;
  push_error(L, "wrong number or type of arguments");
  return 0;
}

static int api_error_reply(lua_State *L) {
  if (!one_string(L)) return 1;
  if (*lua_tostring(L, 1) != '-') {
    lua_pushliteral(L, "-");
    lua_insert(L, 1);
    lua_concat(L, 2);
  }
  push_error(L, lua_tostring(L, 1));
  return 1;
}

static int api_status_reply(lua_State *L) {
  if (!one_string(L)) return 1;
  lua_newtable(L);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "ok");
  return 1;
}

static int to_int(double v) { return v >= -2147483648.0 && v <= 2147483647.0 ? (int)v : -2147483647 - 1; }

static int api_set_repl(lua_State *L) {
  if (!vm_running) return raise_error(L, "redis.set_repl can only be called inside a script invocation");
  if (lua_gettop(L) != 1) return raise_error(L, "redis.set_repl() requires two arguments.");
  int flags = to_int(lua_tonumber(L, 1));
  if (flags & ~3) return raise_error(L, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  host_setrepl(flags);
  return 0;
}

static int api_setresp(lua_State *L) {
  if (!vm_running) return raise_error(L, "redis.setresp can only be called inside a script invocation");
  if (lua_gettop(L) != 1) return raise_error(L, "redis.setresp() requires one argument.");
  int resp = to_int(lua_tonumber(L, 1));
  if (resp != 2 && resp != 3) return raise_error(L, "RESP version must be 2 or 3.");
  vm_resp = resp;
  host_setresp(resp);
  return 0;
}

static int api_acl_check(lua_State *L) {
  if (!vm_running) return raise_error(L, "redis.acl_check_cmd can only be called inside a script invocation");
  int argc = put_frame(L);
  if (argc < 0) return lua_error(L);
  int allowed = host_acl(frame.p, argc);
  lua_settop(L, 0);
  if (allowed < 0) return raise_error(L, "Invalid command passed to redis.acl_check_cmd()");
  lua_pushboolean(L, allowed);
  return 1;
}

static int api_write_log(lua_State *L) {
  int argc = lua_gettop(L);
  if (argc < 2) return raise_error(L, "redis.log() requires two arguments or more.");
  if (!lua_isnumber(L, 1)) return raise_error(L, "First argument must be a number (log level).");
  int level = to_int(lua_tonumber(L, 1));
  if (level < 0 || level > 3) return raise_error(L, "Invalid debug level.");
  frame.len = 0;
  for (int i = 2; i <= argc; i++) {
    size_t n;
    const char *s = lua_tolstring(L, i, &n);
    if (s && !((i == 2 || buf_put(&frame, " ", 1)) && buf_put(&frame, s, n))) return luaL_error(L, "not enough memory");
  }
  host_log(level, frame.p, (int)frame.len);
  return 0;
}

static int api_true(lua_State *L) {
  lua_pushboolean(L, 1);
  return 1;
}

static int api_false(lua_State *L) {
  lua_pushboolean(L, 0);
  return 1;
}

static int api_nothing(lua_State *L) { return 0; }

static int os_clock(lua_State *L) {
  lua_pushnumber(L, host_clock());
  return 1;
}

/* ---- math.random: the 48-bit generator that drand48 has, the same everywhere ---- */

static uint64_t random_state = 0x1234ABCD330EULL;

static int math_random(lua_State *L) {
  if (!vm_running) return luaL_error(L, "math.random can only be called inside a script invocation");
  random_state = (random_state * 0x5DEECE66DULL + 0xB) & 0xFFFFFFFFFFFFULL;
  const double most = 2147483647.0;
  double r = (double)((uint32_t)(random_state >> 17) % 2147483647u) / most;
  int low = 1, high;
  switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, r); return 1;
    case 1:
      high = luaL_checkint(L, 1);
      luaL_argcheck(L, 1 <= high, 1, "interval is empty");
      lua_pushnumber(L, floor(r * high) + 1);
      return 1;
    case 2:
      low = luaL_checkint(L, 1);
      high = luaL_checkint(L, 2);
      luaL_argcheck(L, low <= high, 2, "interval is empty");
      lua_pushnumber(L, floor(r * ((double)high - low + 1)) + low);
      return 1;
  }
  return luaL_error(L, "wrong number of arguments");
}

static int math_randomseed(lua_State *L) {
  if (!vm_running) return luaL_error(L, "math.randomseed can only be called inside a script invocation");
  random_state = (uint64_t)(uint32_t)luaL_checkint(L, 1) << 16 | 0x330E;
  return 0;
}

/* ---- functions ---- */

enum { no_writes = 1, allow_oom = 2, allow_stale = 4, no_cluster = 8, cross_slot = 16 };

static int flag_of(const char *s) {
  static const char *const names[] = {"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"};
  for (int i = 0; i < 5; i++)
    if (!strcasecmp(names[i], s)) return 1 << i;
  return 0;
}

/* read_flags reads the list on top; -1 when it has what is no flag. */
static int read_flags(lua_State *L) {
  int flags = 0;
  for (int i = 1;; i++) {
    lua_pushnumber(L, i);
    lua_gettable(L, -2);
    if (lua_isnil(L, -1)) break;
    int f = lua_isstring(L, -1) ? flag_of(lua_tostring(L, -1)) : 0;
    lua_pop(L, 1);
    if (!f) return -1;
    flags |= f;
  }
  lua_pop(L, 1);
  return flags;
}

/* The slots of the stack that collect what is registered. */
enum { given = 1, name_at, desc_at, callback_at };

/* read_named reads the table of named arguments into the slots; an error text, or NULL. */
static const char *read_named(lua_State *L, int *flags) {
  if (!lua_istable(L, given))
    return "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).";
  lua_settop(L, callback_at);
  lua_pushnil(L);
  while (lua_next(L, given)) {
    if (!lua_isstring(L, -2)) return "named argument key given to redis.register_function is not a string";
    /* A number as key must stay one, for lua_next. */
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    int slot = 0;
    if (!strcasecmp(key, "function_name")) {
      if (!lua_isstring(L, -1)) return "function_name argument given to redis.register_function must be a string";
      slot = name_at;
    } else if (!strcasecmp(key, "description")) {
      if (!lua_isstring(L, -1)) return "description argument given to redis.register_function must be a string";
      slot = desc_at;
    } else if (!strcasecmp(key, "callback")) {
      if (!lua_isfunction(L, -1)) return "callback argument given to redis.register_function must be a function";
      slot = callback_at;
    } else if (!strcasecmp(key, "flags")) {
      if (!lua_istable(L, -1)) return "flags argument to redis.register_function must be a table representing function flags";
      if ((*flags = read_flags(L)) < 0) return "unknown flag given";
    } else {
      return "unknown argument given to redis.register_function";
    }
    if (slot)
      lua_replace(L, slot);
    else
      lua_pop(L, 1);
  }
  if (lua_isnil(L, name_at)) return "redis.register_function must get a function name argument";
  if (lua_isnil(L, callback_at)) return "redis.register_function must get a callback argument";
  return NULL;
}

/* redis.register_function */
int api_register(lua_State *L) {
  if (!vm_loading) return raise_error(L, "redis.register_function can only be called on FUNCTION LOAD command");
  int argc = lua_gettop(L), flags = 0;
  const char *err = NULL;
  if (argc < 1 || argc > 2) return raise_error(L, "wrong number of arguments to redis.register_function");
  if (argc == 1) {
    err = read_named(L, &flags);
  } else if (!lua_isstring(L, 1)) {
    err = "first argument to redis.register_function must be a string";
  } else if (!lua_isfunction(L, 2)) {
    err = "second argument to redis.register_function must be a function";
  } else { /* name, callback */
    lua_pushvalue(L, 2);
    lua_pushnil(L);
    lua_replace(L, 2);
    lua_pushvalue(L, 1);
    lua_insert(L, 2); /* given, name, nil, callback */
  }
  if (err) return raise_error(L, err);
  size_t n, dn = 0;
  const char *name = lua_tolstring(L, name_at, &n), *desc = lua_tolstring(L, desc_at, &dn);
  lua_pushvalue(L, callback_at);
  int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  char text[512];
  int failed = host_function(name, (int)n, desc, (int)dn, desc != NULL, flags, ref, text, sizeof text - 1);
  if (!failed) return 0;
  luaL_unref(L, LUA_REGISTRYINDEX, ref);
  text[failed] = 0;
  return raise_error(L, text);
}

/* ---- what is there, and that it stays so ---- */

static int missing_global(lua_State *L) {
  if (lua_gettop(L) != 2) return luaL_error(L, "Wrong number of arguments to luaProtectedTableError");
  if (!lua_isstring(L, -1)) return luaL_error(L, "Second argument to luaProtectedTableError must be a string or number");
  return luaL_error(L, "Script attempted to access nonexistent global variable '%s'", lua_tostring(L, -1));
}

void set_error_metatable(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, missing_global);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* protect_table makes the table on top, and all that can be reached from it, read-only. */
void protect_table(lua_State *L) {
  if (lua_isreadonlytable(L, -1)) return;
  lua_enablereadonlytable(L, -1, 1);
  luaL_checkstack(L, 4, "protect");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_istable(L, -1)) protect_table(L);
    lua_pop(L, 1);
  }
  if (lua_getmetatable(L, -1)) {
    protect_table(L);
    lua_pop(L, 1);
  }
}

void protect_globals(lua_State *L) {
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  set_error_metatable(L);
  protect_table(L);
  lua_pop(L, 1);
}

void protect_basic_types(lua_State *L) {
  lua_pushliteral(L, "");
  lua_pushnumber(L, 0);
  lua_pushboolean(L, 0);
  lua_pushnil(L);
  lua_pushcfunction(L, api_nothing);
  lua_newthread(L);
  lua_pushlightuserdata(L, L);
  for (; lua_gettop(L) > 0; lua_pop(L, 1))
    if (lua_getmetatable(L, -1)) {
      protect_table(L);
      lua_pop(L, 1);
    }
}

static void set_functions(lua_State *L, const luaL_Reg *r) {
  for (; r->name; r++) {
    lua_pushcfunction(L, r->func);
    lua_setfield(L, -2, r->name);
  }
}

static void set_number(lua_State *L, const char *name, double v) {
  lua_pushnumber(L, v);
  lua_setfield(L, -2, name);
}

/* api_log puts redis.log, its levels and the version into the table on top. */
void api_log(lua_State *L) {
  static const luaL_Reg log[] = {{"log", api_write_log}, {NULL, NULL}};
  set_functions(L, log);
  set_number(L, "LOG_DEBUG", 0);
  set_number(L, "LOG_VERBOSE", 1);
  set_number(L, "LOG_NOTICE", 2);
  set_number(L, "LOG_WARNING", 3);
  set_number(L, "REDIS_VERSION_NUM", 0x00070204);
  lua_pushliteral(L, "7.2.4");
  lua_setfield(L, -2, "REDIS_VERSION");
}

int luaopen_cjson(lua_State *L);
int luaopen_struct(lua_State *L);
int luaopen_cmsgpack(lua_State *L);
int luaopen_bit(lua_State *L);

/* api_open opens the libraries and the table redis. */
void api_open(lua_State *L, int deprecated) {
  static const luaL_Reg libraries[] = {
      {"", luaopen_base}, {"table", luaopen_table}, {"string", luaopen_string}, {"math", luaopen_math},
      {"cjson", luaopen_cjson}, {"struct", luaopen_struct}, {"cmsgpack", luaopen_cmsgpack}, {"bit", luaopen_bit}, {NULL, NULL}};
  static const char *const unsafe[] = {"print", "dofile", "loadfile", "cmsgpack_safe", NULL};
  static const char *const old[] = {"newproxy", "setfenv", "getfenv", NULL};
  static const luaL_Reg redis[] = {
      {"call", api_call}, {"pcall", api_pcall}, {"setresp", api_setresp}, {"sha1hex", api_sha1hex},
      {"error_reply", api_error_reply}, {"status_reply", api_status_reply}, {"set_repl", api_set_repl},
      {"acl_check_cmd", api_acl_check}, {NULL, NULL}};
  static const luaL_Reg random[] = {{"random", math_random}, {"randomseed", math_randomseed}, {NULL, NULL}};
  static const luaL_Reg os[] = {{"clock", os_clock}, {NULL, NULL}};
  for (const luaL_Reg *r = libraries; r->name; r++) {
    lua_pushcfunction(L, r->func);
    lua_pushstring(L, r->name);
    lua_call(L, 1, 0);
  }
  for (const char *const *n = unsafe; *n; n++) lua_pushnil(L), lua_setglobal(L, *n);
  for (const char *const *n = old; *n && !deprecated; n++) lua_pushnil(L), lua_setglobal(L, *n);
  lua_pushcfunction(L, lua_pcall_text);
  lua_setglobal(L, "pcall");
  lua_newtable(L);
  set_functions(L, redis);
  api_log(L);
  set_number(L, "REPL_NONE", 0);
  set_number(L, "REPL_AOF", 1);
  set_number(L, "REPL_SLAVE", 2);
  set_number(L, "REPL_REPLICA", 2);
  set_number(L, "REPL_ALL", 3);
  lua_setglobal(L, "redis");
  lua_getglobal(L, "math");
  set_functions(L, random);
  lua_pop(L, 1);
  lua_newtable(L);
  set_functions(L, os);
  lua_setglobal(L, "os");
}

/* api_eval adds what only scripts of EVAL have. */
void api_eval(lua_State *L) {
  static const luaL_Reg eval[] = {
      {"breakpoint", api_false}, {"debug", api_nothing}, {"replicate_commands", api_true}, {NULL, NULL}};
  lua_getglobal(L, "redis");
  set_functions(L, eval);
  lua_pop(L, 1);
  lua_pushcfunction(L, error_handler);
  lua_setglobal(L, "__redis__err__handler");
}
