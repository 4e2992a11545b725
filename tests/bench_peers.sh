#!/bin/sh
# One figure of axscope bench against the same figure of another program, in turns: A B A B ...
# Two numbers from different minutes of a shared machine are not comparable; a ratio of neighbours is.
#
#   tests/bench_peers.sh [-n ROUNDS] -f FIGURE -p PATTERN OURS PEER
#
#   -f FIGURE   key.member of axscope bench --json: read_128.tokens_per_s, decode_1.tokens_per_s, ...
#   -p PATTERN  basic regular expression with one \(group\): the peer's figure in its output
#   OURS, PEER  commands for sh, each printing its figure
#
# Prints both figures of every round and their ratio, then medians; ratio: ours over the peer's.
set -u
rounds=5
figure=
pattern=
usage() {
    sed -n '5,10s/^#  *//p' "$0" >&2
    exit 2
}
while getopts n:f:p: option; do
    case $option in
    n) rounds=$OPTARG ;;
    f) figure=$OPTARG ;;
    p) pattern=$OPTARG ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 2 ] && [ -n "$figure" ] && [ -n "$pattern" ] || usage
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# measure COMMAND: its standard output in $tmp/out
measure() {
    sh -c "$1" >"$tmp/out" 2>"$tmp/err" </dev/null && return
    echo "bench_peers.sh: failed: $1" >&2
    tail -3 "$tmp/err" >&2
    exit 1
}

# is_number TEXT WHERE
is_number() {
    echo "$1" | grep -q '^[0-9.][0-9.eE+-]*$' && return
    echo "bench_peers.sh: no figure in the output of $2" >&2
    head -c 400 "$tmp/out" >&2
    exit 1
}

# median: of the numbers on standard input
median() {
    sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

printf '%5s %12s %12s %8s   %s\n' round ours peer ratio "$figure"
round=1
while [ "$round" -le "$rounds" ]; do
    measure "$1"
    ours=$(sed -n 's/.*"'"${figure%.*}"'":{\([^}]*\)}.*/\1/p' "$tmp/out" |
        sed -n 's/.*"'"${figure##*.}"'":\([^,]*\).*/\1/p')
    is_number "$ours" "$1"
    measure "$2"
    peer=$(sed -n "s/.*$pattern.*/\\1/p" "$tmp/out" | head -1)
    is_number "$peer" "$2"
    echo "$ours $peer" | awk '{ print $1, $2, $1 / $2 }' >>"$tmp/rounds"
    tail -1 "$tmp/rounds" | awk -v r="$round" '{ printf "%5d %12.5g %12.5g %8.3f\n", r, $1, $2, $3 }'
    round=$((round + 1))
done
printf '%5s %12.5g %12.5g %8.3f   median of the ratios\n' all \
    "$(cut -d' ' -f1 "$tmp/rounds" | median)" "$(cut -d' ' -f2 "$tmp/rounds" | median)" \
    "$(cut -d' ' -f3 "$tmp/rounds" | median)"
