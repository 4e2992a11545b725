#compdef axscope
_axscope() {
    local word command=
    local -a commands=(
        'read:which concepts fire\: per token and over the prompt'
        'search:concept labels by regular expression'
        'show:one concept\: label, logit lens, nearest rows, statistics'
        'steer:generate, steered beside baseline'
        'tokenize:token ids and pieces'
        'dump:residuals, latents, logits as a safetensors file'
        'info:what is loaded\: shapes, sizes, memory, instruction set'
        'calibrate:how every concept behaves on neutral text\: for z'
        'open:the screens on residuals in a safetensors file'
        'selftest:check everything, with these files on this machine'
        'bench:how fast this machine is with these files, and could be'
    )
    for word in ${words[2,CURRENT-1]}; do
        case $word in
            read|search|show|steer|tokenize|dump|info|calibrate|open|selftest|bench) command=$word; break ;;
        esac
    done
    case $command in
        bench)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--kv=[keys and values\: f32 (default), or f16\: half of the memory of a text]:FORM:(f32 f16)' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--ids=[exactly these token ids in place of a text]:N,N,...:' \
                '--seed=[seed of the sampling noise, or of random ids (default 0)]:S:' \
                '--only=[only these figures, and those of the machine]:GROUP:(start load read batch edit slider decode latents search memory fidelity)' \
                '--runs=[runs of each figure after one that does not count (default 5, 2 if quick)]:N:' \
                '--reference=[another file of the model, to compare latents with]:M:_files' \
                '--tokens=[lengths of the prompts read (default 21,32,128,512)]:N,N,...:' \
                '--quick[a second or two for each group\: is it all there?]' \
                '--long[prompts of 21 to 4096 tokens, memory at 2048]' \
                '--help[show the help]' \
                '*: :' ;;
        selftest)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--help[show the help]' \
                '*: :' ;;
        open)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--color=[colours of the screens\: auto (default), true, 256, 16, 8, mono, ascii]:MODE:(auto true 256 16 8 mono ascii)' \
                '--bg=[light or dark terminal (default\: as COLORFGBG says, or dark)]:WHICH:(light dark)' \
                '--help[show the help]' \
                '*: :' ;;
        calibrate)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--texts=[neutral text, a passage for each paragraph (default\: the bundled one)]:FILE:_files' \
                '--again[also where it is done already]' \
                '--min-tokens=[refuse a text of fewer tokens (default 1000)]:N:' \
                '--help[show the help]' \
                '*: :' ;;
        info)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--kv=[keys and values\: f32 (default), or f16\: half of the memory of a text]:FORM:(f32 f16)' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--help[show the help]' \
                '*: :' ;;
        dump)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--kv=[keys and values\: f32 (default), or f16\: half of the memory of a text]:FORM:(f32 f16)' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--ids=[exactly these token ids in place of a text]:N,N,...:' \
                '--raw[the text as typed, BOS added unless typed]' \
                '--chat[one user turn in the chat template (default for chat models)]' \
                '--answer=[the answer of the assistant, which ends the text]:TEXT:' \
                '--messages=[a JSON list of {role, content} in place of a text; - is stdin]:FILE:_files' \
                '*--set=[add factor x act_max x direction]:ROW=FACTOR:' \
                '*--strength=[add value x direction]:ROW=VALUE:' \
                '*--clamp=[set the activation of the concept to value]:ROW=VALUE:' \
                '*--threshold=[add value x direction where the latent is below value]:ROW=VALUE:' \
                '*--project-out=[remove the direction]:ROW:' \
                '*--steer-at=[prompt, generated, both (default), or FROM..]:WHERE:(prompt generated both)' \
                '--signed[raw projections, negative ones too]' \
                '--out=[the safetensors file to write]:FILE:_files' \
                '--layers=[residuals after these layers (default\: the hook layer)]:N,N,...:' \
                '--logits=[next-token logits of the last or of all positions]:WHICH:(last all)' \
                '--latents[latents of all concepts]' \
                '--help[show the help]' \
                '*: :' ;;
        tokenize)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--json[print JSON]' \
                '--messages=[a JSON list of {role, content} in place of a text; - is stdin]:FILE:_files' \
                '--bos[put the BOS token first]' \
                '--lines[every input line is a JSON string or an object with "text"]' \
                '--help[show the help]' \
                '*: :' ;;
        steer)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--kv=[keys and values\: f32 (default), or f16\: half of the memory of a text]:FORM:(f32 f16)' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--ids=[exactly these token ids in place of a text]:N,N,...:' \
                '--raw[the text as typed, BOS added unless typed]' \
                '--chat[one user turn in the chat template (default for chat models)]' \
                '--answer=[the answer of the assistant, which ends the text]:TEXT:' \
                '--messages=[a JSON list of {role, content} in place of a text; - is stdin]:FILE:_files' \
                '*--set=[add factor x act_max x direction]:ROW=FACTOR:' \
                '*--strength=[add value x direction]:ROW=VALUE:' \
                '*--clamp=[set the activation of the concept to value]:ROW=VALUE:' \
                '*--threshold=[add value x direction where the latent is below value]:ROW=VALUE:' \
                '*--project-out=[remove the direction]:ROW:' \
                '*--steer-at=[prompt, generated, both (default), or FROM..]:WHERE:(prompt generated both)' \
                '--max-tokens=[tokens to generate at most (default 128)]:N:' \
                '--temperature=[0 (default)\: greedy]:T:' \
                '--top-k=[sample among the K likeliest (default 0\: all)]:K:' \
                '--top-p=[sample among the likeliest of this mass (default 1)]:P:' \
                '--seed=[seed of the sampling noise, or of random ids (default 0)]:S:' \
                '--help[show the help]' \
                '*: :' ;;
        show)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--lens=[tokens at each end of the logit lens (default 10)]:K:' \
                '--nearest=[nearest concepts by cosine (default 10)]:K:' \
                '--help[show the help]' \
                '*: :' ;;
        search)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--json[print JSON]' \
                '--limit=[at most N matches]:N:' \
                '--case-sensitive[upper and lower case differ]' \
                '--fuzzy[letters in this order with anything between, best first]' \
                '--sort=[row (default), label, act_max, relevance]:ORDER:(row label act_max relevance)' \
                '--genre=[only concepts of this genre\: text, code, math or other]:GENRE:(text code math other)' \
                '--help[show the help]' \
                '*: :' ;;
        read)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--kv=[keys and values\: f32 (default), or f16\: half of the memory of a text]:FORM:(f32 f16)' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--json[print JSON]' \
                '--ids=[exactly these token ids in place of a text]:N,N,...:' \
                '--raw[the text as typed, BOS added unless typed]' \
                '--chat[one user turn in the chat template (default for chat models)]' \
                '--answer=[the answer of the assistant, which ends the text]:TEXT:' \
                '--messages=[a JSON list of {role, content} in place of a text; - is stdin]:FILE:_files' \
                '*--set=[add factor x act_max x direction]:ROW=FACTOR:' \
                '*--strength=[add value x direction]:ROW=VALUE:' \
                '*--clamp=[set the activation of the concept to value]:ROW=VALUE:' \
                '*--threshold=[add value x direction where the latent is below value]:ROW=VALUE:' \
                '*--project-out=[remove the direction]:ROW:' \
                '*--steer-at=[prompt, generated, both (default), or FROM..]:WHERE:(prompt generated both)' \
                '--top=[concepts per token and over the prompt (default 10)]:K:' \
                '*--concept=[this concept at every token; may be repeated]:ROW:' \
                '--all[every concept at every position (JSON)]' \
                '--pool=[positions counted\: text (default), or axbench\: all from the 5th on]:WHICH:(text axbench)' \
                '--dump=[residuals in a safetensors file, in place of a text and a model]:FILE:_files' \
                '--unit=[rank by margin, z, share or raw (default\: the first it can be)]:UNIT:(margin z share raw)' \
                '--signed[raw projections, negative ones too]' \
                '--help[show the help]' \
                '*: :' ;;
        *)
            _arguments \
                '--model=[model\: a folder, a .gguf file, or a name in the hub cache]:M:_files' \
                '--dict=[dictionary\: a folder, or a name in the local hub cache]:D:_files' \
                '--acts=[its act_max and thresholds (default\: acts.json in the dictionary)]:FILE:_files' \
                '--labels=[its labels\: metadata.jsonl, Neuronpedia's explanations, or one per line]:FILE:_files' \
                '--layer=[its hook layer, from 0 (default\: what its files say)]:N:' \
                '--weights=[stored (default), or q8\: 8 bits each, half of the memory]:FORM:(stored q8)' \
                '--cache-weights[with --weights q8\: keep them on the disk, so that later starts map them]' \
                '--kv=[keys and values\: f32 (default), or f16\: half of the memory of a text]:FORM:(f32 f16)' \
                '--force[open a model that takes more memory than there is]' \
                '--threads=[threads (default\: one per core)]:N:' \
                '--exact[weights in blocks are multiplied in f32\: half as fast]' \
                '--color=[colours of the screens\: auto (default), true, 256, 16, 8, mono, ascii]:MODE:(auto true 256 16 8 mono ascii)' \
                '--bg=[light or dark terminal (default\: as COLORFGBG says, or dark)]:WHICH:(light dark)' \
                '--completions=[print a completion script\: bash, zsh or fish]:SHELL:(bash zsh fish)' \
                '--ids=[exactly these token ids in place of a text]:N,N,...:' \
                '--raw[the text as typed, BOS added unless typed]' \
                '--chat[one user turn in the chat template (default for chat models)]' \
                '--help[show the help]' \
                '1: :{_describe command commands}' ;;
    esac
}
_axscope "$@"
