#!/bin/sh
# The subcommands from outside: exit statuses, empty standard output on failure, the keys of the
# JSON, names in the hub cache. Usage: cli.sh PROGRAM
set -u
program=$1
case $program in /*) ;; *) program=$PWD/$program ;; esac
fixtures=$PWD/tests/fixtures
bench_peers=$PWD/tests/bench_peers.sh
mini=$fixtures/gemma2-mini
mini_f32=$fixtures/gemma2-mini-f32
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
export HF_HUB_CACHE="$tmp/hub"
export XDG_CACHE_HOME="$tmp/cache"
mkdir "$HF_HUB_CACHE"
n_failed=0

fail() {
    echo "FAILED: $1"
    sed 's/^/    stdout: /' "$tmp/out" | head -3 | cut -c 1-300
    sed 's/^/    stderr: /' "$tmp/err" | head -3
    n_failed=$((n_failed + 1))
}

# fine PATTERN ARGS...: exit 0, nothing on stderr, stdout has the pattern
fine() {
    pattern=$1
    shift
    "$program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    status=$?
    if [ $status -ne 0 ] || [ -s "$tmp/err" ] || ! grep -q -e "$pattern" "$tmp/out"; then
        fail "exit $status, wanted 0 and '$pattern': $*"
    fi
}

# noted NOTE PATTERN ARGS...: exit 0, one line on stderr, a note with NOTE; stdout has the pattern
noted() {
    note=$1
    pattern=$2
    shift 2
    "$program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    status=$?
    if [ $status -ne 0 ] || ! grep -q -e "$pattern" "$tmp/out" || [ "$(wc -l <"$tmp/err")" -ne 1 ] ||
        ! grep -q -e "^axscope: note: .*$note" "$tmp/err"; then
        fail "exit $status, wanted 0, '$pattern' and the note '$note': $*"
    fi
}

# refused STATUS PATTERN ARGS...: that exit status, empty stdout, stderr has the pattern
refused() {
    wanted=$1
    pattern=$2
    shift 2
    "$program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    status=$?
    if [ $status -ne "$wanted" ] || [ -s "$tmp/out" ] || ! grep -q -e "$pattern" "$tmp/err"; then
        fail "exit $status, wanted $wanted and '$pattern': $*"
    fi
}

# --- help ---
fine 'usage: axscope' --help
fine 'axscope [0-9a-f]' --version
for command in read search show steer tokenize dump info calibrate open selftest bench; do
    fine "usage: axscope $command" $command --help
done
fine 'complete .*axscope' --completions bash

# --- what works ---
gguf=$fixtures/gguf/mini-q8_0.gguf
fine '"n_concepts":32,"layer":2' read --json --model "$gguf" --dict "$mini_f32" "Hello"
fine '"steered":{"ids":' steer --json --model "$gguf" --dict "$mini_f32" --strength 3=2 --max-tokens 3 "Hello"
fine '"dtypes":\["Q8_0"\]' info --json --model "$gguf" --dict "$mini_f32"
fine '"name":"resid.1".*"name":"resid.2".*"name":"logits".*"name":"latents"' dump --json --model "$gguf" \
    --dict "$mini_f32" --layers 1,2 --logits last --latents --out "$tmp/gguf.safetensors" "Hello"
fine '"n_concepts":32,"layer":2' read --json --dump "$tmp/gguf.safetensors" --model "$gguf" --dict "$mini_f32"
fine '"ids":\[75,108\]' tokenize --json --model "$gguf" Hi
refused 1 'is not a GGUF file' info --model "$fixtures/gemma2-mini/config.json"
fine '"dictionary":{"path":.*"name":.*"n_concepts":64,"layer":3}' read --json --model "$mini" --ids 2,114,41
fine '"tokens":\[{"pos":0,"id":2,"text":"<2>","special":true,"counted":false,"top":\[{"row":' \
    read --json --model "$mini" --ids 2,114,41
fine '"unit":"raw","prompt_top":\[{"row":' read --json --model "$mini" --ids 2,114,41
fine '"concepts":\[{"row":5,"label":"[^"]*","acts":\[.*{"row":1,' \
    read --json --model "$mini" --ids 2,114,41 --concept 5 --concept 1
fine 'Over the prompt, by raw' read --model "$mini" --ids 2,114,41
fine '"n":[1-9].*"spans":\[\[' search --json --dict "$mini/l3" bread
fine 'labels match' search --dict "$mini" bread
fine '"lens":{"top":\[{"id":' show --json --model "$mini" 5
fine '"lens":null' show --json --dict "$mini" 5
fine '"nearest":\[{"row":' show --json --model "$mini" 5
fine '"linked":\[\]' show --json --model "$mini" 5
sae=tests/fixtures/sae
ref=https://www.neuronpedia.org/gemma-2-mini/3-mini-res-24
printf '{"concept_id":0,"concept":"a","ref":"%s/9"}\n{"concept_id":1,"concept":"b","ref":"%s/4"}\n' $ref $ref \
    > "$tmp/refs.jsonl"
printf 'one\ntwo\nthree\n' > "$tmp/lines.txt"
fine '"row":"0:4".*"linked":\[{"row":"1:4","label":"feature 4"}\]' \
    show --json --dict $sae/standard --dict $sae/topk 0:4
refused 1 'has 2 lines, but the weights have 24 rows' show --dict $sae/topk --labels "$tmp/refs.jsonl" 1
fine 'three' search --dict tests/fixtures/npy/c_f4.npy --labels "$tmp/lines.txt" three
fine '"kind":"gated"' info --json --dict $sae/gated
fine '"effect":{"kl_first":0.*,"norm_ratio":0' \
    steer --json --model "$mini" --ids 2,114 --strength 5=25 --steer-at prompt --max-tokens 4
fine 'Steered' steer --model "$mini" --ids 2,114 --project-out 5 --max-tokens 4
fine 'kl_first":0,"norm_ratio":0,' steer --json --model "$mini" --ids 2,114 --max-tokens 2
fine 'resid.0 .*\[2, 96\]' dump --model "$mini" --ids 2,114 --out "$tmp/d.safetensors" \
    --layers 0,5 --logits all --latents
[ -s "$tmp/d.safetensors" ] || fail "dump wrote no file"
fine '"n_layers":6' info --json --model "$mini"
fine 'dictionary' info --model "$mini"

fine '"mode":"fuzzy","sort":"relevance","n":[1-9].*"score":[1-9]' \
    search --json --dict "$mini/l3" --fuzzy brd
fine '"genre":"code"' search --json --dict "$mini/l3" --genre code --sort label .
"$program" search --dict "$mini/l3" --genre code --json . | grep -q '"genre":"text"' &&
    fail "--genre code lists texts"
"$program" search --dict "$mini/l3" 'no such label' >"$tmp/out" 2>"$tmp/err"
[ $? -eq 0 ] && [ ! -s "$tmp/out" ] && grep -q 'no label' "$tmp/err" || fail "no match is not said"

# --- what is refused, with its exit status ---
refused 2 'unknown option' read --frobnicate x
refused 2 'row number' steer --set x=1 --model "$mini" --ids 2
refused 2 "did you mean 'search'" serach bread
refused 2 'empty' read --model "$mini" ''
refused 1 'act_max' search --dict "$mini/l3" --sort act_max bread
refused 2 'column' search --dict "$mini" 'a(b'
refused 2 'needs TEXT' read --model "$mini"
refused 2 'names none' read --dict "$mini" --ids 2
refused 1 'there is no such file or folder' read --model /nowhere --ids 2
export AXSCOPE_ISA=sse9
refused 2 'AXSCOPE_ISA=sse9: there is no such instruction set' read --model "$mini" --ids 2
fine 'usage' --help
unset AXSCOPE_ISA
refused 1 'out of range' read --model "$mini" --ids 2,384
refused 1 'out of range' read --model "$mini" --ids 2 --concept 64
refused 1 'out of range' show --model "$mini" 64
refused 1 'out of range' dump --model "$mini" --ids 2 --layers 6 --out "$tmp/no"
refused 1 '--strength' steer --model "$mini" --ids 2 --set 5=1
refused 1 'columns' read --model "$mini" --dict "$mini_f32" --ids 2
refused 1 'tokenizer.json' read --model "$mini" text
refused 1 'tokenizer.json' tokenize --model "$mini" text
refused 1 '8193 tokens.*8192' read --model "$mini" --ids "$(yes 3 | head -8193 | paste -sd,)"
[ -e "$tmp/no" ] && fail "a refused dump left a file"
(ulimit -f 4 && exec "$program" dump --logits all --out "$tmp/limited" hello) >"$tmp/out" 2>"$tmp/err"
[ $? -eq 1 ] && grep -q 'cannot be written' "$tmp/err" || fail "a file that may not grow is no error"
ls "$tmp" | grep -q limited && fail "a dump that was cut off left a file"
mkdir "$tmp/two" && ln -s "$mini/l3" "$tmp/two/l3" && ln -s "$mini/l3" "$tmp/two/l4"
refused 2 'l3' search --dict "$tmp/two" x
fine 'labels match' search --dict "$tmp/two" --layer 4 x
mkdir "$tmp/cut" && cp "$mini_f32"/*.json "$tmp/cut/"
head -c 300000 "$mini_f32/model.safetensors" >"$tmp/cut/model.safetensors"
refused 1 'model.safetensors' info --model "$tmp/cut"
mkdir "$tmp/bare" && cp "$mini_f32/config.json" "$mini_f32/model.safetensors" "$tmp/bare/"
refused 1 'no concept dictionary' read --model "$tmp/bare" --ids 2
fine '"baseline"' steer --json --model "$tmp/bare" --ids 2,7 --max-tokens 2

# --- statistics ---
mkdir -p "$tmp/acts" && cp -r "$mini" "$tmp/acts/"
{
    echo '{"max_act": {'
    for row in $(seq 0 62); do echo "\"$row\": 8,"; done
    echo '"63": 0}, "thresholds": {'
    for row in $(seq 0 62); do echo "\"$row\": 2,"; done
    echo '"63": 0}}'
} >"$tmp/acts.json"
fine '"unit":"margin"' read --json --model "$mini" --ids 2,114,41 --acts "$tmp/acts.json"
fine '"act_max":8,"threshold":2' show --json --model "$mini" --acts "$tmp/acts.json" 5
fine '"norm_ratio":[0-9.]*[1-9]' steer --json --model "$mini" --ids 2,114 --acts "$tmp/acts.json" \
    --set 63=0.5 --max-tokens 1

# --- two dictionaries ---
ln -s "$mini/l3" "$tmp/l1"
fine '"dictionary":{.*"layer":3},"dictionaries":\[{.*"layer":1}\].*"row":"1:[0-9]' \
    read --json --model "$mini" --dict "$mini/l3" --dict "$tmp/l1" --ids 2,114,41 --concept 1:5
refused 1 'columns' read --model "$mini" --dict "$mini/l3" --dict "$mini_f32" --ids 2
refused 1 'out of range' read --model "$mini" --dict "$mini/l3" --dict "$tmp/l1" --ids 2 --concept 1:64
refused 2 'twice' info --dict "$mini/l3" --dict "$tmp/l1"
fine '"row":"0:[0-9].*"row":"1:[0-9]' search --json --dict "$mini/l3" --dict "$tmp/l1" bread
fine ' 1:[0-9]*  text ' search --dict "$mini/l3" --dict "$tmp/l1" bread
fine '"row":"1:5",.*"nearest":\[{"row":"1:' show --json --dict "$mini/l3" --dict "$tmp/l1" 1:5
fine '"layer":3,"row":"0:17".*"layer":1,"row":"1:3".*"layers":\[{"layer":1,.*{"layer":3,' steer --json \
    --model "$mini" --dict "$mini/l3" --dict "$tmp/l1" --ids 2,114,41 --max-tokens 2 \
    --strength 0:17=9 --strength 1:3=7
fine '^Edits at layer 3' steer --model "$mini" --dict "$mini/l3" --dict "$tmp/l1" --ids 2,114,41 --max-tokens 2 \
    --strength 0:17=9 --strength 1:3=7
refused 1 'there are 2' steer --model "$mini" --dict "$mini/l3" --dict "$tmp/l1" --ids 2 --strength 2:3=7
fine '"name":"resid.3".*"name":"resid.1".*"name":"latents.0".*"name":"latents.1"' dump --json --latents \
    --out "$tmp/both.safetensors" --model "$mini" --dict "$mini/l3" --dict "$tmp/l1" --ids 2,114,41
fine '"row":"1:[0-9]' read --json --dump "$tmp/both.safetensors" --dict "$mini/l3" --dict "$tmp/l1"
refused 2 'twice for one' show --dict "$mini/l3" --acts "$tmp/acts.json" --acts "$tmp/acts.json" 1
fine '"act_max":8' show --json --dict "$mini/l3" --dict "$tmp/l1" --acts "$tmp/acts.json" 1:5
fine '"act_max":null' show --json --dict "$mini/l3" --dict "$tmp/l1" --acts "$tmp/acts.json" 0:5

# --- names in the hub cache ---
scope="$HF_HUB_CACHE/models--google--gemma-scope-2b-pt-res/snapshots/abc/layer_3/width_24"
mkdir -p "$scope" && cp -R "$sae/gemma-scope/layer_3/width_24/average_l0_9" "$scope/"
fine '"n_concepts":24,"layer":3' read --json --model "$mini" --ids 2,7 \
    --dict google/gemma-scope-2b-pt-res/layer_3/width_24/average_l0_9
refused 1 'no snapshot/layer_3/width_24 in it' read --model "$mini" --ids 2,7 \
    --dict google/gemma-scope-2b-pt-res/layer_3/width_24
HUGGINGFACE_HUB_CACHE=$HF_HUB_CACHE
export HUGGINGFACE_HUB_CACHE
unset HF_HUB_CACHE
fine '"label":"feature 5"' show --json --dict google/gemma-scope-2b-pt-res/layer_3/width_24/average_l0_9 5
HF_HUB_CACHE=$HUGGINGFACE_HUB_CACHE
export HF_HUB_CACHE
unset HUGGINGFACE_HUB_CACHE
mkdir -p "$HF_HUB_CACHE/models--google--gemma-2-2b-it/snapshots/abc/"
cp "$tmp/bare"/* "$HF_HUB_CACHE/models--google--gemma-2-2b-it/snapshots/abc/"
refused 1 'hf download' read --model google/gemma-2-2b-it --ids 2
mkdir -p "$HF_HUB_CACHE/models--pyvene--gemma-reft-2b-it-res/snapshots/def/"
ln -s "$mini_f32/l2" "$HF_HUB_CACHE/models--pyvene--gemma-reft-2b-it-res/snapshots/def/l2"
fine '"layer":2' read --json --model google/gemma-2-2b-it --ids 2,7
fine '"layer":2' read --json --model google/gemma-2-2b-it --dict pyvene/gemma-reft-r1-2b-it-res --ids 2,7

mkdir -p "$HF_HUB_CACHE/models--google--gemma-2-2b/snapshots/abc/"
cp "$tmp/bare"/* "$HF_HUB_CACHE/models--google--gemma-2-2b/snapshots/abc/"
"$program" read --json --model google/gemma-2-2b --dict gemma-reft-2b-it-res --ids 2,7 >"$tmp/out" 2>"$tmp/err"
[ $? -eq 0 ] && grep -q 'base model gemma-2-2b with a dictionary of the chat model' "$tmp/err" || fail "no warning of a base model"
grep -q '"name":"gemma-2-2b"' "$tmp/out" || fail "a model of the hub cache is not called by its name"

# --- the bundled demo, found beside the program from any folder ---
unset AXSCOPE_DATA
cd "$tmp" || exit 1
fine '"unit":"margin","prompt_top":\[{"row":' read --json "She sat on the bank of the river."
fine '"id":2,"text":"<bos>","special":true,"counted":false' read --json --raw "the bank"
fine '"counted":true' read --json --chat "a river" --answer "The bank is green."
fine 'Per token' read --pool axbench --signed "She sat on the bank of the river."
fine '"n":[1-9]' search --json bank
fine '"top":\[{"id":.*"bottom":\[{"id":' show --json 3
fine '"steered":{"ids":\[.*"text":".*"stop":"' \
    steer --json --set 3=0.8 --temperature 0.7 --top-k 50 --top-p 0.95 --seed 5 --max-tokens 12 "Hello"
fine '"pieces":\["<bos>"' tokenize --json --bos "the bank"
printf 'the bank\n' | "$program" tokenize --json - >"$tmp/piped" 2>&1
fine '"ids"' tokenize --json "the bank"
cmp -s "$tmp/piped" "$tmp/out" || fail "standard input differs from an argument"
printf '"a"\n{"text": "b\\u0000c"}\n' | "$program" tokenize --lines - >"$tmp/out" 2>"$tmp/err"
[ "$(grep -c '"ids"' "$tmp/out")" -eq 2 ] || fail "--lines: two lines in, not two objects out"
printf '"a"\n[1]\n' | "$program" tokenize --lines - >"$tmp/out" 2>"$tmp/err"
[ $? -eq 1 ] && [ "$(grep -c '"ids"' "$tmp/out")" -eq 1 ] && grep -q 'line 2' "$tmp/err" ||
    fail "--lines: a bad second line"
printf '"a"\n{"text": \n' | "$program" tokenize --lines - >"$tmp/out" 2>"$tmp/err"
grep -q 'line 2.*not complete' "$tmp/err" && ! grep -q download "$tmp/err" || fail "--lines: half an object"
printf '[{"role":' | "$program" tokenize --messages - >"$tmp/out" 2>"$tmp/err"
grep -q '^  Give \[' "$tmp/err" && ! grep -q download "$tmp/err" || fail "--messages -: half a list"

# --- texts that are none, or not what they seem ---
for blank in '' '   ' '\n\n'; do
    printf "$blank" | "$program" read - >"$tmp/out" 2>"$tmp/err"
    [ $? -eq 2 ] && [ ! -s "$tmp/out" ] && grep -q 'is empty' "$tmp/err" || fail "read - of '$blank'"
done
refused 2 'is empty' read '   '
fine 'Over the prompt' read --raw ' '
printf 'the b\377nk \377' | "$program" read - >"$tmp/out" 2>"$tmp/err"
[ $? -eq 0 ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] && grep -q 'standard input .* byte 5' "$tmp/err" ||
    fail "bytes that are no UTF-8 are not noted"
noted 'change nothing here.*before the edit' '"tokens"' read --json --set 3=1 "a river"
noted 'change nothing here.*before the edit' 'resid.3' dump --out "$tmp/s.safetensors" --set 3=1 "a river"
noted 'no token is generated' 'resid.4' dump --out "$tmp/s.safetensors" --layers 4 --steer-at generated \
    --set 3=1 "a river"
noted 'above layer 3' 'resid.4' dump --out "$tmp/s.safetensors" --layers 3,4 \
    --set 3=1 "a river"
fine 'resid.4' dump --out "$tmp/s.safetensors" --layers 4 --set 3=1 "a river"
fine 'no list: --top 0' read --top 0 "a river"
fine 'full bar: margin 1; most here: 0' read "She sat on the bank of the river."
fine 'the strongest concept by share' read --unit share "a river"
refused 2 'needs the chat template' read --raw --answer x y

# --- conversations ---
printf '[{"role":"user","content":"a river"}]' >"$tmp/one.json"
printf '{"messages":[{"role":"user","content":"a river"},{"role":"assistant","content":"It is green."},
    {"role":"user","content":"And the bank?"}]}' >"$tmp/three.json"
printf '[{"role":"system","content":"be brief"},{"role":"user","content":"a river"}]' >"$tmp/system.json"
printf '[{"role":"user","content":"a river"},{"role":"model","content":"Yes."}]' >"$tmp/answered.json"
printf '{}' >"$tmp/empty.json"
fine '"tokens"' read --json --chat "a river"
mv "$tmp/out" "$tmp/typed"
fine '"tokens"' read --json --messages "$tmp/one.json"
cmp -s "$tmp/typed" "$tmp/out" || fail "one message differs from the same text typed"
"$program" read --json --messages - <"$tmp/one.json" >"$tmp/out" 2>&1
cmp -s "$tmp/typed" "$tmp/out" || fail "--messages - differs from --messages FILE"
fine '"pieces":\["<bos>","<start_of_turn>".*"<start_of_turn>".*"<start_of_turn>".*"<start_of_turn>"' \
    tokenize --json --messages "$tmp/three.json"
fine '"steered"' steer --json --messages "$tmp/three.json" --max-tokens 2 --set 3=0.5
fine 'resid' dump --out "$tmp/turns.safetensors" --messages "$tmp/three.json" --answer "Green too."
refused 1 "role 'system'" steer --messages "$tmp/system.json"
refused 1 'ends with the assistant' read --messages "$tmp/answered.json" --answer x
refused 1 'no list of messages' tokenize --messages "$tmp/empty.json"

# --- calibration ---
calibration='"calibration":{"n_tokens":[0-9]*,"n_passages":[0-9]*,"mean":.*"p99.9":.*"max_text":"'
fine '"calibration":null' show --json 3
refused 1 'not calibrated' read --unit z "the river"
refused 2 'margin, z, share or raw' read --unit loud "the river"
refused 1 'no act_max' read --model "$mini" --ids 2,114 --unit share
refused 1 'holds no text' calibrate --texts /dev/null
refused 1 'too few .* 1000 .*' calibrate --texts "$fixtures/gemma2-mini/config.json"
grep -q -e '--min-tokens [1-9]' "$tmp/err" || fail "calibrate: the hint does not say how to allow few tokens"
refused 1 'tokenizer' calibrate --model "$mini" --texts "$tmp/short.txt"
printf 'She sat on the bank.\n\nThe bread was warm\nand fresh.\n' >"$tmp/short.txt"
fine '"n_passages":2,"n_tokens":[0-9]*,"n_resumed":0,"was_done":false,"rows":\[{"row":0,"mean":' \
    calibrate --json --texts "$tmp/short.txt" --min-tokens 5
fine 'done before' calibrate --texts "$tmp/short.txt" --min-tokens 5
fine "$calibration" show --json 3
fine 'On neutral text' show 3
fine '"unit":"z","prompt_top":\[{"row":' read --json --unit z "the river"
fine '"unit":"margin"' read --json "the river"
fine '"unit":"z"' read --json --unit z --dict "${program%/*}/../../assets/demo" \
    --dict "${program%/*}/../../assets/demo" --model "${program%/*}/../../assets/demo" "the river"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cat "${program%/*}/../../assets/calibration.txt"; echo; done >"$tmp/long.txt"
for seconds in 0.3 1 3 10 30; do # a busy machine may not finish its first passage in the first of them
    "$program" calibrate --json --texts "$tmp/long.txt" >"$tmp/out" 2>"$tmp/err" &
    sleep $seconds
    kill -TERM $! && wait $!
    [ $? -eq 1 ] && grep -q 'interrupted after [1-9]' "$tmp/err" && break
done
grep -q 'interrupted after [1-9]' "$tmp/err" || fail "calibrate is not interrupted"
noted 'replaces the calibration over [1-9][0-9]* tokens of 2 passages' \
    '"n_resumed":[1-9][0-9]*,"was_done":false' calibrate --json --texts "$tmp/long.txt"
fine '"was_done":true' calibrate --json --texts "$tmp/long.txt"
for file in "$tmp"/cache/axscope/calibration/*; do printf 'damaged' >"$file"; done
refused 1 'calibrate makes it again' read "the river"
fine '"was_done":false' calibrate --json --texts "$tmp/short.txt" --min-tokens 5

# --- a dump is read like the text it was made of, without a model ---
fine 'resid.3' dump --out "$tmp/r.safetensors" "She sat on the bank."
fine '"acts":\[\[' read --json --all "She sat on the bank."
sed 's/.*"layer":3,"tokens"/"tokens"/' "$tmp/out" >"$tmp/from_text"
fine '"model":null,.*"dump":{"path":' read --json --all --dump "$tmp/r.safetensors"
sed 's/.*"layer":3,"tokens"/"tokens"/' "$tmp/out" >"$tmp/from_dump"
cmp -s "$tmp/from_text" "$tmp/from_dump" || fail "read --dump differs from read"
fine '"id":2,"text":"<2>"' read --json --dump "$tmp/r.safetensors" --dict "${program%/*}/../../assets/demo"
refused 1 'after layer 3, and the dictionary .* is read at layer 2' \
    read --dump "$tmp/r.safetensors" --dict "$mini_f32"
refused 1 'has 96' read --dump "$tmp/r.safetensors" --dict "$mini"
refused 2 'weights' read --dump "$tmp/r.safetensors" --set 3=1
refused 1 'no tensor called resid' read --dump "$mini_f32/model.safetensors"

# --- selftest ---
fine 'PASS  factor 0 against no steering .*bit for bit' selftest
grep -q FAIL "$tmp/out" && fail "selftest on the demo"
fine '"name":"tokenizer round trip","status":"SKIP".*"n_failed":0}' selftest --json --model "$mini"
fine '"name":"cached against uncached","status":"PASS"' selftest --json --model "$mini_f32"

# --- bench ---
fine '"first_frame":{"median":[0-9].*"bandwidth":{"median":[0-9].*"fma":{"median":[0-9].*"load":{"median":[0-9]' \
    bench --json --quick
for figure in labels sgemm load_model read_21 read_32 read_128 read_512 batch_16x21 edit_128 slider_128 \
    decode_1 decode_2 decode_5 latents_1 search memory_mapped memory_read memory_heap memory_peak; do
    grep -q "\"$figure\":{\"median\":[0-9]" "$tmp/out" || fail "bench --json measures no $figure"
done
fine 'cold read, 9000 tokens  *not measured: the model takes at most' bench --quick --only read --tokens 5,9000 \
    --model "$mini"
fine 'labels  *not measured: no dictionary' bench --quick --only search --model "$gguf"
fine '"fidelity_cosine":{"median":0\.99.*"fidelity_top10":{"median":[01]' bench --json --quick --only fidelity \
    --model "$gguf" --dict "$mini_f32" --reference "$mini_f32"
refused 2 'another file' bench --only fidelity
refused 2 'start, load' bench --only speed
refused 2 'above 0' bench --tokens 5,0
peers() {
    sh "$bench_peers" "$@" >"$tmp/out" 2>"$tmp/err"
}
peers -n 3 -f read_5.tokens_per_s -p 'rate \([0-9.]*\)' \
    "$program bench --quick --only read --tokens 5 --json --model $mini" 'echo a rate 0.5 tok/s' ||
    fail 'bench_peers.sh'
[ "$(grep -c ' 0.5 ' "$tmp/out")" -eq 4 ] || fail 'bench_peers.sh prints three rounds and their medians'
peers -n 1 -f read_5.tokens_per_s -p 'rate \([0-9.]*\)' "echo {}" 'echo rate 1' && fail 'bench_peers.sh without a figure'

# --- weights in 8 bits ---
refused 2 'Add --weights q8' read --cache-weights --model "$mini" --ids 2,114
fine '"heap_bytes"' info --json --weights q8 --model "$mini"
fine '"unit"' read --json --weights q8 --model "$mini" --ids 2,114
[ -e "$tmp/cache/axscope/weights" ] && fail "weights are stored without --cache-weights"
cp "$tmp/out" "$tmp/heap"
for run in first second; do
    fine '"unit"' read --json --weights q8 --cache-weights --model "$mini" --ids 2,114
    cmp -s "$tmp/out" "$tmp/heap" || fail "$run run from stored weights: other numbers than from the heap"
done
weights=$(ls "$tmp"/cache/axscope/weights/*.gguf)
printf 'damaged' >"$weights"
noted 'not used (--cache-weights replaces them)' '"unit"' read --json --weights q8 --model "$mini" --ids 2,114
noted 'stored again' '"unit"' read --json --weights q8 --cache-weights --model "$mini" --ids 2,114
cmp -s "$tmp/out" "$tmp/heap" || fail "weights that were stored again give other numbers"
refused 1 "is a 'axscope-weights-1' model" info --model "$weights"

# --- pipes and locales ---
"$program" read --json --all --model "$mini" --ids "$(yes 3 | head -2000 | paste -sd,)" 2>"$tmp/err" |
    head -c 10 >"$tmp/out"
[ -s "$tmp/err" ] && fail "a closed pipe is not quiet"
LC_ALL=C fine '"unit"' read --json --model "$mini" --ids 2,114
LC_ALL=POSIX fine 'Over the prompt' read --model "$mini" --ids 2,114
cd / && fine '"unit"' read --json --model "$mini" --ids 2,114

[ $n_failed -eq 0 ] || { echo "cli.sh: $n_failed failed"; exit 1; }
echo "cli.sh: all fine"
