#!/usr/bin/env bash
# Runs the tests of the packages that write files on processors and systems other than this machine's: linux/arm64, the
# big-endian linux/s390x and the 32-bit linux/arm by qemu-user, windows/amd64 by Wine, and linux/386, which a 64-bit Linux
# runs by itself. A target whose emulator is not installed is skipped and named; with none at all the exit code is 2.
#
# Usage: scripts/emulate.sh [TARGET...]                e.g. scripts/emulate.sh linux/s390x
#
# PACKAGES chooses the packages, RUN a pattern of tests, TIMEOUT the time that a package gets. On Debian the emulators are
# installed by: apt-get install qemu-user-static wine64 wine gcc-mingw-w64-x86-64-win32
#
# A program of Go needs a DLL for random numbers that Wine lacks before 8.16; it is made here by the MinGW compiler. Wine 8
# also answers STATUS_NOT_IMPLEMENTED where Go asks for the removal of a file with POSIX semantics. Go falls back for what
# Windows answers that lacks these, not for that, so it is built with one line more. Files are removed then as Windows did
# before 10 1607: a name stays until the last handle is closed. Tests of what needs more than that, or symbolic links, which
# Wine only pretends to make, are left out.
#
# A test that starts its own binary again is left to the kernel, which must know the emulator (binfmt_misc). Where it does
# not, such tests are left out, and that is said.
set -uo pipefail
cd "$(dirname "$0")/.."

packages=${PACKAGES:-record index segment log internal/journal internal/vfs internal/codec}
targets=("$@")
[ $# -gt 0 ] || targets=(linux/arm64 linux/s390x linux/arm linux/386 windows/amd64)

wine='^TestLinks$|^TestOpenFilesMove$|^TestModel$/^OS$|^TestLinkInPlaceOfEveryFile$|^TestBadDirectories$/linked'
again='^(TestLockBetweenProcesses|TestShortWriteOfTheSystem|TestNothingIsPrinted)$' # tests that start their binary again

work=$(mktemp -d)
trap 'wineserver -k 2>/dev/null; rm -rf "$work"' EXIT
export WINEPREFIX=$work/wine WINEDEBUG=-all CGO_ENABLED=0

# emulator prints the command that runs binaries of a target, and fails when there is none.
emulator() {
  local names=()
  case $1 in
    linux/amd64) names=(qemu-x86_64-static qemu-x86_64) ;;
    linux/arm64) names=(qemu-aarch64-static qemu-aarch64) ;;
    linux/386) [ "$(uname -sm)" != "Linux x86_64" ] || names=(env) ;; # qemu-i386 does not get Go's threads right
    linux/*) names=("qemu-${1#*/}-static" "qemu-${1#*/}") ;;
    windows/amd64) names=(wine64 wine) ;;
  esac
  for name in "${names[@]}"; do
    command -v "$name" && return
  done
  return 1
}

# prepare_wine makes the directory that Wine takes for a Windows installation.
prepare_wine() {
  local system=$WINEPREFIX/drive_c/windows/system32
  [ ! -d "$WINEPREFIX" ] || return 0
  "$1" wineboot --init >"$work/out" 2>&1
  [ ! -e "$system/bcryptprimitives.dll" ] && command -v x86_64-w64-mingw32-gcc >/dev/null || return 0
  cat >"$work/prng.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE p, SIZE_T n) { return SystemFunction036(p, (ULONG)n); }
C
  x86_64-w64-mingw32-gcc -shared -o "$system/bcryptprimitives.dll" "$work/prng.c" -ladvapi32
}

# overlay_go makes the source of Go that falls back under Wine, too.
overlay_go() {
  local source
  source=$(go env GOROOT)/src/internal/syscall/windows/at_windows.go
  sed 's/case STATUS_INVALID_INFO_CLASS,/case NTStatus(0xC0000002), STATUS_INVALID_INFO_CLASS,/' "$source" >"$work/at_windows.go"
  printf '{"Replace": {"%s": "%s"}}' "$source" "$work/at_windows.go" >"$work/overlay.json"
}

ran=0 failed=0
for target in "${targets[@]}"; do
  if ! with=$(emulator "$target"); then
    echo "skip  $target: its emulator is not installed"
    continue
  fi
  ran=1 build=()
  if [ "$target" = windows/amd64 ]; then
    prepare_wine "$with"
    overlay_go
    build=(-overlay "$work/overlay.json")
  fi
  for package in $packages; do
    binary=$work/test.exe
    if ! GOOS=${target%/*} GOARCH=${target#*/} go test "${build[@]}" -c -o "$binary" "./$package"; then
      echo "FAIL  $target  $package: does not build"
      failed=1
      continue
    fi
    skip='^$' note=
    if [ "$target" != windows/amd64 ] && grep -q -E "^func ${again:1:-1}\\(" "$package"/*_test.go && ! "$binary" -test.run '^$' >"$work/out" 2>&1; then
      skip=$again note="  (without tests that start processes)"
    fi
    [ "$target" != windows/amd64 ] || skip=$wine
    started=$SECONDS
    if (cd "$package" && "$with" "$binary" -test.short -test.run "${RUN:-.}" -test.skip "$skip" \
      -test.timeout "${TIMEOUT:-30m}") >"$work/out" 2>&1; then
      echo "ok    $target  $package  $((SECONDS - started)) s$note"
    else
      tail -n 100 "$work/out"
      echo "FAIL  $target  $package  $((SECONDS - started)) s"
      failed=1
    fi
  done
done
[ $ran = 1 ] || exit 2
exit $failed
