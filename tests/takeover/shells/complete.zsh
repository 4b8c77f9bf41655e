# Types a line and TAB into an interactive zsh, and prints what the line became.
#
#   complete.zsh DIRECTORY_OF_COMPLETIONS LINE
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -D -u; print REA''DY"
zpty -r shell said '*READY*'
# At the start of the completed line, `print`; then its end is the shell's.
zpty -n -w shell "$2"$'\t\C-aprint -r -- "LINE: \C-e"\nexit\n'
while zpty -r shell said; do print -rn -- $said; done
