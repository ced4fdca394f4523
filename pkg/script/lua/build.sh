#!/usr/bin/env bash
# Builds ../luago/lua.go: Lua 5.1 and its libraries cjson, cmsgpack, struct and bit, as
# Debian's source package of Redis has them with its security patches, changed by lua.patch,
# and the C files of this folder, compiled to WebAssembly and translated to Go by wasm2go and
# gen. The result is committed, so that a build of redisd needs only Go.
#
# Needs Debian's packages clang, lld, wasi-libc and libclang-rt-dev-wasm32 (and dpkg-dev, if
# the source is not given):
#
#   pkg/script/lua/build.sh [folder of the unpacked source package redis]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=${1:-}
if [ -z "$source" ]; then
	(cd "$work" && apt-get source redis >/dev/null)
	source=$(echo "$work"/redis-*/)
fi
mkdir "$work/src"
cp "$source"/deps/lua/src/*.[ch] "$work/src/"
patch -s -p1 -d "$work/src" <"$here/lua.patch"
cp "$here"/*.[ch] "$work/src/"
cd "$work/src"
units="libc vm reply api lapi lcode ldebug ldo ldump lfunc lgc llex lmem lobject lopcodes lparser lstate lstring
	ltable ltm lundump lvm lzio lauxlib lbaselib lmathlib lstrlib ltablib lua_bit lua_cjson lua_cmsgpack
	lua_struct strbuf fpconv"
objects=""
for u in $units; do
	clang --target=wasm32-wasi -O2 -flto -ftls-model=local-exec -fno-strict-aliasing -mbulk-memory -msign-ext \
		-mnontrapping-fptoint -DENABLE_CJSON_GLOBAL -w -I. -include conf.h -c "$u.c" -o "$u.o"
	objects="$objects $u.o"
done
# Without -O: the driver would run another optimizer. The stack lies first, so that one that
# is too deep leaves the memory instead of running into data. The names stay: profiles show them.
clang --target=wasm32-wasi -mexec-model=reactor -o lua.wasm $objects \
	-Wl,--export=__stack_pointer -Wl,--stack-first -Wl,-z,stack-size=1048576 -Wl,--strip-debug -Wl,--lto-O2
go run github.com/ncruces/wasm2go@v0.4.21 -unsafe -pkg luago -o translated.go lua.wasm
(cd "$here" && go run ./gen) <translated.go >lua.go
mv lua.go "$here/../luago/lua.go"
ls -l "$here/../luago/lua.go"
