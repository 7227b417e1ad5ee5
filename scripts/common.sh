# Shared by the scripts of this directory: messages, stages with their time and log, the number of jobs.
# shellcheck shell=bash disable=SC2034  # its variables are used by those who source it

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' red='' green='' plain=''
fi

say() { printf '%s\n' "$*"; }
heading() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }
die() {
  printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

# usage SCRIPT: the comment at the head of the script is its help text.
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }

# A compiler takes up to 1.5 GB: more jobs than memory holds would end in the out-of-memory killer.
jobs_by_memory() {
  local cores memory_kb
  cores=$(nproc)
  memory_kb=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
  local fitting=$((memory_kb / 1500000))
  ((fitting >= 1)) || fitting=1
  echo $((cores < fitting ? cores : fitting))
}
jobs=${CHAPERON_JOBS:-$(jobs_by_memory)}

# Prints the lines of stdin that show progress ("[12/340]", "12/340 Test"), one every 20 seconds at most.
progress() {
  local line last=$SECONDS
  while IFS= read -r line; do
    if ((SECONDS - last >= 20)) && [[ $line =~ ^(\[[0-9]+/[0-9]+\]|\ *[0-9]+/[0-9]+\ Test) ]]; then
      printf '    %s\n' "${BASH_REMATCH[1]}"
      last=$SECONDS
    fi
  done
}

# stage NAME COMMAND...: runs the command with its output in build/logs/NAME.log, prints how long it took. Where it
# fails: shows the end of its output and ends the script with its exit status.
stage() {
  local name=$1 log=$logs/${1//[ \/]/-}.log start status seconds
  shift
  mkdir -p "$logs"
  start=$(date +%s%N)
  # Not `"$@" || status=$?`, which would switch off `set -e` inside of a function.
  set +e
  (
    set -e
    "$@"
  ) 2>&1 | tee "$log" | progress
  status=${PIPESTATUS[0]}
  set -e
  seconds=$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.1f", ns / 1e9 }')
  if ((status != 0)); then
    printf '%s  %-26s failed after %s s%s\n' "$red" "$name" "$seconds" "$plain"
    tail -n "${STAGE_TAIL:-80}" "$log"
    printf '%serror:%s %s failed with exit status %d; the whole output is in %s\n' "$red" "$plain" "$name" \
      "$status" "${log#"$PWD"/}" >&2
    exit "$status"
  fi
  printf '  %-26s %6s s\n' "$name" "$seconds"
}

# Compiles through ccache where it is installed; the two sloppinesses are what it needs for precompiled headers.
use_ccache() {
  command -v ccache >/dev/null 2>&1 || return 0
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_SLOPPINESS=pch_defines,time_macros
  # Another clone of the same source compiles nothing anew.
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
}
