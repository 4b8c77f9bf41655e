# Reads one configuration file and prints what it sets, twice evaluated.
#
# Arguments: FILE TEXT COUNT NAME... (VARIABLE VALUE)...
#   TEXT      the same text, for a reader that may not open the file
#   NAME      the COUNT names to print
#   VARIABLE  what the file may read, as NAME or NAME[INDEX]
# Output: `slot NAME INDEX VALUE`, each word followed by NUL, then `end`; or
# `exit` where the file ended the shell.

# All of it in a subshell, which is read as a whole before it begins: a syntax error
# in what is evaluated must not change how the rest is read.
(
# By its own name where that is possible: BASH_SOURCE leads to its directory.
__modsmith_file=$1
if ! { : <"$1"; } 2>/dev/null; then
    __modsmith_file=$2
    { : <"$2"; } || exit
fi
__modsmith_names=("${@:4:$3}")
shift "$(($3 + 3))"
while (($#)); do
    builtin printf -v "$1" %s "$2"
    shift 2
done

# The file is sourced in a function (it may use `local`), and what it set is
# printed there, as text for the second evaluation. The echo is unquoted on
# purpose: that is what shrinks white space and expands patterns.
#
# A failing command of a file with `set -e` does not end the shell. Bash heeds this
# only if it is said twice: of the file, and of the substitution around it. The file's
# traps print nothing among its values.
__modsmith_print() {
    # Where a signal is trapped, bash does not run the file's last command in its own place.
    builtin trap : URG
    {
        . "$__modsmith_file" || builtin :
        builtin set +e
        builtin trap - EXIT ERR DEBUG RETURN
    } >/dev/null
    for __modsmith_name in "${__modsmith_names[@]}"; do
        builtin eval "__modsmith_slots=(\"\${!$__modsmith_name[@]}\")"
        for __modsmith_slot in "${__modsmith_slots[@]}"; do
            builtin eval "__modsmith_value=\${$__modsmith_name[\$__modsmith_slot]}"
            builtin echo $__modsmith_name[$__modsmith_slot]=\"${__modsmith_value%$'\r'}\"
        done
    done
    builtin echo '#end'
}

__modsmith_text=$(__modsmith_print) || builtin :
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
exit
)
