/* The interpreter inside of redisd: what the files of this folder share.
 *
 * They are compiled together with Lua 5.1 to one WebAssembly module, which is translated
 * to Go (see build.sh): it runs inside of the daemon's own address space but has no way
 * out of the module's memory. The functions declared with HOST are given by the daemon. */
#ifndef VM_H
#define VM_H

#include <stddef.h>
#include <stdint.h>

#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

#define HOST(name) __attribute__((import_module("redisd"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

/* A frame is argc pairs of four bytes each: the address of a word, and its length. */

/* Runs the command in the frame and gives the length of its reply, which lies in
 * the first cap bytes at reply if it fits there. */
HOST(call) int host_call(const void *frame, int argc, void *reply, int cap);
/* Copies the reply of the last call to p. */
HOST(take) void host_take(void *p);
/* 1 when the user may run the command in the frame, 0 when not, -1 when there is no such command. */
HOST(acl) int host_acl(const void *frame, int argc);
HOST(log) void host_log(int level, const void *p, int n);
HOST(sha1) void host_sha1(const void *p, int n, void *hex);
HOST(setrepl) void host_setrepl(int flags);
HOST(setresp) void host_setresp(int resp);
/* Called now and then while Lua runs; not 0 ends the script. */
HOST(tick) int host_tick(void);
HOST(clock) double host_clock(void);
/* Registers a function; gives the length of the error text at err, 0 when there is none. */
HOST(function) int host_function(const void *name, int n, const void *desc, int dn, int has, int flags, int ref,
                                 void *err, int cap);

/* buffer is bytes that grow; memory that the limit counts. */
typedef struct {
  char *p;
  size_t len, cap;
} buffer;

int buf_room(buffer *b, size_t n);
int buf_put(buffer *b, const void *p, size_t n);
int buf_u32(buffer *b, uint32_t v);

/* State of the one interpreter of this module. */
extern lua_State *vm;
extern int vm_running; /* a script runs: redis.call may be used */
extern int vm_loading; /* a library is loaded: redis.register_function may be used */
extern int vm_resp;    /* of redis.setresp */
extern buffer vm_in;   /* what the daemon gives */
extern buffer vm_out;  /* what the daemon gets */

void push_error(lua_State *L, const char *text);
int raise_error(lua_State *L, const char *text);
void push_reply(lua_State *L, const char *reply);
void put_value(lua_State *L);
int error_handler(lua_State *L);
void put_error(lua_State *L, int handled);
void api_open(lua_State *L, int deprecated);
void api_eval(lua_State *L);
int api_register(lua_State *L);
void api_log(lua_State *L);
void protect_globals(lua_State *L);
void set_error_metatable(lua_State *L);
void protect_table(lua_State *L);
void protect_basic_types(lua_State *L);
#endif
