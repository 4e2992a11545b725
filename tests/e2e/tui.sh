#!/bin/sh
# The screens in a real terminal, driven by keys: tests/e2e/tui.sh PROGRAM
# Needs tmux and the bundled demo. Waits until text appears, never for a fixed time.
set -u
PROGRAM=$1
DIR=$(mktemp -d)
SOCKET=$DIR/0
N=0

if ! command -v tmux >/dev/null; then
    echo "skipped: tmux is not installed"
    exit 0
fi

t() { tmux -u -S "$SOCKET" "$@"; }
screen() { t capture-pane -p -t a; }
finish() {
    t kill-server 2>/dev/null
    rm -rf "$DIR"
}
trap finish EXIT

fail() {
    echo "FAIL: $1"
    screen
    exit 1
}

# Waits for a fixed text on the screen; only what never comes takes the two minutes.
see() {
    for _ in $(seq 1200); do
        screen | grep -qF -- "$1" && return
        sleep 0.1
    done
    fail "'$1' does not appear"
}

# begin COLUMNS ROWS TERM VARIABLE=VALUE... : the program with $ARGS
ARGS=
begin() {
    columns=$1 rows=$2 term=$3
    shift 3
    t kill-server 2>/dev/null
    N=$((N + 1))
    SOCKET=$DIR/$N # a server that ends and one that begins do not share a socket well
    t -f /dev/null new-session -d -s a -x "$columns" -y "$rows" \
        "env TERM=$term $* $PROGRAM $ARGS; echo \"left with \$?\"; stty -a | grep -o -e ' icanon'; sleep 600"
}

keys() { t send-keys -t a "$@"; }

left_clean() {
    see "left with $1"
    see " icanon"
    [ "$(t display -p -t a '#{alternate_on}#{mouse_any_flag}')" = 00 ] || fail "terminal not restored"
}

# the opening, steering and leaving, in every kind of terminal
for kind in "80 24 xterm-256color" "120 40 xterm-256color" "40 12 xterm-256color" "80 24 xterm" \
            "80 24 xterm-256color NO_COLOR=1" "80 24 xterm-256color LC_ALL=C"; do
    # shellcheck disable=SC2086
    begin $kind
    see "[1 Read]"
    see "ready"
    keys 3
    see "STEERED"
    see "+0."
    keys 0
    see "Strength is 0"
    keys l l
    see "+0.10"
    see "ready"
    keys q
    left_clean 0
    echo "ok: opens, steers and leaves in $kind"
done

begin 80 24 xterm-256color
see "ready"
keys i C-u
keys -l "The bread was in the oven"
see "The bread was in the oven"
keys Enter
see "oven"
see "ready"
keys 2 /
keys -l "bread|oven"
see "match"
keys -l "("
see "column"
keys BSpace Enter Enter
see "nearest"
keys Escape Escape / C-r
keys -l "bkgbrd"
see "references to baking bread and dough"
see "by relevance"
keys Enter Escape f
see "genre: text"
keys "?"
see "Keys of this screen"
see "more: j k"
keys G
see "quit"
keys Escape 1 j Enter
see "act_max"
see "Esc back"
keys Escape
see "Over the prompt"
keys q
left_clean 0
echo "ok: types a prompt, filters by regex and fuzzy, opens pages, helps"

ARGS="--model tests/fixtures/gemma2-mini-f32 --dict tests/fixtures/gemma2-mini-f32 \
    --dict tests/fixtures/gemma2-mini-f32/l2 --layer 0 --ids 2,7,181,161,45"
begin 120 40 xterm-256color
see "l2 +1"
see "Over the prompt"
see "#1:"
keys 2 /
keys -l "bread"
keys Enter G
see "#1:"
keys Enter
see "nearest"
keys S
see "Rack"
see "#1:"
see "differs at token"
keys q
left_clean 0
echo "ok: reads and steers with two dictionaries at two layers"

ARGS="--model tests/fixtures/gguf/mini-q8_0.gguf --dict tests/fixtures/gemma2-mini-f32 Hello"
begin 80 24 xterm-256color
see "mini-q8_0.gguf"
see "Over the prompt"
keys S
see "Rack"
see "effect"
see "differs at token"
keys q
left_clean 0
ARGS=
echo "ok: reads and steers a GGUF model"

begin 80 24 xterm-256color
see "ready"
see " tokens"
yes "the river bank was wet and the bread was warm" | head -500 >"$DIR/long"
t load-buffer -b long "$DIR/long"
t paste-buffer -p -b long -t a
see "takes at most"
see "the new one was not read"
keys Enter
keys Escape
see "i edit"
keys o
see "example"
keys q
left_clean 0
echo "ok: a long paste is shown, and refused in words"

# Wake-ups of all threads so far: voluntary switches are what a thread makes when it begins to wait.
switches() { cat /proc/"$1"/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'; }

begin 80 24 xterm-256color
see "ready"
see "STEERED auto"
see "ended"
pid=$(t list-panes -t a -F '#{pane_pid}' | xargs -I{} pgrep -P {} -f "$PROGRAM" | head -1)
if [ -r "/proc/$pid/task" ]; then
    for _ in 1 2 3 4 5 6 7 8 9 10; do # what is still at work on a busy machine comes to an end
        before=$(switches "$pid")
        sleep 3
        after=$(switches "$pid")
        [ "$after" -eq "$before" ] && break
    done
    [ "$after" -eq "$before" ] || fail "idle screens wake up"
    echo "ok: nothing wakes up while nothing happens"
else
    echo "skipped: wake-ups are counted in /proc, which is not there"
fi
keys /
t send-keys -l -t a "river|bank"
see "2 of 174 match"
keys Enter
keys "'"
see "[1 Read]"
keys q
left_clean 0
echo "ok: / leads from Read to the filter, and ' back"

"$PROGRAM" dump --out "$DIR/d.safetensors" "She sat on the bank." >/dev/null
ARGS="open $DIR/d.safetensors --dict ${PROGRAM%/*}/../../assets/demo/l3"
begin 80 24 xterm-256color
see "#14"
screen | grep -q "BASELINE\|S steer\|i edit" && fail "a dump is offered what it cannot serve"
keys q
left_clean 0
ARGS="$ARGS --layer 2"
begin 80 24 xterm-256color
see "is read at layer 2"
screen | grep -q "reading \.\.\." && fail "still reading after the error"
keys q
left_clean 0
ARGS=
echo "ok: a dump is looked at, and refused in words"

begin 80 24 vt100
see "ready"
keys q
see "left with 0"
screen | grep -q BASELINE && fail "vt100: the screen's remnants stay"
echo "ok: a terminal without a second screen is cleared"

begin 80 24 xterm-256color
see "ready"
for i in 1 2 3 4 5 6 7 8 9 10; do
    t resize-window -t a -x $((20 + i * 37 % 120)) -y $((4 + i * 13 % 40))
done
t resize-window -t a -x 39 -y 9
see "needs 40x10"
t resize-window -t a -x 100 -y 30
see "[1 Read]"
keys q
left_clean 0
echo "ok: survives resizing"

for signal in TERM HUP SEGV; do
    begin 80 24 xterm-256color
    see "ready"
    kill -"$signal" "$(t list-panes -t a -F '#{pane_pid}' | xargs -I{} pgrep -P {} -f "$PROGRAM" | head -1)"
    left_clean 1
    echo "ok: terminal restored after SIG$signal"
done
