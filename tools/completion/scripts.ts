// The scripts by which a shell asks `zcontext` itself what fits: they know no verb and no option. Pure.

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# zcontext for bash. In ~/.bashrc: source <(zcontext completion bash)
_zcontext() {
  local value rest current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS=$'\\t' read -r value rest; do
    case "$value" in
      :files) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
      :folders) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
      *) COMPREPLY+=("$value") ;;
    esac
  done < <("$1" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _zcontext zcontext`;

const ZSH = `#compdef zcontext
# zcontext for zsh. In ~/.zshrc, after compinit: source <(zcontext completion zsh)
_zcontext() {
  local line meaning
  local -a lines found
  lines=("\${(@f)$(\${words[1]} __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    case $line in
      :files) _files ;;
      :folders) _files -/ ;;
      ?*)
        meaning=\${line#*$'\\t'}
        found+=("\${\${line%%$'\\t'*}//:/\\\\:}\${meaning:+:$meaning}") ;;
    esac
  done
  (( $#found )) && _describe -t zcontext zcontext found
}
if [[ $funcstack[1] = _zcontext ]]; then
  _zcontext "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _zcontext zcontext
fi`;

const FISH = `# zcontext for fish. Once: zcontext completion fish > ~/.config/fish/completions/zcontext.fish
function __zcontext
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete -- $words[2..] "$current" 2>/dev/null)
    switch $line
      case ':files'
        __fish_complete_path "$current"
      case ':folders'
        __fish_complete_directories "$current" ''
      case '*'
        echo $line
    end
  end
end
complete -c zcontext -f -a '(__zcontext)'`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
