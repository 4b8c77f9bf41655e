# How bash reads a dkms.conf, written from the description alone: source it in
# a function, print each slot with an unquoted echo into a file, source that.
#
# Arguments: CONF SCRATCH-FILE. Directive names: the words of $ORACLE_NAMES.
conf=$1 scratch=$2
names=($ORACLE_NAMES)
set --
unset ORACLE_NAMES
declare +x kernelver arch kernel_source_dir kernel_config dkms_tree source_tree install_tree module module_version
slots_of() {
    eval 'indices=("${!'"$1"'[@]}")'
}
read_file() {
    # dkms is a script: bash does not run a file's last command in its own place.
    trap : URG
    # dkms goes on where a file has `set -e` and a command of it fails.
    { . "$conf" || :; } >/dev/null
    set +e
    trap - EXIT ERR DEBUG RETURN
    for name in "${names[@]}"; do
        slots_of "$name"
        for index in "${indices[@]}"; do
            eval 'value="${'"$name"'[$index]}"'
            value=${value%$'\r'}
            echo $name[$index]=\"$value\"
        done
    done >"$scratch"
}
: >"$scratch"
nothing=$(read_file) || :
. "$scratch" >/dev/null
for name in "${names[@]}"; do
    slots_of "$name"
    for index in "${indices[@]}"; do
        eval 'value="${'"$name"'[$index]}"'
        printf '%s\0' "$name" "$index" "$value"
    done
done
