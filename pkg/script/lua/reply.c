/* Between replies and Lua's values, both ways. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vm.h"

/* push_error pushes an error table. "-CODE text" has its code; other texts get ERR. */
void push_error(lua_State *L, const char *text) {
  const char *code = "ERR", *msg = text;
  size_t code_len = 3;
  if (text[0] == '-') {
    const char *space = strchr(text, ' ');
    if (space) {
      code = text + 1;
      code_len = (size_t)(space - code);
      msg = space + 1;
    } else {
      msg = text + 1;
    }
  }
  size_t n = strlen(msg);
  while (n && (msg[n - 1] == '\r' || msg[n - 1] == '\n')) n--;
  while (n && (*msg == '\r' || *msg == '\n')) msg++, n--;
  lua_newtable(L);
  lua_pushlstring(L, code, code_len);
  lua_pushliteral(L, " ");
  lua_pushlstring(L, msg, n);
  lua_concat(L, 3);
  lua_setfield(L, -2, "err");
}

int raise_error(lua_State *L, const char *text) {
  push_error(L, text);
  return lua_error(L);
}

/* error_handler turns what was raised into a table that tells where. */
int error_handler(lua_State *L) {
  lua_Debug d;
  int known = lua_getstack(L, 1, &d);
  if (known) {
    lua_getinfo(L, "Sl", &d);
    if (strcmp(d.what, "C") == 0) {
      known = lua_getstack(L, 2, &d);
      if (known) lua_getinfo(L, "Sl", &d);
    }
  }
  lua_settop(L, 1);
  if (!lua_istable(L, 1)) {
    lua_newtable(L);
    lua_pushliteral(L, "ERR ");
    lua_getglobal(L, "tostring");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    lua_concat(L, 2);
    lua_setfield(L, -2, "err");
    lua_replace(L, 1);
  }
  if (known) {
    lua_pushstring(L, d.source);
    lua_setfield(L, 1, "source");
    lua_pushinteger(L, d.currentline);
    lua_setfield(L, 1, "line");
  }
  return 1;
}

/* ---- from a reply to Lua ---- */

static const char *line_end(const char *p) {
  while (*p != '\r') p++;
  return p;
}

static const char *push_one(lua_State *L, const char *p);

static void set_text(lua_State *L, const char *field, const char *p, size_t n) {
  lua_createtable(L, 0, 1);
  lua_pushlstring(L, p, n);
  lua_setfield(L, -2, field);
}

/* push_items reads the n elements of an aggregate of a kind into a new table. */
static const char *push_items(lua_State *L, char kind, long long n, const char *p) {
  luaL_checkstack(L, 8, "reached lua stack limit");
  if (kind != '*') {
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, (int)n);
  } else {
    lua_createtable(L, (int)n, 0);
  }
  for (long long i = 0; i < n; i++) {
    if (kind == '*') {
      p = push_one(L, p);
      lua_rawseti(L, -2, (int)i + 1);
      continue;
    }
    p = push_one(L, p);
    if (kind == '%')
      p = push_one(L, p);
    else
      lua_pushboolean(L, 1);
    lua_settable(L, -3);
  }
  if (kind != '*') lua_setfield(L, -2, kind == '%' ? "map" : "set");
  return p;
}

static void push_error_line(lua_State *L, const char *p, size_t n) {
  /* The text of an error of a command: it has been counted. */
  lua_pushliteral(L, "-");
  lua_pushlstring(L, p, n);
  lua_concat(L, 2);
  push_error(L, lua_tostring(L, -1));
  lua_remove(L, -2);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "ignore_error_stats_update");
}

/* push_blob pushes the string of n bytes at p: a bulk, or a verbatim string. */
static void push_blob(lua_State *L, char kind, const char *p, long long n) {
  if (kind == '$') {
    lua_pushlstring(L, p, (size_t)n);
    return;
  }
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, 2);
  lua_pushlstring(L, p + 4, (size_t)n - 4);
  lua_setfield(L, -2, "string");
  lua_pushlstring(L, p, 3);
  lua_setfield(L, -2, "format");
  lua_setfield(L, -2, "verbatim_string");
}

/* number_at reads the number at *p and steps over it and its line end. */
static long long number_at(const char **p) {
  const char *s = *p;
  int minus = *s == '-';
  unsigned long long n = 0;
  for (s += minus; *s >= '0' && *s <= '9'; s++) n = n * 10 + (unsigned)(*s - '0');
  *p = s + 2;
  return (long long)(minus ? -n : n);
}

/* push_line pushes what is one line of text. */
static const char *push_line(lua_State *L, char kind, const char *p) {
  const char *end = line_end(p);
  switch (kind) {
    case '+': set_text(L, "ok", p, (size_t)(end - p)); break;
    case '-': push_error_line(L, p, (size_t)(end - p)); break;
    case '(': set_text(L, "big_number", p, (size_t)(end - p)); break;
    case '#': lua_pushboolean(L, *p == 't'); break;
    case ',':
      lua_createtable(L, 0, 1);
      lua_pushnumber(L, strtod(p, NULL));
      lua_setfield(L, -2, "double");
      break;
    default: lua_pushnil(L);
  }
  return end + 2;
}

static const char *push_one(lua_State *L, const char *p) {
  char kind = *p++;
  long long n;
  switch (kind) {
    case ':':
      lua_pushnumber(L, (lua_Number)number_at(&p));
      return p;
    case '$':
    case '=':
      n = number_at(&p);
      if (n < 0) break;
      push_blob(L, kind, p, n);
      return p + n + 2;
    case '|':
      for (n = number_at(&p); n > 0; n--) { /* attributes are not shown to scripts */
        p = push_one(L, p);
        p = push_one(L, p);
        lua_pop(L, 2);
      }
      return push_one(L, p);
    case '*':
    case '%':
    case '~':
      n = number_at(&p);
      if (n < 0) break;
      return push_items(L, kind, n, p);
    default: return push_line(L, kind, p);
  }
  lua_pushboolean(L, 0); /* a null of RESP2 */
  return p;
}

void push_reply(lua_State *L, const char *reply) { push_one(L, reply); }

/* ---- from Lua to a reply ----
 *
 * The output is a list of marks: one byte for the kind, then what belongs to it. All
 * numbers are little endian; a text is its length in four bytes and the bytes.
 *
 *   $ + = ( - E   a text; of =, three bytes of format come first; E is an error that
 *                 has been counted
 *   : ,           a double in eight bytes
 *   * % ~         the number of elements (or pairs) in four bytes
 *   # t f _       booleans, and null
 */

static void need(lua_State *L, int ok) {
  if (!ok) luaL_error(L, "not enough memory");
}

static void put_mark(lua_State *L, char kind) { need(L, buf_put(&vm_out, &kind, 1)); }

static void put_string(lua_State *L, char kind, const char *p, size_t n) {
  put_mark(L, kind);
  need(L, buf_u32(&vm_out, (uint32_t)n) && buf_put(&vm_out, p, n));
}

static void put_number(lua_State *L, char kind, double v) {
  put_mark(L, kind);
  need(L, buf_put(&vm_out, &v, 8));
}

/* raw pushes the field of the table on top and gives its type. */
static int raw(lua_State *L, const char *field) {
  lua_pushstring(L, field);
  lua_rawget(L, -2);
  return lua_type(L, -1);
}

static size_t open_list(lua_State *L, char kind) {
  put_mark(L, kind);
  need(L, buf_u32(&vm_out, 0));
  return vm_out.len - 4;
}

static void close_list(size_t at, uint32_t n) { memcpy(vm_out.p + at, &n, 4); }

/* put_error writes the error table on top, with the place where it came from if
 * that is asked for. */
void put_error(lua_State *L, int with_place) {
  int handled = 0;
  size_t at;
  if (lua_isstring(L, -1)) {
    at = vm_out.len;
    put_string(L, '-', "ERR ", 4);
    const char *s = lua_tostring(L, -1);
    need(L, buf_put(&vm_out, s, strlen(s)));
    close_list(at + 1, (uint32_t)(vm_out.len - at - 5));
    return;
  }
  if (!lua_istable(L, -1)) {
    put_string(L, '-', "ERR execution failure", 21);
    return;
  }
  lua_getfield(L, -1, "ignore_error_stats_update");
  handled = lua_isboolean(L, -1) && lua_toboolean(L, -1);
  lua_pop(L, 1);
  put_mark(L, handled ? 'E' : '-');
  at = vm_out.len;
  need(L, buf_u32(&vm_out, 0));
  lua_getfield(L, -1, "err");
  const char *s = lua_isstring(L, -1) ? lua_tostring(L, -1) : "(null)";
  need(L, buf_put(&vm_out, s, strlen(s)));
  lua_pop(L, 1);
  if (with_place) {
    lua_getfield(L, -1, "source");
    lua_getfield(L, -2, "line");
    if (lua_isstring(L, -1) && lua_isstring(L, -2)) {
      const char *source = lua_tostring(L, -2), *line = lua_tostring(L, -1);
      /* The daemon knows the script's name. */
      need(L, buf_put(&vm_out, " script: ", 9) && buf_put(&vm_out, "\1", 1) && buf_put(&vm_out, ", on ", 5) &&
                  buf_put(&vm_out, source, strlen(source)) && buf_put(&vm_out, ":", 1) &&
                  buf_put(&vm_out, line, strlen(line)) && buf_put(&vm_out, ".", 1));
    }
    lua_pop(L, 2);
  }
  close_list(at, (uint32_t)(vm_out.len - at - 4));
}

static void put_pairs(lua_State *L, int values) {
  size_t at = open_list(L, values ? '%' : '~');
  uint32_t n = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (!values) lua_pop(L, 1);
    lua_pushvalue(L, values ? -2 : -1);
    put_value(L);
    if (values) put_value(L);
    n++;
  }
  close_list(at, n);
}

static void put_array(lua_State *L) {
  size_t at = open_list(L, '*');
  uint32_t n = 0;
  for (;; n++) {
    lua_rawgeti(L, -1, (int)n + 1);
    if (lua_isnil(L, -1)) break;
    put_value(L);
  }
  lua_pop(L, 1);
  close_list(at, n);
}

/* put_verbatim writes the table on top if it has the strings that it needs. */
static int put_verbatim(lua_State *L) {
  int done = 0;
  if (raw(L, "format") == LUA_TSTRING) {
    const char *s = lua_tostring(L, -1);
    char format[3] = {' ', ' ', ' '};
    for (int i = 0; i < 3 && s[i]; i++) format[i] = s[i];
    lua_pushliteral(L, "string");
    lua_rawget(L, -3);
    if (lua_type(L, -1) == LUA_TSTRING) {
      size_t n;
      s = lua_tolstring(L, -1, &n);
      put_mark(L, '=');
      need(L, buf_put(&vm_out, format, 3) && buf_u32(&vm_out, (uint32_t)n) && buf_put(&vm_out, s, n));
      done = 1;
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return done;
}

/* put_field writes the field on top in place of the table below it if it is what
 * the field is for. */
static int put_field(lua_State *L, int kind, int type) {
  if (lua_type(L, -1) != type) return 0;
  size_t n = 0;
  const char *s = type == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
  switch (kind) {
    case '+': put_string(L, '+', s, strlen(s)); return 1;
    case '(': put_string(L, '(', s, n); return 1;
    case ',': put_number(L, ',', lua_tonumber(L, -1)); return 1;
    case '=': return put_verbatim(L);
    case '%': put_pairs(L, 1); return 1;
    default: put_pairs(L, 0); return 1;
  }
}

static void put_table(lua_State *L) {
  static const struct {
    const char *field;
    int kind, type;
  } fields[] = {
      {"ok", '+', LUA_TSTRING}, {"double", ',', LUA_TNUMBER}, {"big_number", '(', LUA_TSTRING},
      {"verbatim_string", '=', LUA_TTABLE}, {"map", '%', LUA_TTABLE}, {"set", '~', LUA_TTABLE},
  };
  int t = raw(L, "err");
  lua_pop(L, 1);
  if (t == LUA_TSTRING) {
    put_error(L, 0);
    return;
  }
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    raw(L, fields[i].field);
    int done = put_field(L, fields[i].kind, fields[i].type);
    lua_pop(L, 1);
    if (done) return;
  }
  put_array(L);
}

/* put_value writes the value on top, and takes it. */
void put_value(lua_State *L) {
  if (!lua_checkstack(L, 8)) {
    put_string(L, '-', "ERR reached lua stack limit", 27);
    lua_pop(L, 1);
    return;
  }
  size_t n;
  const char *s;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      s = lua_tolstring(L, -1, &n);
      put_string(L, '$', s, n);
      break;
    case LUA_TBOOLEAN:
      if (vm_resp == 3)
        put_mark(L, lua_toboolean(L, -1) ? 't' : 'f');
      else
        put_mark(L, lua_toboolean(L, -1) ? '#' : '_');
      break;
    case LUA_TNUMBER: put_number(L, ':', lua_tonumber(L, -1)); break;
    case LUA_TTABLE: put_table(L); break;
    default: put_mark(L, '_');
  }
  lua_pop(L, 1);
}
