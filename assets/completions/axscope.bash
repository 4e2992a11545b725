# bash completion for axscope
_axscope() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word command=
    COMPREPLY=()
    case $prev in
        --model) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --dict) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --acts) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --labels) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --layer) return ;;
        --weights) COMPREPLY=($(compgen -W 'stored q8' -- "$cur")); return ;;
        --kv) COMPREPLY=($(compgen -W 'f32 f16' -- "$cur")); return ;;
        --threads) return ;;
        --color) COMPREPLY=($(compgen -W 'auto true 256 16 8 mono ascii' -- "$cur")); return ;;
        --bg) COMPREPLY=($(compgen -W 'light dark' -- "$cur")); return ;;
        --completions) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$cur")); return ;;
        --ids) return ;;
        --answer) return ;;
        --messages) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --set) return ;;
        --strength) return ;;
        --clamp) return ;;
        --threshold) return ;;
        --project-out) return ;;
        --steer-at) COMPREPLY=($(compgen -W 'prompt generated both' -- "$cur")); return ;;
        --top) return ;;
        --concept) return ;;
        --pool) COMPREPLY=($(compgen -W 'text axbench' -- "$cur")); return ;;
        --dump) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --unit) COMPREPLY=($(compgen -W 'margin z share raw' -- "$cur")); return ;;
        --limit) return ;;
        --sort) COMPREPLY=($(compgen -W 'row label act_max relevance' -- "$cur")); return ;;
        --genre) COMPREPLY=($(compgen -W 'text code math other' -- "$cur")); return ;;
        --lens) return ;;
        --nearest) return ;;
        --max-tokens) return ;;
        --temperature) return ;;
        --top-k) return ;;
        --top-p) return ;;
        --seed) return ;;
        --out) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --layers) return ;;
        --logits) COMPREPLY=($(compgen -W 'last all' -- "$cur")); return ;;
        --texts) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --only) COMPREPLY=($(compgen -W 'start load read batch edit slider decode latents search memory fidelity' -- "$cur")); return ;;
        --runs) return ;;
        --reference) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --tokens) return ;;
        --min-tokens) return ;;
    esac
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            read|search|show|steer|tokenize|dump|info|calibrate|open|selftest|bench) command=$word; break ;;
        esac
    done
    case $command in
        bench) word='--model --dict --acts --labels --layer --weights --cache-weights --kv --force --threads --exact --json --ids --seed --only --runs --reference --tokens --quick --long --help' ;;
        selftest) word='--model --dict --acts --labels --layer --weights --cache-weights --force --threads --exact --json --help' ;;
        open) word='--model --dict --acts --labels --layer --threads --color --bg --help' ;;
        calibrate) word='--model --dict --acts --labels --layer --weights --cache-weights --force --threads --exact --json --texts --again --min-tokens --help' ;;
        info) word='--model --dict --acts --labels --layer --weights --cache-weights --kv --force --threads --exact --json --help' ;;
        dump) word='--model --dict --acts --labels --layer --weights --cache-weights --kv --force --threads --exact --json --ids --raw --chat --answer --messages --set --strength --clamp --threshold --project-out --steer-at --signed --out --layers --logits --latents --help' ;;
        tokenize) word='--model --json --messages --bos --lines --help' ;;
        steer) word='--model --dict --acts --labels --layer --weights --cache-weights --kv --force --threads --exact --json --ids --raw --chat --answer --messages --set --strength --clamp --threshold --project-out --steer-at --max-tokens --temperature --top-k --top-p --seed --help' ;;
        show) word='--model --dict --acts --labels --layer --weights --cache-weights --force --threads --exact --json --lens --nearest --help' ;;
        search) word='--model --dict --acts --labels --layer --json --limit --case-sensitive --fuzzy --sort --genre --help' ;;
        read) word='--model --dict --acts --labels --layer --weights --cache-weights --kv --force --threads --exact --json --ids --raw --chat --answer --messages --set --strength --clamp --threshold --project-out --steer-at --top --concept --all --pool --dump --unit --signed --help' ;;
        *) word='--model --dict --acts --labels --layer --weights --cache-weights --kv --force --threads --exact --color --bg --completions --ids --raw --chat --help read search show steer tokenize dump info calibrate open selftest bench' ;;
    esac
    COMPREPLY=($(compgen -W "$word" -- "$cur"))
}
complete -o filenames -F _axscope axscope
