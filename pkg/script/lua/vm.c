/* The interpreter's life: memory, the clock that ends scripts, loading and running. */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

typedef void (*protected)(lua_State *L, void *ud);

lua_State *vm;
int vm_running, vm_loading, vm_resp = 2;
buffer vm_in, vm_out;
int vm_ticks = 1;

static size_t limit = (size_t)-1, used;
static int ended, deprecated, starved;

enum { every = 20000 }; /* loops and calls between two looks at the clock */

EXPORT(try_call) void try_call(protected f, lua_State *L, void *ud) { f(L, ud); }

void vm_tick(lua_State *L) {
  vm_ticks = every;
  if (!ended && !host_tick()) return;
  /* From here on every loop and call fails, so that no pcall outlives it. */
  ended = 1;
  vm_ticks = 1;
  raise_error(L, vm_loading ? "FUNCTION LOAD timeout" : "Script killed by user with SCRIPT KILL...");
}

/* Small pieces come from lists of free ones of their size: Lua tells the size of what it
 * frees. They are cut from blocks that are not given back. */
enum { step = 8, small = 256, block = 16384 };

typedef struct piece {
  struct piece *next;
} piece;

static piece *pieces[small / step + 1];
static char *rest_of_block;
static size_t block_left;

static void *cut(size_t class) {
  size_t n = class * step;
  if (block_left < n) {
    char *b = malloc(block);
    if (!b) return NULL;
    /* What is left of the old block is of no use to this size, but to smaller ones. */
    if (block_left) {
      piece *left = (piece *)rest_of_block;
      left->next = pieces[block_left / step];
      pieces[block_left / step] = left;
    }
    rest_of_block = b;
    block_left = block;
  }
  void *p = rest_of_block;
  rest_of_block += n;
  block_left -= n;
  return p;
}

static void *get(size_t n) {
  if (n > small) return malloc(n);
  size_t class = (n + step - 1) / step;
  piece *p = pieces[class];
  if (!p) return cut(class);
  pieces[class] = p->next;
  return p;
}

static void put(void *p, size_t n) {
  if (n > small) {
    free(p);
    return;
  }
  size_t class = (n + step - 1) / step;
  ((piece *)p)->next = pieces[class];
  pieces[class] = p;
}

/* vm_realloc is Lua's allocator: old and n may be 0. To make less of a piece never fails. */
void *vm_realloc(void *p, size_t old, size_t n) {
  if (n > old && (n - old > limit || used > limit - (n - old))) {
    starved = 1;
    return NULL;
  }
  used += n - old;
  if (old == 0) {
    p = n ? get(n) : NULL;
  } else if (n == 0) {
    put(p, old);
    return NULL;
  } else if (old > small && n > small) {
    void *q = realloc(p, n);
    p = q || n > old ? q : p;
  } else if (old > small || n > small || (n + step - 1) / step != (old + step - 1) / step) {
    void *q = get(n);
    if (q) {
      memcpy(q, p, old < n ? old : n);
      put(p, old);
    }
    p = q || n > old ? q : p;
  }
  if (!p) used -= n - old;
  return p;
}

static void *counted(void *ud, void *p, size_t old, size_t n) { return vm_realloc(p, old, n); }

int buf_room(buffer *b, size_t n) {
  if (b->cap - b->len >= n) return 1;
  size_t cap = b->cap ? b->cap : 1024;
  while (cap - b->len < n) {
    if (cap > (size_t)1 << 30) return 0;
    cap *= 2;
  }
  if (cap > 65536 && cap > limit) return 0;
  char *p = realloc(b->p, cap);
  if (!p) return 0;
  b->p = p;
  b->cap = cap;
  return 1;
}

int buf_put(buffer *b, const void *p, size_t n) {
  if (!buf_room(b, n)) return 0;
  memcpy(b->p + b->len, p, n);
  b->len += n;
  return 1;
}

int buf_u32(buffer *b, uint32_t v) { return buf_put(b, &v, 4); }

/* rest collects what a script left that ran out of memory: the next one must not. */
static void rest(lua_State *L) {
  lua_settop(L, 0);
  vm_running = vm_loading = ended = 0;
  vm_ticks = every;
  if (starved) lua_gc(L, LUA_GCCOLLECT, 0);
  starved = 0;
}

/* input makes room for n bytes of the daemon's and says where. */
EXPORT(input) void *input(int n) {
  vm_in.len = 0;
  return buf_room(&vm_in, (size_t)n + 1) ? vm_in.p : NULL;
}

/* Where the two buffers are described: address, length, room. */
EXPORT(input_at) void *input_at(void) { return &vm_in; }
EXPORT(output_at) void *output_at(void) { return &vm_out; }
EXPORT(used_bytes) double used_bytes(void) { return (double)used; }

/* settle gives back what big arguments and replies took. */
EXPORT(settle) void settle(int full) {
  buffer *all[] = {&vm_in, &vm_out};
  for (int i = 0; i < 2; i++)
    if (all[i]->cap > 1 << 20) {
      free(all[i]->p);
      memset(all[i], 0, sizeof(buffer));
    }
  if (full)
    lua_gc(vm, LUA_GCCOLLECT, 0);
  else
    lua_gc(vm, LUA_GCSTEP, 50);
}

static const char handler_key = 0, library_key = 0, globals_key = 0;

static void set_keyed(lua_State *L, const char *key) {
  lua_pushlightuserdata(L, (void *)key);
  lua_insert(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

static void get_keyed(lua_State *L, const char *key) {
  lua_pushlightuserdata(L, (void *)key);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

/* open_functions gives the interpreter of libraries a global table of its own: what
 * lies behind it is another one while a library is loaded than while it runs. */
static void open_functions(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L);
  lua_pushcfunction(L, api_register);
  lua_setfield(L, -2, "register_function");
  api_log(L);
  set_error_metatable(L);
  lua_setfield(L, -2, "redis");
  set_error_metatable(L);
  protect_table(L);
  set_keyed(L, &library_key);

  protect_globals(L);
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  set_keyed(L, &globals_key);
  lua_newtable(L);
  lua_newtable(L);
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  lua_setfield(L, -2, "__index");
  lua_enablereadonlytable(L, -1, 1);
  lua_setmetatable(L, -2);
  lua_enablereadonlytable(L, -1, 1);
  lua_replace(L, LUA_GLOBALSINDEX);
}

static int open_protected(lua_State *L) {
  int functions = lua_toboolean(L, 1);
  lua_settop(L, 0);
  api_open(L, deprecated);
  lua_pushcfunction(L, error_handler);
  set_keyed(L, &handler_key);
  if (functions) {
    open_functions(L);
  } else {
    api_eval(L);
    protect_globals(L);
  }
  protect_basic_types(L);
  return 0;
}

EXPORT(set_limit) void set_limit(double n) { limit = n > 0 && n < 4e9 ? (size_t)n : (size_t)-1; }

/* start makes the interpreter: of functions, or of EVAL. 0 when memory lacks. */
EXPORT(start) int start(int functions, int with_deprecated, double memory_limit) {
  deprecated = with_deprecated;
  vm = lua_newstate(counted, NULL);
  if (!vm) return 0;
  lua_pushcfunction(vm, open_protected);
  lua_pushboolean(vm, functions);
  int failed = lua_pcall(vm, 1, 0, 0);
  set_limit(memory_limit);
  return !failed;
}



/* put_text gives the daemon the string on top of the stack. */
static void put_text(lua_State *L) {
  size_t n = 0;
  const char *s = lua_tolstring(L, -1, &n);
  vm_out.len = 0;
  if (s) buf_put(&vm_out, s, strlen(s));
}

/* load compiles the n bytes of input from the offset on. It gives a reference, or -1
 * and the error as output. */
EXPORT(load) int load(int offset, int n) {
  lua_State *L = vm;
  lua_settop(L, 0);
  if (luaL_loadbuffer(L, vm_in.p + offset, n, "@user_script")) {
    put_text(L);
    lua_settop(L, 0);
    return -1;
  }
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

EXPORT(unref) void unref(int ref) { luaL_unref(vm, LUA_REGISTRYINDEX, ref); }

/* array pushes a table of the next n strings of input. */
static const char *array(lua_State *L, const char *p, int n) {
  lua_createtable(L, n, 0);
  for (int i = 1; i <= n; i++) {
    uint32_t len;
    memcpy(&len, p, 4);
    lua_pushlstring(L, p + 4, len);
    lua_rawseti(L, -2, i);
    p += 4 + len;
  }
  return p;
}

/* run calls what a reference stands for with the keys and arguments of input. The
 * reply is the output. Memory that lacks outside of the call itself, for arguments or
 * the reply, breaks the interpreter: to protect that too would cost every call. */
EXPORT(run) void run(int ref, int keys, int args, int eval) {
  lua_State *L = vm;
  vm_running = 1;
  vm_resp = 2;
  vm_ticks = every;
  vm_out.len = 0;
  lua_settop(L, 0);
  get_keyed(L, &handler_key);
  lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
  const char *p = array(L, vm_in.p, keys);
  array(L, p, args);
  if (eval) {
    lua_enablereadonlytable(L, LUA_GLOBALSINDEX, 0);
    lua_setglobal(L, "ARGV");
    lua_setglobal(L, "KEYS");
    lua_enablereadonlytable(L, LUA_GLOBALSINDEX, 1);
  }
  int failed = lua_pcall(L, eval ? 0 : 2, 1, 1);
  vm_ticks = every; /* what follows is the daemon's */
  ended = 0;
  if (failed)
    put_error(L, 1);
  else
    put_value(L);
  rest(L);
}

static void set_globals(lua_State *L, const char *key) {
  lua_getmetatable(L, LUA_GLOBALSINDEX);
  lua_enablereadonlytable(L, -1, 0);
  get_keyed(L, key);
  lua_setfield(L, -2, "__index");
  lua_enablereadonlytable(L, -1, 1);
  lua_pop(L, 1);
}

/* library compiles and runs the code of a library, n bytes of input from the offset
 * on. 0, or not and the error as output. */
EXPORT(library) int library(int offset, int n) {
  lua_State *L = vm;
  int result = 0;
  lua_settop(L, 0);
  vm_out.len = 0;
  set_globals(L, &library_key);
  vm_ticks = every;
  if (luaL_loadbuffer(L, vm_in.p + offset, n, "@user_function")) {
    put_text(L);
    result = 1;
  } else {
    vm_loading = 1;
    if (lua_pcall(L, 0, 0, 0)) {
      put_error(L, 0);
      result = 2;
    }
  }
  set_globals(L, &globals_key);
  rest(L);
  return result;
}
