/* Included before every file. Lua's errors unwind through the daemon: host_try calls
 * back into the module and comes back when host_throw is called below it. */
#include <stddef.h>

__attribute__((import_module("redisd"), import_name("try"))) void host_try(void *f, void *L, void *ud);
__attribute__((import_module("redisd"), import_name("throw"), noreturn)) void host_throw(void);
#define LUAI_THROW(L, c) host_throw()
#define LUAI_TRY(L, c, a) host_try((void *)f, L, ud)
#define luai_jmpbuf int
/* Writes n as "%.14g" does; at most 32 bytes with the end. */
int vm_number2str(char *s, double n);
double vm_strtod(const char *s, char **end);
#define strtod vm_strtod
/* Memory of Lua, within the limit. */
void *vm_realloc(void *p, size_t old, size_t n);
/* Counts loops and calls; below zero it is time to ask the daemon. */
extern int vm_ticks;
struct lua_State;
void vm_tick(struct lua_State *L);
