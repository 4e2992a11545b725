/* The tables of commands and options. */
#include "tui/args_internal.h"

#include <limits.h>

#define BIT(command) (1u << COMMAND_##command)
#define RUNS_MODEL (BIT(READ) | BIT(STEER) | BIT(DUMP))
#define TAKES_DICTS (RUNS_MODEL | BIT(SEARCH) | BIT(SHOW) | BIT(OPEN) | BIT(TUI))
#define EVERY ((1u << N_COMMANDS) - 1)
#define FIELD(name) offsetof(struct args, name)

const struct command_info command_table[N_COMMANDS] = {
    [COMMAND_TUI] = {"", "[PROMPT]", "open the screens"},
    [COMMAND_READ] = {"read", "TEXT|-", "which concepts fire: per token and over the prompt"},
    [COMMAND_SEARCH] = {"search", "REGEX", "concept labels by regular expression"},
    [COMMAND_SHOW] = {"show", "ROW", "one concept: label, logit lens, nearest rows, statistics"},
    [COMMAND_STEER] = {"steer", "TEXT|-", "generate, steered beside baseline"},
    [COMMAND_TOKENIZE] = {"tokenize", "TEXT|-", "token ids and pieces"},
    [COMMAND_DUMP] = {"dump", "TEXT|-", "residuals, latents, logits as a safetensors file"},
    [COMMAND_INFO] = {"info", "", "what is loaded: shapes, sizes, memory, instruction set"},
    [COMMAND_OPEN] = {"open", "DUMP", "the screens on residuals in a safetensors file"},
    [COMMAND_SELFTEST] = {"selftest", "", "check everything, with these files on this machine"},
    [COMMAND_BENCH] = {"bench", "", "how fast this machine is with these files, and could be"},
    [COMMAND_CALIBRATE] = {"calibrate", "", "how every concept behaves on neutral text: for z"},
};

bool command_takes_dicts(enum command command)
{
    return TAKES_DICTS & 1u << command;
}

#define FLAG(name, help, group, commands, field)                                       \
    {                                                                                  \
        name, NULL, NULL, help, group, commands, option_parse_flag, FIELD(field), 0, 0 \
    }
#define STRING(name, arg, help, group, commands, field)                                 \
    {                                                                                   \
        name, arg, NULL, help, group, commands, option_parse_string, FIELD(field), 0, 0 \
    }
#define INT(name, arg, help, group, commands, field, min, max)                           \
    {                                                                                    \
        name, arg, NULL, help, group, commands, option_parse_int, FIELD(field), min, max \
    }
#define OTHER(name, arg, choices, help, group, commands, parse)   \
    {                                                             \
        name, arg, choices, help, group, commands, parse, 0, 0, 0 \
    }

#define OPENS_MODEL \
    (RUNS_MODEL | BIT(SHOW) | BIT(INFO) | BIT(CALIBRATE) | BIT(SELFTEST) | BIT(BENCH) | BIT(TUI))
#define OPENS_FILES (EVERY & ~BIT(TUI) & ~BIT(OPEN))

const struct option option_table[] = {
    STRING("model", "M", "model: a folder, a .gguf file, or a name in the hub cache", GROUP_FILES,
           EVERY, scope.model),
    {"dict", "D", NULL, "dictionary: a folder, or a name in the local hub cache", GROUP_FILES,
     EVERY & ~BIT(TOKENIZE), option_parse_dict, FIELD(scope.dict), 0, 0},
    {"acts", "FILE", NULL, "its act_max and thresholds (default: acts.json in the dictionary)",
     GROUP_FILES, EVERY & ~BIT(TOKENIZE), option_parse_dict_string,
     offsetof(struct scope_options, acts), 0, 0},
    {"labels", "FILE", NULL,
     "its labels: metadata.jsonl, Neuronpedia's explanations, or one per line", GROUP_FILES,
     EVERY & ~BIT(TOKENIZE), option_parse_dict_string, offsetof(struct scope_options, labels), 0,
     0},
    {"layer", "N", NULL, "its hook layer, from 0 (default: what its files say)", GROUP_FILES,
     EVERY & ~BIT(TOKENIZE), option_parse_layer, 0, 0, 9999},
    OTHER("weights", "FORM", "stored|q8",
          "stored (default), or q8: 8 bits each, half of the memory", GROUP_FILES, OPENS_MODEL,
          option_parse_weights),
    FLAG("cache-weights", "with --weights q8: keep them on the disk, so that later starts map them",
         GROUP_FILES, OPENS_MODEL, scope.caches_weights),
    OTHER("kv", "FORM", "f32|f16",
          "keys and values: f32 (default), or f16: half of the memory of a text", GROUP_FILES,
          RUNS_MODEL | BIT(INFO) | BIT(BENCH) | BIT(TUI), option_parse_kv),
    FLAG("force", "open a model that takes more memory than there is", GROUP_FILES, OPENS_MODEL,
         scope.ignores_memory),
    INT("threads", "N", "threads (default: one per core)", GROUP_FILES, OPENS_MODEL | BIT(OPEN),
        threads, 1, 1024),
    FLAG("exact", "weights in blocks are multiplied in f32: half as fast", GROUP_FILES, OPENS_MODEL,
         exact),
    FLAG("json", "print JSON", GROUP_FILES, OPENS_FILES, json),
    {"color", "MODE", "auto|true|256|16|8|mono|ascii",
     "colours of the screens: auto (default), true, 256, 16, 8, mono, ascii", GROUP_OWN,
     BIT(TUI) | BIT(OPEN), option_parse_choice, FIELD(color), 0, 0},
    {"bg", "WHICH", "light|dark", "light or dark terminal (default: as COLORFGBG says, or dark)",
     GROUP_OWN, BIT(TUI) | BIT(OPEN), option_parse_choice, FIELD(background), 0, 0},
    {"completions", "SHELL", "bash|zsh|fish", "print a completion script: bash, zsh or fish",
     GROUP_OWN, BIT(TUI), option_parse_string, FIELD(completions), 0, 0},

    OTHER("ids", "N,N,...", NULL, "exactly these token ids in place of a text", GROUP_TEXT,
          RUNS_MODEL | BIT(BENCH) | BIT(TUI), option_parse_ids),
    OTHER("raw", NULL, NULL, "the text as typed, BOS added unless typed", GROUP_TEXT,
          RUNS_MODEL | BIT(TUI), option_parse_form),
    OTHER("chat", NULL, NULL, "one user turn in the chat template (default for chat models)",
          GROUP_TEXT, RUNS_MODEL | BIT(TUI), option_parse_form),
    STRING("answer", "TEXT", "the answer of the assistant, which ends the text", GROUP_TEXT,
           RUNS_MODEL, answer),
    STRING("messages", "FILE", "a JSON list of {role, content} in place of a text; - is stdin",
           GROUP_TEXT, RUNS_MODEL | BIT(TOKENIZE), messages),

    OTHER("set", "ROW=FACTOR", NULL, "add factor x act_max x direction", GROUP_STEERING, RUNS_MODEL,
          option_parse_edit),
    OTHER("strength", "ROW=VALUE", NULL, "add value x direction", GROUP_STEERING, RUNS_MODEL,
          option_parse_edit),
    OTHER("clamp", "ROW=VALUE", NULL, "set the activation of the concept to value", GROUP_STEERING,
          RUNS_MODEL, option_parse_edit),
    OTHER("threshold", "ROW=VALUE", NULL, "add value x direction where the latent is below value",
          GROUP_STEERING, RUNS_MODEL, option_parse_edit),
    OTHER("project-out", "ROW", NULL, "remove the direction", GROUP_STEERING, RUNS_MODEL,
          option_parse_project_out),
    OTHER("steer-at", "WHERE", "prompt|generated|both",
          "prompt, generated, both (default), or FROM..", GROUP_STEERING, RUNS_MODEL,
          option_parse_steer_at),

    INT("top", "K", "concepts per token and over the prompt (default 10)", GROUP_OWN, BIT(READ),
        top, 0, 1000000),
    OTHER("concept", "ROW", NULL, "this concept at every token; may be repeated", GROUP_OWN,
          BIT(READ), option_parse_concept),
    FLAG("all", "every concept at every position (JSON)", GROUP_OWN, BIT(READ), all),
    OTHER("pool", "WHICH", "text|axbench",
          "positions counted: text (default), or axbench: all from the 5th on", GROUP_OWN,
          BIT(READ), option_parse_pool),
    STRING("dump", "FILE", "residuals in a safetensors file, in place of a text and a model",
           GROUP_OWN, BIT(READ), dump),
    OTHER("unit", "UNIT", "margin|z|share|raw",
          "rank by margin, z, share or raw (default: the first it can be)", GROUP_OWN, BIT(READ),
          option_parse_unit),
    FLAG("signed", "raw projections, negative ones too", GROUP_OWN, BIT(READ) | BIT(DUMP),
         is_signed),

    INT("limit", "N", "at most N matches", GROUP_OWN, BIT(SEARCH), limit, 0, INT_MAX),
    FLAG("case-sensitive", "upper and lower case differ", GROUP_OWN, BIT(SEARCH), case_sensitive),
    FLAG("fuzzy", "letters in this order with anything between, best first", GROUP_OWN, BIT(SEARCH),
         fuzzy),
    OTHER("sort", "ORDER", "row|label|act_max|relevance",
          "row (default), label, act_max, relevance", GROUP_OWN, BIT(SEARCH), option_parse_sort),
    OTHER("genre", "GENRE", "text|code|math|other",
          "only concepts of this genre: text, code, math or other", GROUP_OWN, BIT(SEARCH),
          option_parse_genre),

    INT("lens", "K", "tokens at each end of the logit lens (default 10)", GROUP_OWN, BIT(SHOW),
        lens, 0, 10000),
    INT("nearest", "K", "nearest concepts by cosine (default 10)", GROUP_OWN, BIT(SHOW), nearest, 0,
        10000),

    INT("max-tokens", "N", "tokens to generate at most (default 128)", GROUP_OWN, BIT(STEER),
        max_tokens, 1, 1000000),
    {"temperature", "T", NULL, "0 (default): greedy", GROUP_OWN, BIT(STEER), option_parse_float,
     FIELD(temperature), 0, 1000},
    INT("top-k", "K", "sample among the K likeliest (default 0: all)", GROUP_OWN, BIT(STEER), top_k,
        0, INT_MAX),
    {"top-p", "P", NULL, "sample among the likeliest of this mass (default 1)", GROUP_OWN,
     BIT(STEER), option_parse_float, FIELD(top_p), 0, 1},
    OTHER("seed", "S", NULL, "seed of the sampling noise, or of random ids (default 0)", GROUP_OWN,
          BIT(STEER) | BIT(BENCH), option_parse_seed),

    FLAG("bos", "put the BOS token first", GROUP_OWN, BIT(TOKENIZE), bos),
    FLAG("lines", "every input line is a JSON string or an object with \"text\"", GROUP_OWN,
         BIT(TOKENIZE), lines),

    STRING("out", "FILE", "the safetensors file to write", GROUP_OWN, BIT(DUMP), out),
    OTHER("layers", "N,N,...", NULL, "residuals after these layers (default: the hook layer)",
          GROUP_OWN, BIT(DUMP), option_parse_layers),
    OTHER("logits", "WHICH", "last|all", "next-token logits of the last or of all positions",
          GROUP_OWN, BIT(DUMP), option_parse_logits),
    FLAG("latents", "latents of all concepts", GROUP_OWN, BIT(DUMP), latents),

    STRING("texts", "FILE", "neutral text, a passage for each paragraph (default: the bundled one)",
           GROUP_OWN, BIT(CALIBRATE), texts),
    {"only", "GROUP", "start|load|read|batch|edit|slider|decode|latents|search|memory|fidelity",
     "only these figures, and those of the machine", GROUP_OWN, BIT(BENCH), option_parse_choice,
     FIELD(only), 0, 0},
    INT("runs", "N", "runs of each figure after one that does not count (default 5, 2 if quick)",
        GROUP_OWN, BIT(BENCH), runs, 1, 1000),
    STRING("reference", "M", "another file of the model, to compare latents with", GROUP_OWN,
           BIT(BENCH), reference),
    OTHER("tokens", "N,N,...", NULL, "lengths of the prompts read (default 21,32,128,512)",
          GROUP_OWN, BIT(BENCH), option_parse_lengths),
    FLAG("quick", "a second or two for each group: is it all there?", GROUP_OWN, BIT(BENCH), quick),
    FLAG("long", "prompts of 21 to 4096 tokens, memory at 2048", GROUP_OWN, BIT(BENCH), is_long),

    FLAG("again", "also where it is done already", GROUP_OWN, BIT(CALIBRATE), again),
    INT("min-tokens", "N", "refuse a text of fewer tokens (default 1000)", GROUP_OWN,
        BIT(CALIBRATE), min_tokens, 1, INT_MAX),
};
const size_t n_options = sizeof option_table / sizeof *option_table;
