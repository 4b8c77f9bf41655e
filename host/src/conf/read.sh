# Reads one configuration file and prints what it sets, twice evaluated.
#
# Arguments: FILE COUNT NAME... (VARIABLE VALUE)...
#   NAME      the COUNT names to print
#   VARIABLE  what the file may read, as NAME or NAME[INDEX]
# Output: `slot NAME INDEX VALUE`, each word followed by NUL, then `end`; or
# `exit` where the file ended the shell.
#
# Everything happens in a subshell: in a PID namespace this shell is outside,
# and the subshell is the process whose end ends all others.
(
__modsmith_file=$1
__modsmith_names=("${@:3:$2}")
shift "$(($2 + 2))"
while (($#)); do
    builtin printf -v "$1" %s "$2"
    shift 2
done

# The file is sourced in a function (it may use `local`), and what it set is
# printed there, as text for the second evaluation. The echo is unquoted on
# purpose: that is what shrinks white space and expands patterns.
__modsmith_print() {
    builtin . "$__modsmith_file" >/dev/null
    for __modsmith_name in "${__modsmith_names[@]}"; do
        builtin eval "__modsmith_slots=(\"\${!$__modsmith_name[@]}\")"
        for __modsmith_slot in "${__modsmith_slots[@]}"; do
            builtin eval "__modsmith_value=\${$__modsmith_name[\$__modsmith_slot]}"
            builtin echo $__modsmith_name[$__modsmith_slot]=\"${__modsmith_value%$'\r'}\"
        done
    done
    builtin echo '#end'
}

__modsmith_text=$(__modsmith_print)
if [[ $__modsmith_text != *'#end' ]]; then
    builtin printf 'exit\0'
    exit
fi
builtin eval "$__modsmith_text" >/dev/null
for __modsmith_name in "${__modsmith_names[@]}"; do
    builtin eval "__modsmith_slots=(\"\${!$__modsmith_name[@]}\")"
    for __modsmith_slot in "${__modsmith_slots[@]}"; do
        builtin eval "__modsmith_value=\${$__modsmith_name[\$__modsmith_slot]}"
        builtin printf '%s\0' slot "$__modsmith_name" "$__modsmith_slot" "$__modsmith_value"
    done
done
builtin printf 'end\0'
)
exit
