/* Included before every file. Lua's errors unwind through the daemon: host_try calls
 * back into the module and comes back when host_throw is called below it. */
__attribute__((import_module("redisd"), import_name("try"))) void host_try(void *f, void *L, void *ud);
__attribute__((import_module("redisd"), import_name("throw"), noreturn)) void host_throw(void);
#define LUAI_THROW(L, c) host_throw()
#define LUAI_TRY(L, c, a) host_try((void *)f, L, ud)
#define luai_jmpbuf int
int vm_number2str(char *s, double n);
/* Counts loops and calls; below zero it is time to ask the daemon. */
extern int vm_ticks;
struct lua_State;
void vm_tick(struct lua_State *L);
